//! Packs: the rules that tell a framework's machinery from the people who use it.
//!
//! A rule sees one whole message or request and the connection it came on; it never sees a socket, a
//! clock or a frame. `docs/packs.md` is the format's reference.

pub mod ask;
mod book;
mod firsts;
mod lane;
mod pattern;
mod request;
mod rule;
mod verdict;

pub use self::book::{Connection, Heartbeat, MAX_PACKS, REOPENED, RuleBook};
pub use self::lane::Lane;
pub use self::pattern::{MAX_PATTERN, Pattern, PatternError};
pub use self::request::RequestVerdict;
pub use self::rule::{
    About, Advice, Answerer, Answering, EventRule, Guard, MOST_MAX, MessageRule, Pack,
    RequestGuard, RequestRule, RuleName, USUAL_MAX,
};
pub use self::verdict::{Class, Message, Opening, RequestHead, RuleIndex, Verdict};
