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

/// Judges a handshake to an app that was recognised by these packs. `by_page`: a browser asks, which says
/// so by `Origin` (RFC 6455 section 4.1).
///
/// Of a connection that no pack knows it is a page's own doing only if the page was seen to open it before,
/// or was not seen to be opened at all.
#[must_use]
pub fn handshake(
    (book, recognised): (&RuleBook, u64),
    visits: &Visits,
    (client, by_page): (u64, bool),
    opening: &Opening<'_>,
    now: Nanos,
) -> Judgement {
    let judgement = book.upgrade(opening, recognised);
    let unknown = judgement == Judgement::Activity(None);
    match book.reopened(recognised) {
        Some(rule) if unknown && by_page && visits.opens_again(client, opening.path, now) => {
            Judgement::Ignored(rule)
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
