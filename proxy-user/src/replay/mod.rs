//! Tests packs with recorded traffic: `ebbtide packs test`.
//!
//! Recordings are processed like live traffic: by the parser, the decoder, the rule book and the visits of
//! `core`, at the recording's own pace; only the sockets are missing.

mod labels;
mod line;
mod machine;
mod outcome;
mod reader;
mod recording;
mod table;
mod wire;
mod work;

pub use self::labels::{Labels, Mismatch};
pub use self::machine::replay;
pub use self::outcome::{Outcome, Tally};
pub use self::reader::{RecordingError, find};
pub use self::recording::{Recording, Tab};
pub use self::table::table;
pub use self::work::WorkSeen;
