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
use std::time::Duration;

use http::header::{HeaderMap, HeaderName, SEC_WEBSOCKET_PROTOCOL, USER_AGENT};
use http::{Method, Request, Uri};

pub(super) use self::events::Watched;
pub(super) use self::upload::Tapped;
use super::Proxy;
use crate::clock;
use crate::config::Compression;
use crate::core::extension::Extensions;
use crate::core::gate::Reason;
use crate::core::judge::{self, Asker};
use crate::core::navigation::{Navigation, navigation};
use crate::core::pack::{RequestHead, RequestVerdict, Verdict};
use crate::core::skeleton;
use crate::pump::{Counting, Inspection};
use crate::session::{App, AppPolicy, Asked};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// What of a request its judgement needs, when the request itself has gone on to the app.
#[derive(Clone, Debug)]
pub(super) struct Case {
    app: Arc<App>,
    policy: Arc<AppPolicy>,
    method: Method,
    uri: Uri,
    /// Who asks; see [`client`].
    client: u64,
    navigation: Navigation,
    /// See [`RequestHead`].
    reopened: Option<Duration>,
}

/// What a request's body is looked at for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    /// The most bytes that must be seen.
    needs: usize,
    /// Its head has settled what it counts for; its pace is left.
    settled: bool,
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
    pub(super) fn new<B>(
        proxy: &Proxy,
        (app, policy): (&Arc<App>, &Arc<AppPolicy>),
        peer: IpAddr,
        request: &Request<B>,
    ) -> Case {
        let (method, uri, headers) = (request.method(), request.uri(), request.headers());
        let client = client(peer, headers);
        Case {
            app: Arc::clone(app),
            policy: Arc::clone(policy),
            method: method.clone(),
            uri: uri.clone(),
            client,
            navigation: navigation(method, uri, headers),
            reopened: proxy.visits.since_back(client, clock::coarse()),
        }
    }

    fn head(&self) -> RequestHead<'_> {
        let query = self.uri.query().unwrap_or_default();
        let method = self.method.as_str();
        RequestHead { method, path: self.uri.path(), query, reopened: self.reopened }
    }

    /// Judges a plain request. Some must be asked again, when so many bytes of their body have come.
    pub(super) fn request(&self, proxy: &Proxy) -> Option<Look> {
        let (book, head) = (&self.policy.book, self.head());
        let recognised = self.app.recognise(&self.policy, book.recognise_request(&head));
        let asker = Asker { client: self.client, navigation: self.navigation };
        let now = clock::coarse();
        match judge::request((book, recognised), &proxy.visits, asker, &head, now) {
            RequestVerdict::NeedsBody(bytes) => {
                let pace = if self.may_be_timer() { skeleton::LONGEST } else { 0 };
                Some(Look { needs: bytes.max(pace), settled: false })
            }
            RequestVerdict::Decided(verdict) => {
                self.count(verdict);
                if verdict == Verdict::Activity(None) && self.may_be_timer() {
                    return Some(Look { needs: skeleton::LONGEST, settled: true });
                }
                self.pace(verdict, None);
                None
            }
        }
    }

    /// Whether it would be looked at as a timer's if no rule knows it. What a rule that is made of it
    /// would say of a query is not known, so that it must have none.
    fn may_be_timer(&self) -> bool {
        let bare = self.uri.query().is_none_or(str::is_empty);
        self.policy.seeks_cadence() && bare && self.navigation == Navigation::Other
    }

    /// Shows a request to the pace of its browser. `body`: the whole of it.
    fn pace(&self, verdict: Verdict, body: Option<&[u8]>) {
        if !self.policy.seeks_cadence() || matches!(verdict, Verdict::Ignored(_)) {
            return;
        }
        let unknown = verdict == Verdict::Activity(None) && self.may_be_timer();
        let (method, path) = (self.method.as_str(), self.uri.path());
        let asked = Asked { method, path, upgrade: false, session: None };
        let body = body.filter(|_| unknown);
        self.app.account.paced(clock::coarse(), self.client, &asked, body);
    }

    /// Judges a plain request by the start of its body, or all of it.
    fn body(&self, body: &[u8], whole: bool) -> Verdict {
        let book = &self.policy.book;
        book.request_body(&self.head(), self.policy.recognised(), body, whole)
    }

    /// Judges a handshake that the app has accepted with these headers, and gives the rules for its
    /// messages.
    pub(super) fn upgrade(
        &self,
        proxy: &Proxy,
        answer: &HeaderMap,
        extensions: Extensions,
    ) -> Counting {
        let (policy, now) = (&self.policy, clock::coarse());
        let chosen = answer.get(SEC_WEBSOCKET_PROTOCOL).and_then(|value| value.to_str().ok());
        let opening = judge::opening(&proxy.visits, self.client, &self.head(), chosen, now);
        let connection = policy.book.connection(&opening);
        let recognised = self.app.recognise(policy, connection.packs);
        let verdict = policy.book.upgrade(&opening, recognised);
        judge::accepted(&proxy.visits, self.client, &opening, verdict, now);
        proxy.visits.opened(self.client, opening.path);
        self.tell(verdict, true);
        let counts_output = policy.counts_output(connection.counts_output);
        let followed = policy.config.compression == Compression::Inspect;
        let extensions = if followed { extensions } else { Extensions::default() };
        let path = self.uri.path();
        let inspection = Inspection::new(policy, path, connection, counts_output, extensions, now);
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
