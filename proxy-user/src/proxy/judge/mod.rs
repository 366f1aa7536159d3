//! Whether a request or a handshake counts as activity: asks the rules of its app's packs, and tells
//! the app's account what they said.
//!
//! What no rule knows counts. A request whose body must be seen first is judged when that has come;
//! the body passes on meanwhile.

mod events;
mod upload;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::IpAddr;
use std::sync::Arc;

use http::header::{HeaderMap, HeaderName, SEC_WEBSOCKET_PROTOCOL, USER_AGENT};
use http::{Method, Request, Uri};

pub(super) use self::events::Watched;
pub(super) use self::upload::Tapped;
use super::Proxy;
use crate::clock;
use crate::config::Compression;
use crate::core::extension::Extensions;
use crate::core::gate::Reason;
use crate::core::navigation::{Navigation, navigation};
use crate::core::pack::{Opening, RequestHead, RequestVerdict, Verdict};
use crate::pump::{Counting, Inspection};
use crate::session::{App, Asked};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// What of a request its judgement needs, when the request itself has gone on to the app.
#[derive(Clone, Debug)]
pub(super) struct Case {
    app: Arc<App>,
    method: Method,
    uri: Uri,
    /// Who asks; see [`client`].
    client: u64,
    navigation: Navigation,
}

/// One browser, as far as it can be told from its requests: a number for its address, as the proxies
/// before us saw it, and its name for itself.
pub(super) fn client(peer: IpAddr, headers: &HeaderMap) -> u64 {
    let mut hasher = DefaultHasher::new();
    peer.hash(&mut hasher);
    for name in [&FORWARDED_FOR, &USER_AGENT] {
        headers.get(name).map(http::HeaderValue::as_bytes).hash(&mut hasher);
    }
    hasher.finish()
}

impl Case {
    /// Takes from a request what its judgement needs. `peer`: the address it came from.
    pub(super) fn new<B>(app: &Arc<App>, peer: IpAddr, request: &Request<B>) -> Case {
        let (method, uri, headers) = (request.method(), request.uri(), request.headers());
        Case {
            app: Arc::clone(app),
            method: method.clone(),
            uri: uri.clone(),
            client: client(peer, headers),
            navigation: navigation(method, uri, headers),
        }
    }

    fn head(&self) -> RequestHead<'_> {
        let query = self.uri.query().unwrap_or_default();
        RequestHead { method: self.method.as_str(), path: self.uri.path(), query }
    }

    /// The handshake as the rules see it.
    fn opening<'a>(&'a self, proxy: &Proxy, subprotocol: Option<&'a str>) -> Opening<'a> {
        let head = self.head();
        let attended = proxy.visits.attended(self.client, clock::coarse());
        Opening { path: head.path, query: head.query, subprotocol, unattended: !attended }
    }

    /// Judges a plain request. Some must be asked again, when so many bytes of their body have come.
    pub(super) fn request(&self, proxy: &Proxy) -> Option<usize> {
        let now = clock::coarse();
        match self.navigation {
            Navigation::Visit => proxy.visits.navigated(self.client, now),
            Navigation::Reload => proxy.visits.reloaded(self.client, now),
            Navigation::Part | Navigation::Other => {}
        }
        let (book, head) = (&self.app.book, self.head());
        if book.is_empty() {
            self.count(Verdict::Activity(None));
            return None;
        }
        let recognised = self.app.recognise(book.recognise_request(&head));
        match book.request(&head, recognised) {
            RequestVerdict::NeedsBody(bytes) => return Some(bytes),
            RequestVerdict::Decided(Verdict::Activity(None)) if self.by_itself(proxy) => {
                let rule = book.reopened(recognised);
                self.count(rule.map_or(Verdict::Activity(None), Verdict::Ignored));
            }
            RequestVerdict::Decided(verdict) => self.count(verdict),
        }
        None
    }

    /// A page that nobody has opened lately loads itself again, or a part of itself after that.
    fn by_itself(&self, proxy: &Proxy) -> bool {
        match self.navigation {
            Navigation::Reload | Navigation::Part => {
                proxy.visits.reloading(self.client, clock::coarse())
            }
            Navigation::Visit | Navigation::Other => false,
        }
    }

    /// Judges a plain request by the start of its body, or all of it.
    fn body(&self, body: &[u8], whole: bool) -> Verdict {
        let book = &self.app.book;
        book.request_body(&self.head(), self.app.recognised(), body, whole)
    }

    /// Judges a handshake that the app has accepted with these headers, and gives the rules for its
    /// messages.
    pub(super) fn upgrade(
        &self,
        proxy: &Proxy,
        answer: &HeaderMap,
        extensions: Extensions,
    ) -> Counting {
        let (app, now) = (&self.app, clock::coarse());
        let chosen = answer.get(SEC_WEBSOCKET_PROTOCOL).and_then(|value| value.to_str().ok());
        let opening = self.opening(proxy, chosen);
        let connection = app.book.connection(&opening);
        let recognised = app.recognise(connection.packs);
        self.tell(app.book.upgrade(&opening, recognised), true);
        let counts_output = app.counts_output(connection.counts_output);
        let followed = app.config.compression == Compression::Inspect;
        let extensions = if followed { extensions } else { Extensions::default() };
        let path = self.uri.path();
        let inspection = Inspection::new(app, path, connection, counts_output, extensions, now);
        Counting { counts_output, inspection }
    }

    fn count(&self, verdict: Verdict) {
        self.tell(verdict, false);
    }

    fn tell(&self, verdict: Verdict, upgrade: bool) {
        let now = clock::coarse();
        let method = self.method.as_str();
        let asked = Asked { method, path: self.uri.path(), upgrade, session: None };
        match verdict {
            Verdict::Ignored(rule) => self.app.account.asked_in_vain(now, &asked, rule),
            Verdict::Activity(rule) => {
                self.app.note(now, if upgrade { Reason::Upgrade } else { Reason::Request });
                self.app.account.asked(now, &asked, rule);
            }
            // A body that broke off, or more than any rule looks at: a person's.
            Verdict::Undecided => self.tell(Verdict::Activity(None), upgrade),
        }
    }
}
