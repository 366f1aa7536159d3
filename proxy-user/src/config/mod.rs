//! The configuration: plain typed data, read from a TOML file with every mistake reported at once.
//!
//! Nothing here opens a socket, starts a task or logs. The only files read are the configuration itself,
//! waiting pages, files of users, certificates with their keys and, to check that they are readable, the token
//! files that it names; `watch` checks whether they have changed. The contract says what the keys mean to
//! users; defaults are in `model` and `app`, and nowhere else.

mod access;
mod answer;
mod app;
mod check;
mod command_name;
mod driver;
mod loops;
mod model;
mod notify;
mod page;
mod pending;
mod probe;
mod report;
mod sections;
mod single;
mod tls;
mod value;
pub mod watch;

use std::path::Path;

pub use crate::core::route::HostPattern;
pub use access::{Access, UsersFile};
pub use answer::OwnAnswer;
pub use app::{App, Compression, Count, OnIdle, Wake};
pub use driver::{Call, CommandDriver, Driver, HttpDriver, ProcessDriver, StateCall};
pub use loops::OwnUpstream;
pub use model::{AccessLog, Config, Keepalive, Limits, Log, SocketSource, Sockets, Stall};
pub use notify::{Notify, NotifyEvent};
pub use page::{PageError, PageValues, WaitingPage};
pub use probe::BusyProbe;
pub use report::Report;
pub use single::parse_idle_after;
pub use tls::Tls;
pub use value::pointer::{Pointer, word};
pub use value::template::Template;
pub use value::upstream::Upstream;

use crate::toml_file::{self, Mistake, Mistakes, Table};

/// A configuration without mistakes, and its warnings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parsed {
    /// The file's values, with defaults filled in.
    pub config: Config,
    /// Values without an effect, or with another one than meant; sorted by line.
    pub warnings: Vec<Mistake>,
}

impl Config {
    /// Reads a configuration file.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, is not UTF-8, or for any mistake that [`Config::parse`] finds.
    pub fn load(file: &Path) -> Result<Parsed, Mistakes> {
        Config::parse(&toml_file::text(file)?, file)
    }

    /// Reads a configuration from text. `file` names it in messages, and its directory is where
    /// relative paths in it start.
    ///
    /// # Errors
    ///
    /// All mistakes in the text at once. If the text is not TOML, only the syntax errors, since everything
    /// after a broken line would be guesswork.
    pub fn parse(text: &str, file: &Path) -> Result<Parsed, Mistakes> {
        let read = |table: &mut Table<'_>| sections::document(table, file);
        let (config, warnings) = toml_file::parse(text, file, read)?;
        Ok(Parsed { config, warnings })
    }
}
