//! Reads TOML files and reports every mistake at once: the reader, mistakes, and kinds of value that several
//! files share.
//!
//! The configuration and the packs are built on this; nothing here knows any of their keys.

mod amount;
mod describe;
mod file;
mod kind;
mod log;
mod mistake;
mod nearest;
mod quote;
mod table;
mod words;

pub use amount::{parse_duration, parse_size, show_duration, show_size};
pub use mistake::{Mistake, Mistakes, ValueError};
pub use nearest::nearest;

pub(crate) use amount::{duration, size};
pub(crate) use describe::describe;
pub(crate) use file::{parse, text};
pub(crate) use kind::{Fixed, Kind, kind, or_off};
pub(crate) use quote::{quote, quote_url};
pub(crate) use table::Table;
pub(crate) use words::{choose, words};
