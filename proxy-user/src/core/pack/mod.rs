//! Packs: the rules that tell a framework's machinery from the people who use it.
//!
//! A rule sees one whole message or request and the connection it came on; it never sees a socket, a
//! clock or a frame. `docs/packs.md` is the format's reference.

mod verdict;

pub use self::verdict::{Class, Direction, Message, Opening, RequestHead, RuleIndex, Verdict};
