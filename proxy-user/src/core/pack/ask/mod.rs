//! What a rule asks of bytes: of a message, of each of its records, or of a request's body.
//!
//! An answer that more bytes cannot change is given as soon as the bytes at hand allow. Work is
//! linear in them, and nothing here knows connections, classes or time.

mod json;
mod layout;
mod protobuf;
mod records;

pub use self::json::{JsonAsk, MAX_FIELDS, Scalar, Want};
pub use self::layout::Layout;
pub use self::protobuf::{MAX_PATH, ProtobufAsk};
pub use self::records::Records;

use self::records::Part;
use super::firsts::Firsts;
use super::pattern::Pattern;
use crate::core::payload::Payload;
use crate::core::skeleton::{Digest, Skeleton};

/// Whether bytes are what was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fits {
    /// They are, whatever follows.
    Yes,
    /// They are not, whatever follows.
    No,
    /// More must be seen.
    Later,
}

impl From<bool> for Fits {
    fn from(fits: bool) -> Fits {
        if fits { Fits::Yes } else { Fits::No }
    }
}

/// Kinds of message that something is asked of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kinds {
    /// Text messages.
    pub text: bool,
    /// Binary messages.
    pub binary: bool,
}

impl Kinds {
    /// Both.
    pub const ANY: Kinds = Kinds { text: true, binary: true };
}

/// A message or a body as it is shown to a rule.
#[derive(Clone, Copy, Debug)]
pub struct Sight<'a> {
    /// What has come of it.
    pub payload: &'a Payload<'a>,
    /// It is text.
    pub text: bool,
}

/// Conditions of which all must hold; without any, everything fits.
#[derive(Clone, Debug)]
pub struct Ask {
    /// Asked of these only; nothing else fits.
    pub kinds: Kinds,
    /// Exactly these bytes.
    pub exact: Option<Box<[u8]>>,
    /// These bytes first.
    pub starts: Option<Box<[u8]>>,
    /// Bytes at fixed places.
    pub layout: Option<Layout>,
    /// All of it is matched.
    pub regex: Option<Pattern>,
    /// A JSON object.
    pub json: Option<JsonAsk>,
    /// A protobuf message.
    pub protobuf: Option<ProtobufAsk>,
    /// This is left of it without its numbers, or without its ids.
    pub digest: Option<(Skeleton, Digest)>,
}

impl Default for Ask {
    fn default() -> Ask {
        Ask {
            kinds: Kinds::ANY,
            exact: None,
            starts: None,
            layout: None,
            regex: None,
            json: None,
            protobuf: None,
            digest: None,
        }
    }
}

impl Ask {
    /// The whole text must be seen to answer.
    fn needs_all(&self) -> bool {
        let parsed = self.regex.is_some() || self.json.is_some() || self.protobuf.is_some();
        parsed || self.digest.is_some()
    }

    /// The length of what fits, where that is fixed.
    fn length(&self) -> Option<usize> {
        let layout = self.layout.as_ref().and_then(Layout::length);
        self.exact.as_ref().map(|exact| exact.len()).or(layout)
    }

    /// The bytes that must be seen to answer, where not all must be.
    fn head(&self) -> usize {
        let starts = self.starts.as_ref().map_or(0, |starts| starts.len());
        self.length().unwrap_or(0).max(starts).max(self.layout.as_ref().map_or(0, Layout::head))
    }

    /// The bytes that what fits can start with, if it is not empty.
    fn firsts(&self) -> Firsts {
        let head = |bytes: &[u8]| bytes.get(..1).map_or(Firsts::ANY, Firsts::of);
        let exact =
            self.exact.as_ref().map(|exact| exact.get(..1).map_or(Firsts::NONE, Firsts::of));
        let all = [
            exact,
            self.starts.as_deref().map(head),
            self.layout.as_ref().map(Layout::firsts),
            self.regex.as_ref().map(Pattern::firsts),
            self.json.as_ref().map(|_| JsonAsk::firsts()),
            self.protobuf.as_ref().map(ProtobufAsk::firsts),
        ];
        all.into_iter().flatten().fold(Firsts::ANY, Firsts::and)
    }

    /// Looks at bytes; cheap conditions first.
    fn look(&self, sight: &Sight<'_>) -> Fits {
        let Sight { payload, text } = *sight;
        if !(if text { self.kinds.text } else { self.kinds.binary }) {
            return Fits::No;
        }
        let mut fits = Fits::Yes;
        if let Some(exact) = &self.exact {
            fits = exactly(exact, payload);
        }
        if let (Some(starts), true) = (&self.starts, fits != Fits::No) {
            fits = both(fits, first(starts, payload));
        }
        if let (Some(layout), true) = (&self.layout, fits != Fits::No) {
            fits = both(fits, layout.look(payload));
        }
        if let (Some(protobuf), true) = (&self.protobuf, fits != Fits::No) {
            fits = both(fits, protobuf.look(payload));
        }
        if fits == Fits::No || !self.needs_all() {
            return fits;
        }
        if !payload.is_whole() {
            return Fits::Later;
        }
        let regex = || self.regex.as_ref().is_none_or(|regex| regex.fits(payload.plain()));
        let json = || self.json.as_ref().is_none_or(|json| json.fits(payload.plain()));
        let digest = || {
            self.digest
                .is_none_or(|(skeleton, is)| Digest::of(skeleton, payload.plain()) == Some(is))
        };
        (fits == Fits::Yes && regex() && json() && digest()).into()
    }
}

fn both(one: Fits, other: Fits) -> Fits {
    match (one, other) {
        (Fits::No, _) | (_, Fits::No) => Fits::No,
        (Fits::Yes, Fits::Yes) => Fits::Yes,
        _ => Fits::Later,
    }
}

fn exactly(exact: &[u8], payload: &Payload<'_>) -> Fits {
    let length = exact.len() as u64;
    let fits = payload.least() <= length && payload.length().is_none_or(|known| known == length);
    if !fits || !payload.seen().begins(exact) {
        Fits::No
    } else if payload.is_whole() {
        Fits::Yes
    } else {
        Fits::Later
    }
}

fn first(starts: &[u8], payload: &Payload<'_>) -> Fits {
    let seen = payload.seen();
    if seen.len() >= starts.len() {
        return seen.starts_with(starts).into();
    }
    let shorter = payload.length().is_some_and(|length| length < starts.len() as u64);
    if shorter || !seen.begins(starts) { Fits::No } else { Fits::Later }
}

/// All that a rule asks of one message or body.
#[derive(Clone, Debug)]
pub struct Asks {
    /// Asked of the message, or of each of its records.
    all: Ask,
    /// And one of these; empty = nothing more.
    any: Box<[Ask]>,
    records: Option<Records>,
    /// The longest that fits in bytes; `None` = any length.
    longest: Option<usize>,
    /// The most bytes that must be seen.
    needs: usize,
    bounds: Bounds,
}

/// What refuses most messages before anything else is asked of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// The longest that fits in bytes.
    longest: u64,
    /// What its first byte can be.
    firsts: Firsts,
}

impl Bounds {
    /// Whether a message that starts with `first`, if anything of it has come, and has at least
    /// `least` bytes may fit.
    #[inline]
    pub(super) fn admit(&self, first: Option<u8>, least: u64) -> bool {
        least <= self.longest && first.is_none_or(|first| self.firsts.has(first))
    }
}

impl Asks {
    /// What `all` asks and one of `any`, of each of the `records` where it is split. `max` is the
    /// longest message that fits, in bytes; `None` = `otherwise` where the whole message must be
    /// seen, else any length.
    #[must_use]
    pub fn new(
        all: Ask,
        any: Vec<Ask>,
        records: Option<Records>,
        max: Option<usize>,
        otherwise: usize,
    ) -> Asks {
        let asks = || std::iter::once(&all).chain(&any);
        let exact = if any.is_empty() {
            all.length()
        } else {
            let lengths = any.iter().map(|ask| ask.length().or(all.length()));
            lengths.reduce(|one, other| Some(one?.max(other?))).flatten()
        };
        let needs_all = records.is_some() || asks().any(Ask::needs_all);
        let head = asks().map(Ask::head).max().unwrap_or(0);
        let longest = match (max, exact) {
            (max, Some(exact)) if records.is_none() => {
                Some(max.map_or(exact, |max| max.min(exact)))
            }
            (Some(max), _) => Some(max),
            (None, _) => needs_all.then_some(otherwise.max(head)),
        };
        // At least one byte: none would say that there is nothing to ask.
        let needs = longest.unwrap_or(head).max(1);
        let parts = matches!(records, Some(Records::Jupyter | Records::JupyterContent));
        let firsts = match records {
            Some(_) => Firsts::ANY,
            None if any.is_empty() => all.firsts(),
            None => any.iter().map(Ask::firsts).fold(Firsts::NONE, Firsts::or).and(all.firsts()),
        };
        // Of a message in parts only one must be short.
        let most = longest.filter(|_| !parts).map_or(u64::MAX, |longest| longest as u64);
        let bounds = Bounds { longest: most, firsts };
        Asks { all, any: any.into(), records, longest, needs, bounds }
    }

    /// The most bytes of a message that must be seen to answer: of one that is longer, `Later` after
    /// so many bytes is `No` after one more.
    #[must_use]
    pub fn needs(&self) -> usize {
        self.needs
    }

    /// Looks at a message or its first bytes.
    #[must_use]
    pub fn look(&self, sight: &Sight<'_>) -> Fits {
        let payload = sight.payload;
        if self.bounds.admit(payload.seen().at(0), payload.least()) {
            self.look_inside(sight)
        } else {
            Fits::No
        }
    }

    pub(super) fn bounds(&self) -> Bounds {
        self.bounds
    }

    /// Looks at what [`Bounds::admit`] has let in.
    pub(super) fn look_inside(&self, sight: &Sight<'_>) -> Fits {
        let Sight { payload, text } = *sight;
        match self.records {
            // Decided from its head, so that only this must be short.
            Some(way @ (Records::Jupyter | Records::JupyterContent)) => {
                match records::part(payload.seen(), way) {
                    Part::Is(part) => {
                        let part = Payload::new(part, 0, true).lent(payload.scratch());
                        let fits = self.one(&Sight { payload: &part, text });
                        part.give_back();
                        fits
                    }
                    Part::Needs(end) if !payload.is_whole() && end <= self.needs => Fits::Later,
                    _ => Fits::No,
                }
            }
            Some(_) if !payload.is_whole() => Fits::Later,
            Some(records) => {
                let fits = |bytes: &[u8]| {
                    self.one(&Sight { payload: &Payload::whole(bytes), text }) == Fits::Yes
                };
                records.all(payload.plain(), fits).into()
            }
            // A longer message may follow this head.
            None => match self.one(sight) {
                Fits::Yes if !payload.is_whole() && self.longest.is_some() => Fits::Later,
                fits => fits,
            },
        }
    }

    fn one(&self, sight: &Sight<'_>) -> Fits {
        let all = self.all.look(sight);
        if all == Fits::No || self.any.is_empty() {
            return all;
        }
        let mut any = Fits::No;
        for ask in &self.any {
            match ask.look(sight) {
                Fits::Yes => return all,
                Fits::Later => any = Fits::Later,
                Fits::No => {}
            }
        }
        any
    }
}

#[cfg(test)]
#[path = "ask_tests.rs"]
mod tests;
