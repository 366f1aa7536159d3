//! WebSocket frames (RFC 6455 section 5): headers, the parser of a direction, and what breaks it.

mod close;
mod header;
mod parser;
mod violation;

pub use close::close_frame;
pub use header::{Header, MAX_HEADER, Opcode, Start};
pub use parser::{Chunk, Parser, Rules};
pub use violation::Violation;

#[cfg(test)]
mod tests;
