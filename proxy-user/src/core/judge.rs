//! Judges requests and handshakes: by the rules of an app's packs, and by who has come to a page lately.
//!
//! Judging has no effect: what a request says of its browser is noted by [`note_request`] and
//! [`note_accepted`], once it is known that it is served. Must not know how a browser is told from
//! another, nor what becomes of a judgement.

use super::navigation::Navigation;
use super::pack::{Judgement, Opening, RequestHead, RequestJudgement, RuleBook};
use super::time::Nanos;
use super::visit::Visits;

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub struct Asker {
    /// One browser, as [`Visits`] knows it.
    pub client: u64,
    /// What its request has to do with a page being opened.
    pub navigation: Navigation,
}

/// Judges a plain request to an app that was recognised by these packs.
#[must_use]
pub fn request(
    (book, recognised): (&RuleBook, u64),
    visits: &Visits,
    asker: Asker,
    head: &RequestHead<'_>,
    now: Nanos,
) -> RequestJudgement {
    let judgement = book.request(head, recognised);
    let unknown = judgement == RequestJudgement::Decided(Judgement::Activity(None));
    match book.reopened(recognised) {
        Some(rule) if unknown && by_itself(visits, asker, now) => {
            RequestJudgement::Decided(Judgement::Ignored(rule))
        }
        _ => judgement,
    }
}

/// A page that nobody has opened lately loads itself again, or a part of itself after that.
fn by_itself(visits: &Visits, asker: Asker, now: Nanos) -> bool {
    match asker.navigation {
        Navigation::Reload => visits.reloads_unattended(asker.client, now),
        Navigation::Part => visits.reloading(asker.client, now),
        Navigation::Visit | Navigation::Other => false,
    }
}

/// Notes the visit that a request may be.
pub fn note_request(visits: &Visits, asker: Asker, now: Nanos) {
    match asker.navigation {
        Navigation::Visit => visits.navigated(asker.client, now),
        Navigation::Reload => visits.reloaded(asker.client, now),
        Navigation::Part | Navigation::Other => {}
    }
}

/// Notes that the app has accepted a handshake by which, as the rules say, a page may have come back
/// by itself.
pub fn note_accepted(
    visits: &Visits,
    client: u64,
    opening: &Opening<'_>,
    judgement: Judgement,
    now: Nanos,
) {
    if opening.unattended && matches!(judgement, Judgement::Ignored(_)) {
        visits.came_back(client, now);
    }
}

/// A handshake of this browser as the rules see it. `subprotocol`: what the app has chosen.
#[must_use]
pub fn opening<'a>(
    visits: &Visits,
    client: u64,
    head: &RequestHead<'a>,
    subprotocol: Option<&'a str>,
    now: Nanos,
) -> Opening<'a> {
    let unattended = !visits.attended(client, head.path, now);
    Opening { path: head.path, query: head.query, subprotocol, unattended }
}
