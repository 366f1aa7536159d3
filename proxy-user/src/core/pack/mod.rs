//! Packs: rules that tell a framework's machinery from the people who use it.
//!
//! A rule sees one whole message or request and the connection it came on. It never sees a socket, a clock or
//! a frame. `docs/packs.md` is the reference of the format.

mod awareness;
mod book;
pub mod condition;
mod first_bytes;
mod judgement;
mod matcher;
mod message_judge;
mod pattern;
mod request;
mod rule;
mod rule_set;
mod work;

pub use self::awareness::{Awareness, LONGEST as LONGEST_AWARENESS};
pub use self::book::{Connection, Heartbeat, MAX_PACKS, PAGE, REOPENED, RuleBook};
pub use self::judgement::{Class, Context, Judgement, Message, Opening, RequestHead, RuleIndex};
pub use self::matcher::{AllOf, Matcher};
pub use self::message_judge::MessageJudge;
pub use self::pattern::{MAX_PATTERN, Pattern, PatternError};
pub use self::request::RequestJudgement;
pub use self::rule::{
    About, Advice, Answerer, Answering, EchoRule, EventRule, Guard, MOST_MAX, MessageRule, Pack,
    RequestGuard, RequestRule, RuleName, USUAL_MAX,
};
pub use self::rule_set::RuleSet;
pub use self::work::{
    AnswerSays, AnswerWork, ConnectionWork, JsonPath, LONGEST_ANSWER, MessageWork, ScopeRule,
    Shown, Signal, Signals, WorkRule, needs as work_needs,
};
