//! How to open the table, and which writers there are. Plain data.

use std::{fmt, path::PathBuf};

/// Which writer to use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SourceWish {
    /// The kernel if available, otherwise polling.
    #[default]
    Auto,
    /// The kernel, or fail.
    Ebpf,
    /// Polling.
    TcpInfo,
}

/// Who writes rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The kernel, through the sockops program.
    Ebpf,
    /// This process, through `TCP_INFO` and `SIOCOUTQ`.
    TcpInfo,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Source::Ebpf => "ebpf",
            Source::TcpInfo => "tcp-info",
        })
    }
}

/// How to open the table.
#[derive(Clone, Debug)]
pub struct Options {
    /// Which writer.
    pub source: SourceWish,
    /// The cgroup v2 directory to attach to; `None` = this process's own.
    pub cgroup: Option<PathBuf>,
    /// Rows in the kernel's table, 64 bytes each. Any further legs are polled.
    pub max_legs: u32,
}

impl Default for Options {
    fn default() -> Self {
        Options { source: SourceWish::Auto, cgroup: None, max_legs: 131_072 }
    }
}
