//! Whether a request or a handshake is a person's: asks the rules of its app's packs.
//!
//! Judging has no effect; `record` notes what came of it. What no rule knows counts. A request whose
//! body must be seen first is judged when that has come; the body passes on meanwhile.

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
use crate::core::pack::{Connection, Judgement, Opening, RequestHead, RequestJudgement};
use crate::core::skeleton;
use crate::core::time::Nanos;
use crate::core::visit::Visits;
use crate::proxy::transfer::Transfer;
use crate::proxy::work::OpenRequest;
use crate::session::{App, AppPolicy};

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");

/// What of a request its judgement needs, when the request itself has gone on to the app.
#[derive(Clone, Debug)]
pub(super) struct RequestContext {
    pub(super) app: Arc<App>,
    pub(super) policy: Arc<AppPolicy>,
    pub(super) method: Method,
    pub(super) uri: Uri,
    /// Who asks; see [`client`].
    pub(super) client: u64,
    /// What it has to do with a page being opened.
    pub(super) navigation: Navigation,
    /// A page asks, no other program.
    by_page: bool,
    /// It comes from a page that is open.
    from_page: bool,
    /// See [`RequestHead`].
    reopened: Option<Duration>,
    /// Where it may be work while it is not answered.
    pub(super) work: Option<Arc<OpenRequest>>,
    /// Where it counts, or may.
    pub(super) transfer: Option<Arc<Transfer>>,
}

/// What a head tells before the app is asked.
#[derive(Clone, Copy, Debug)]
pub(super) enum JudgedHead {
    /// Of a plain request.
    Request(JudgedRequest),
    /// Of a handshake. What the app chooses may tell more.
    Handshake(Judgement),
}

/// What the head of a plain request tells.
#[derive(Clone, Copy, Debug)]
pub(super) struct JudgedRequest {
    /// What it counts for; `None` = its body must be seen first.
    pub(super) judgement: Option<Judgement>,
    /// Bytes of its body that are to be inspected; 0 = none.
    pub(super) body: usize,
    /// The packs that it has given away.
    pub(super) recognised: u64,
}

/// What a handshake tells when the app has accepted it.
#[derive(Debug)]
pub(super) struct JudgedHandshake<'a> {
    pub(super) opening: Opening<'a>,
    /// The rules for its messages.
    pub(super) connection: Connection,
    pub(super) judgement: Judgement,
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

impl RequestContext {
    /// Takes from a request what its judgement needs. `peer`: the address it came from.
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

    /// A page asks for it by a script or as a part of itself, and nobody by opening it.
    pub(super) fn by_page_itself(&self) -> bool {
        self.from_page && matches!(self.navigation, Navigation::Part | Navigation::Other)
    }

    /// Whether what the app sends by itself is activity.
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
        let opening = judge::opening(visits, self.client, &self.head(), None, now);
        let book = &self.policy.book;
        let connection = book.connection(&opening);
        let known = (&**book, self.policy.recognised() | connection.packs);
        let asker = (self.client, self.by_page);
        JudgedHead::Handshake(judge::handshake(known, visits, asker, &opening, now))
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

    /// Whether it would be looked at as a timer's if no rule knows it. What a rule that is made of it
    /// would say of a query is not known, so that it must have none.
    pub(super) fn may_be_timer(&self) -> bool {
        let bare = self.uri.query().is_none_or(str::is_empty);
        self.policy.seeks_cadence() && bare && self.navigation == Navigation::Other
    }

    /// Judges a plain request by the start of its body, or all of it.
    pub(super) fn body(&self, body: &[u8], whole: bool) -> Judgement {
        let book = &self.policy.book;
        book.request_body(&self.head(), self.policy.recognised(), body, whole)
    }

    /// Judges a handshake that the app has accepted with these headers.
    pub(super) fn handshake<'a>(
        &'a self,
        visits: &Visits,
        answer: &'a HeaderMap,
        now: Nanos,
    ) -> JudgedHandshake<'a> {
        let book = &self.policy.book;
        let chosen = answer.get(SEC_WEBSOCKET_PROTOCOL).and_then(|value| value.to_str().ok());
        let opening = judge::opening(visits, self.client, &self.head(), chosen, now);
        let connection = book.connection(&opening);
        let known = (&**book, self.policy.recognised() | connection.packs);
        let asker = (self.client, self.by_page);
        let judgement = judge::handshake(known, visits, asker, &opening, now);
        JudgedHandshake { opening, connection, judgement }
    }
}
