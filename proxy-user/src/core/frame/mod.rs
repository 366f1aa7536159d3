//! WebSocket frames (RFC 6455 section 5): headers, a parser for one direction, and protocol violations.

mod header;
mod own;
mod parser;
mod violation;

pub use header::{Header, MAX_HEADER, Opcode, Start};
pub use own::{close_frame, own_frame};
pub use parser::{Chunk, Parser, Rules};
pub use violation::Violation;

#[cfg(test)]
mod tests;
