//! Judges requests and handshakes: by the rules of an app's packs, and by who has come to a page lately.
//!
//! Judging has no effect. What a request tells about its browser is recorded by [`note_request`] and
//! [`note_accepted`], once it is known to be served. Must not know how browsers are told apart, or what
//! follows from a judgement.

use super::navigation::Navigation;
use super::pack::{Judgement, Opening, RequestHead, RequestJudgement, RuleBook};
use super::time::Nanos;
use super::visit::Visits;

/// Who sent a request.
#[derive(Clone, Copy, Debug)]
pub struct Asker {
    /// One browser, as [`Visits`] identifies it.
    pub client: u64,
    /// How its request relates to opening a page.
    pub navigation: Navigation,
}

/// Judges a plain request. `recognised`: the packs recognised in the app's traffic.
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

/// Judges a handshake. `recognised`: the packs recognised in the app's traffic. `by_page`: sent by a browser,
/// as shown by `Origin` (RFC 6455 section 4.1).
///
/// A connection that no pack knows is taken for a page's own doing only if the page was seen to open it
/// before, or if the page was never seen to be opened.
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

/// Whether a page that nobody has opened lately reloads itself, or loads a part of itself after that.
fn by_itself(visits: &Visits, asker: Asker, now: Nanos) -> bool {
    match asker.navigation {
        Navigation::Reload => visits.reloads_unattended(asker.client, now),
        Navigation::Part => visits.reloading(asker.client, now),
        Navigation::Visit | Navigation::Other => false,
    }
}

/// Records the visit that a request may be.
pub fn note_request(visits: &Visits, asker: Asker, now: Nanos) {
    match asker.navigation {
        Navigation::Visit => visits.navigated(asker.client, now),
        Navigation::Reload => visits.reloaded(asker.client, now),
        Navigation::Part | Navigation::Other => {}
    }
}

/// Records that the app accepted a handshake which, according to the rules, may be a page coming back by
/// itself.
pub fn note_accepted(
    visits: &Visits,
    client: u64,
    unattended: bool,
    judgement: Judgement,
    now: Nanos,
) {
    if unattended && matches!(judgement, Judgement::Ignored(_)) {
        visits.came_back(client, now);
    }
}

/// A browser's handshake as the rules see it. `subprotocol`: the app's choice.
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
