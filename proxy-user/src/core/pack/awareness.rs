//! What clients of a shared document last reported about themselves on one connection (y-protocols,
//! "awareness"). A page repeats its own state with nobody there, and echoes what it hears about others.
//!
//! A message is `1`, a length, the number of clients it is about, and for each client its number, a clock
//! that increases with every message, and its state as JSON. Memory is bounded, and nothing is allocated
//! after the start.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use super::condition::varint;
use crate::core::payload::Payload;
use crate::core::side::Direction;

/// The longest message that is inspected, in bytes.
pub const LONGEST: usize = 16 * 1024;
/// The first byte of such a message.
const AWARENESS: u64 = 1;
/// How many states received from the app are remembered.
const HEARD: usize = 64;
/// And for how long: a page echoes one within two seconds.
const REPEATED: Duration = Duration::from_secs(10);
/// How many clients that report about themselves on one connection are remembered: a page has one.
const OWN: usize = 4;
/// The most clients that one message may be about.
const MAX_CLIENTS: u64 = 256;

/// The states on one connection. Times are relative to its opening.
#[derive(Debug)]
pub struct Awareness {
    /// Clients that have reported about themselves, with their states.
    own: [Option<(u64, u64)>; OWN],
    next_own: usize,
    /// States that the app has sent, and when.
    heard: [(u64, Duration); HEARD],
    next_heard: usize,
}

impl Default for Awareness {
    fn default() -> Awareness {
        Awareness {
            own: [None; OWN],
            next_own: 0,
            heard: [(0, Duration::ZERO); HEARD],
            next_heard: 0,
        }
    }
}

impl Awareness {
    /// Whether a complete message of the page says nothing new: for each client either what that client last
    /// reported about itself, or what the app lately said about another.
    #[must_use]
    pub fn repeats(&self, payload: &Payload<'_>, at: Duration) -> bool {
        let mut any = false;
        let all = each(payload, |client, state| {
            any = true;
            match self.own(client) {
                Some(last) => last == state,
                None => self.was_heard(both(client, state), at),
            }
        });
        all && any
    }

    /// Remembers a complete message.
    pub fn note(&mut self, direction: Direction, payload: &Payload<'_>, at: Duration) {
        each(payload, |client, state| {
            match direction {
                Direction::Input => self.note_sent(client, state, at),
                Direction::Output => {
                    self.heard[self.next_heard] = (both(client, state), at);
                    self.next_heard = (self.next_heard + 1) % HEARD;
                }
            }
            true
        });
    }

    fn note_sent(&mut self, client: u64, state: u64, at: Duration) {
        if let Some((_, last)) = self.own.iter_mut().flatten().find(|(own, _)| *own == client) {
            *last = state;
        } else if !self.was_heard(both(client, state), at) {
            self.own[self.next_own] = Some((client, state));
            self.next_own = (self.next_own + 1) % OWN;
        }
    }

    fn own(&self, client: u64) -> Option<u64> {
        self.own.iter().flatten().find(|(own, _)| *own == client).map(|(_, state)| *state)
    }

    fn was_heard(&self, state: u64, at: Duration) -> bool {
        let lately = |then: Duration| at.saturating_sub(then) <= REPEATED;
        self.heard.iter().any(|(heard, then)| *heard == state && lately(*then))
    }
}

/// Whether more of a message is needed to remember it.
#[must_use]
pub(super) fn wants_more(payload: &Payload<'_>) -> bool {
    let seen = payload.seen();
    !payload.is_whole()
        && seen.len() < LONGEST
        && payload.least() <= LONGEST as u64
        && seen.at(0).is_none_or(|kind| u64::from(kind) == AWARENESS)
}

/// Calls `holds` with each client in a message and its state, as long as it returns true. Returns false also
/// if this is not such a message.
fn each(payload: &Payload<'_>, mut holds: impl FnMut(u64, u64) -> bool) -> bool {
    let seen = payload.seen();
    let end = seen.len();
    let number = |at: usize| varint(seen, at, end).ok();
    let Some((AWARENESS, at)) = number(0) else { return false };
    let Some((length, at)) = number(at) else { return false };
    if u64::try_from(end - at).ok() != Some(length) {
        return false;
    }
    let Some((clients, mut at)) = number(at).filter(|(clients, _)| *clients <= MAX_CLIENTS) else {
        return false;
    };
    for _ in 0..clients {
        let state = || {
            let (client, at) = number(at)?;
            let (_version, at) = number(at)?;
            let (length, at) = number(at)?;
            let behind = at.checked_add(usize::try_from(length).ok()?)?;
            Some((client, payload.plain().get(at..behind)?, behind))
        };
        let Some((client, state, behind)) = state() else { return false };
        if !holds(client, hash(state)) {
            return false;
        }
        at = behind;
    }
    at == end
}

fn hash(what: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    hasher.finish()
}

fn both(client: u64, state: u64) -> u64 {
    hash((client, state))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(client: u8, version: u8, state: &str) -> Vec<u8> {
        let length = u8::try_from(state.len()).unwrap();
        let body = [&[1, client, version, length][..], state.as_bytes()].concat();
        [&[1, u8::try_from(body.len()).unwrap()][..], &body].concat()
    }

    #[derive(Default)]
    struct Page(Awareness);

    impl Page {
        /// Whether what the page sends now is nothing new.
        fn says(&mut self, at: u64, bytes: &[u8]) -> bool {
            let (payload, at) = (Payload::whole(bytes), Duration::from_secs(at));
            let repeats = self.0.repeats(&payload, at);
            self.0.note(Direction::Input, &payload, at);
            repeats
        }

        fn hears(&mut self, at: u64, bytes: &[u8]) {
            self.0.note(Direction::Output, &Payload::whole(bytes), Duration::from_secs(at));
        }
    }

    #[test]
    fn a_state_that_is_said_again_is_nothing_new() {
        let mut page = Page::default();
        assert!(!page.says(0, &message(7, 1, "{}")));
        assert!(page.says(15, &message(7, 2, "{}")));
        assert!(!page.says(20, &message(7, 3, "{\"cursors\":[1]}")), "a cursor moved");
        assert!(page.says(35, &message(7, 4, "{\"cursors\":[1]}")));
        page.hears(36, &message(7, 2, "{}"));
        assert!(
            !page.says(37, &message(7, 5, "{}")),
            "it moved back, although the app echoed the older state"
        );
        assert!(!page.says(38, &message(8, 1, "{}")), "a client of which the app has said nothing");
    }

    #[test]
    fn what_was_heard_of_another_is_nothing_new() {
        let mut page = Page::default();
        for version in 0..4 {
            page.hears(1, &message(9, version, &format!("{{\"at\":{version}}}")));
        }
        for version in 0..4 {
            assert!(
                page.says(2, &message(9, version, &format!("{{\"at\":{version}}}"))),
                "{version}"
            );
        }
        assert!(!page.says(20, &message(9, 3, "{\"at\":3}")), "too late to be an echo");
    }

    #[test]
    fn what_is_no_awareness_is_nothing_known() {
        let mut page = Page::default();
        let good = message(7, 1, "{}");
        page.hears(0, &good);
        assert!(page.says(1, &good));
        for end in 0..good.len() {
            assert!(!page.says(1, &good[..end]), "{end}");
        }
        assert!(!page.says(1, &[good, vec![0]].concat()));
        assert!(!page.says(1, &[1, 1, 0]), "about no client");
        assert!(!page.says(1, &[0, 0, 1, 0]));
    }
}
