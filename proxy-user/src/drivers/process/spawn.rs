//! Starts an app's process, and decides what it inherits from Ebbtide.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::process::Stdio;
use std::sync::Arc;

use tokio::net::unix::pipe::Receiver;
use tokio::process::{Child, Command};

use super::super::child;
use super::guard;
use super::session::MARK;
use crate::{config, descriptors};

/// Returned by the child in place of an exec(3) error when joining the cgroup failed. exec(3) never fails with
/// this number.
pub(super) const NO_CGROUP: i32 = libc::ENOTRECOVERABLE;
/// The same when the guard could not be told.
pub(super) const NO_GUARD: i32 = libc::EOWNERDEAD;

/// How a new process joins the others of its run, before it runs the app's program.
pub(super) enum Join {
    /// By writing to this `cgroup.procs`.
    Cgroup(File),
    /// By its session. It tells the guard its own id, so that the guard knows it from the first moment.
    Session {
        /// The guard's pipe.
        guard: Arc<OwnedFd>,
        /// The text before the id, and after it.
        words: (String, &'static str),
        /// The value of [`MARK`].
        mark: String,
    },
}

/// Runs the command, with the port filled in. Returns the process and the pipe that it prints into: one pipe for
/// both streams, so that lines keep their order. Blocks until exec(3). Needs a tokio runtime.
///
/// # Errors
/// As fork(2) and exec(3) fail, and [`NO_CGROUP`] and [`NO_GUARD`].
pub(super) fn spawn(
    config: &config::ProcessDriver,
    port: u16,
    join: Join,
) -> io::Result<(Child, Receiver)> {
    let (reader, writer) = io::pipe()?;
    // Nothing may fail once the process exists.
    let reader = Receiver::from_owned_fd(reader.into())?;
    let mut command = command(config, port, join);
    command.stdin(Stdio::null()).stdout(Stdio::from(writer.try_clone()?)).stderr(writer);
    Ok((command.spawn()?, reader))
}

fn command(config: &config::ProcessDriver, port: u16, join: Join) -> Command {
    let port = port.to_string();
    let mut words = config.command.iter().map(|word| word.replace("{port}", &port));
    let mut command = Command::new(words.next().unwrap_or_default());
    command.args(words);
    child::forget_ours(&mut command);
    command.env("PORT", port).envs(&config.env);
    if let Some(dir) = &config.dir {
        command.current_dir(dir);
    }
    if let Join::Session { mark, .. } = &join {
        command.env(MARK, mark);
    }
    let open_files = descriptors::inherited();
    // SAFETY: the closure makes system calls that are async-signal-safe, on memory that was made before
    // the fork; it neither allocates nor locks.
    unsafe {
        command.pre_exec(move || {
            join.enter()?;
            child::detach();
            child::limit(open_files.as_ref());
            Ok(())
        })
    };
    command
}

impl Join {
    /// Runs in the new process.
    fn enter(&self) -> io::Result<()> {
        match self {
            Join::Cgroup(procs) => {
                // 0 stands for the writer.
                let written = (&*procs).write(b"0");
                written.map(drop).map_err(|_| io::Error::from_raw_os_error(NO_CGROUP))
            }
            Join::Session { guard, words: (before, after), .. } => {
                let mut line = [0u8; 128];
                // SAFETY: takes nothing.
                let id = unsafe { libc::getpid() };
                let length = {
                    let mut rest = &mut line[..];
                    let whole = rest.len();
                    // Into an array, because nothing may be allocated here.
                    let _ = write!(rest, "{before}{id}{after}");
                    whole - rest.len()
                };
                // Writing to a pipe without a reader must not end this process; `detach` sets the default
                // again.
                // SAFETY: takes plain numbers.
                unsafe { libc::signal(libc::SIGPIPE, libc::SIG_IGN) };
                let written = line.get(..length).is_some_and(|line| guard::tell_line(guard, line));
                if written { Ok(()) } else { Err(io::Error::from_raw_os_error(NO_GUARD)) }
            }
        }
    }
}
