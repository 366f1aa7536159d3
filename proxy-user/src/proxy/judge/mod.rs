//! Decides whether a request or a handshake is a person's, by the rules of the app's packs.
//!
//! Judging has no effect; `record` notes the result. What no rule matches counts. If the rules need the
//! body, the request is judged once enough of it has arrived; the body is forwarded meanwhile.

mod request_body;
mod response_body;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::header::{HeaderMap, HeaderName, ORIGIN, REFERER, SEC_WEBSOCKET_PROTOCOL, USER_AGENT};
use http::{Method, Request, Uri};

pub(super) use self::request_body::InspectedRequestBody;
pub(super) use self::response_body::InspectedResponseBody;
use crate::clock;
use crate::core::judge::{self, Asker};
use crate::core::navigation::{Navigation, navigation};
use crate::core::pack::{Connection, Judgement, RequestHead, RequestJudgement};
use crate::core::skeleton;
use crate::core::time::Nanos;
use crate::core::visit::Visits;
use crate::proxy::transfer::Transfer;
use crate::proxy::work::OpenRequest;
use crate::session::{App, AppPolicy};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");

/// What judging needs of a request, kept after the request itself has gone to the app.
#[derive(Clone, Debug)]
pub(super) struct RequestContext {
    pub(super) app: Arc<App>,
    pub(super) policy: Arc<AppPolicy>,
    pub(super) method: Method,
    pub(super) uri: Uri,
    /// The browser that sent it; see [`client`].
    pub(super) client: u64,
    /// Whether it is part of opening a page.
    pub(super) navigation: Navigation,
    /// It was sent by a page in a browser, not by another program.
    by_page: bool,
    /// It was sent by a page that is already open.
    from_page: bool,
    /// See [`RequestHead`].
    reopened: Option<Duration>,
    /// Present if the request may be work until it is answered.
    pub(super) work: Option<Arc<OpenRequest>>,
    /// Present if the request counts, or may count.
    pub(super) transfer: Option<Arc<Transfer>>,
}

/// What is known from the head, before the app is asked.
#[derive(Debug)]
pub(super) enum JudgedHead {
    /// A plain request.
    Request(JudgedRequest),
    /// A handshake. The subprotocol that the app chooses may change this.
    Handshake(Box<JudgedHandshake>),
}

/// What is known from the head of a plain request.
#[derive(Clone, Copy, Debug)]
pub(super) struct JudgedRequest {
    /// The judgement; `None` = the body must be inspected first.
    pub(super) judgement: Option<Judgement>,
    /// How many bytes of its body to inspect; 0 = none.
    pub(super) body: usize,
    /// The packs that it has identified, as bits.
    pub(super) recognised: u64,
}

/// What is known of a handshake.
#[derive(Debug)]
pub(super) struct JudgedHandshake {
    /// An open page restores its connection: see [`Opening`](crate::core::pack::Opening).
    pub(super) unattended: bool,
    /// The rules for its messages.
    pub(super) connection: Connection,
    pub(super) judgement: Judgement,
}

/// Identifies a browser as far as its requests allow: a hash of its address, `X-Forwarded-For` and
/// `User-Agent`.
pub(super) fn client(peer: IpAddr, headers: &HeaderMap) -> u64 {
    let mut hasher = DefaultHasher::new();
    peer.hash(&mut hasher);
    for name in [&FORWARDED_FOR, &USER_AGENT] {
        headers.get(name).map(http::HeaderValue::as_bytes).hash(&mut hasher);
    }
    hasher.finish()
}

/// Whether a person, or a page in their place, opens a page by this request.
pub(super) fn opens_page<B>(request: &Request<B>) -> bool {
    is_page(navigation(request.method(), request.uri(), request.headers()))
}

fn is_page(navigation: Navigation) -> bool {
    matches!(navigation, Navigation::Visit | Navigation::Reload)
}

impl RequestContext {
    /// As [`opens_page`] says of the request.
    pub(super) fn opens_page(&self) -> bool {
        is_page(self.navigation)
    }

    /// Copies what judging needs from a request. `peer`: the address it came from.
    pub(super) fn new<B>(
        visits: &Visits,
        (app, policy): (&Arc<App>, &Arc<AppPolicy>),
        peer: IpAddr,
        request: &Request<B>,
    ) -> RequestContext {
        let (method, uri, headers) = (request.method(), request.uri(), request.headers());
        let client = client(peer, headers);
        RequestContext {
            app: Arc::clone(app),
            policy: Arc::clone(policy),
            method: method.clone(),
            uri: uri.clone(),
            client,
            navigation: navigation(method, uri, headers),
            by_page: headers.contains_key(ORIGIN),
            from_page: [FETCH_MODE, ORIGIN, REFERER].iter().any(|name| headers.contains_key(name)),
            reopened: visits.since_back(client, clock::coarse()),
            work: None,
            transfer: None,
        }
    }

    /// A page's script or content sent it; it is not a navigation.
    pub(super) fn by_page_itself(&self) -> bool {
        self.from_page && matches!(self.navigation, Navigation::Part | Navigation::Other)
    }

    /// Whether output of the app is activity.
    pub(super) fn counts_output(&self) -> bool {
        let policy = &self.policy;
        policy.counts_output(policy.book.counts_output(policy.recognised()))
    }

    pub(super) fn head(&self) -> RequestHead<'_> {
        let query = self.uri.query().unwrap_or_default();
        let method = self.method.as_str();
        RequestHead { method, path: self.uri.path(), query, reopened: self.reopened }
    }

    pub(super) fn asker(&self) -> Asker {
        Asker { client: self.client, navigation: self.navigation }
    }

    /// Judges what is known before the app is asked.
    pub(super) fn head_of(&mut self, websocket: bool, visits: &Visits, now: Nanos) -> JudgedHead {
        if !websocket {
            return JudgedHead::Request(self.request(visits, now));
        }
        JudgedHead::Handshake(Box::new(self.handshake(visits, None, now)))
    }

    /// Judges a plain request.
    pub(super) fn request(&mut self, visits: &Visits, now: Nanos) -> JudgedRequest {
        let (book, head) = (&self.policy.book, self.head());
        let recognised = self.policy.recognised() | book.recognise_request(&head);
        let pace = if self.may_be_timer() { skeleton::LONGEST } else { 0 };
        let works: Vec<_> = book.request_work(&head, recognised).map(Arc::clone).collect();
        let work = (!works.is_empty()).then(|| Arc::new(OpenRequest::new(&self.app, works)));
        let work_needs = work.as_ref().map_or(0, |work| work.needs());
        let judgement = judge::request((book, recognised), visits, self.asker(), &head, now);
        let (judgement, body) = match judgement {
            RequestJudgement::NeedsBody(bytes) => (None, bytes.max(pace).max(work_needs)),
            RequestJudgement::Decided(judgement) if judgement == Judgement::Activity(None) => {
                (Some(judgement), pace.max(work_needs))
            }
            RequestJudgement::Decided(judgement @ Judgement::Ignored(_)) => (Some(judgement), 0),
            RequestJudgement::Decided(judgement) => (Some(judgement), work_needs),
        };
        self.work = work;
        self.transfer = (!matches!(judgement, Some(Judgement::Ignored(_)))).then(|| {
            let (method, counts) = (self.method.as_str(), judgement.is_some());
            Arc::new(Transfer::new(&self.app, method, &self.uri, counts))
        });
        JudgedRequest { judgement, body, recognised }
    }

    /// Whether its pace is watched if no rule matches it. It must have no query, because a rule made from
    /// it could say nothing about one.
    pub(super) fn may_be_timer(&self) -> bool {
        let bare = self.uri.query().is_none_or(str::is_empty);
        self.policy.seeks_cadence() && bare && self.navigation == Navigation::Other
    }

    /// Judges a plain request by the start of its body, or all of it.
    pub(super) fn body(&self, body: &[u8], whole: bool) -> Judgement {
        let book = &self.policy.book;
        book.request_body(&self.head(), self.policy.recognised(), body, whole)
    }

    /// Judges a handshake again if the app has chosen a subprotocol. `answer`: the headers of its answer.
    pub(super) fn accepted(
        &self,
        visits: &Visits,
        judged: JudgedHandshake,
        answer: &HeaderMap,
        now: Nanos,
    ) -> JudgedHandshake {
        let chosen = answer.get(SEC_WEBSOCKET_PROTOCOL).and_then(|value| value.to_str().ok());
        chosen.map_or(judged, |chosen| self.handshake(visits, Some(chosen), now))
    }

    fn handshake(&self, visits: &Visits, chosen: Option<&str>, now: Nanos) -> JudgedHandshake {
        let book = &self.policy.book;
        let opening = judge::opening(visits, self.client, &self.head(), chosen, now);
        let connection = book.connection(&opening);
        let known = (&**book, self.policy.recognised() | connection.packs);
        let asker = (self.client, self.by_page);
        let judgement = judge::handshake(known, visits, asker, &opening, now);
        JudgedHandshake { unattended: opening.unattended, connection, judgement }
    }
}
