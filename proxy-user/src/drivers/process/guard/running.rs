//! A guard that was started, as Ebbtide sees it: its process, and the pipe to it.

use std::collections::VecDeque;
use std::ffi::OsStr;
use std::io::{self, PipeWriter};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use tokio::process::{Child, Command};

use super::message::{self, Message};
use crate::drivers::child::detach;
use crate::drivers::process::pidfd;

/// A guard that was started.
#[derive(Debug)]
pub(super) struct Running {
    /// Its standard input.
    pub(super) pipe: Arc<OwnedFd>,
    /// A pidfd.
    process: OwnedFd,
    /// What the pipe had no room for, the oldest first.
    unsent: VecDeque<Message>,
}

impl Running {
    /// Runs `program guard [root]`. Needs a tokio runtime.
    pub(super) fn spawn(program: &Path, root: Option<&Path>) -> io::Result<(Running, Child)> {
        let (reader, writer) = io::pipe()?;
        without_waiting(&writer)?;
        let mut command = Command::new(program);
        command.arg("guard").args(root.map(OsStr::new)).env_clear().current_dir("/");
        // Not `ebbtide`, so that `pkill ebbtide` does not end it.
        command.arg0("app-guard");
        command.stdin(Stdio::from(reader)).stdout(Stdio::null()).stderr(Stdio::null());
        // SAFETY: `detach` is async-signal-safe, and so is signal(2).
        unsafe {
            command.pre_exec(|| {
                detach();
                for signal in [libc::SIGHUP, libc::SIGINT, libc::SIGQUIT, libc::SIGTERM] {
                    libc::signal(signal, libc::SIG_IGN);
                }
                Ok(())
            })
        };
        let mut child = command.spawn()?;
        let id = child.id().and_then(|id| i32::try_from(id).ok());
        let process = id.ok_or_else(|| io::ErrorKind::NotFound.into()).and_then(pidfd::open);
        let process = process.inspect_err(|_| _ = child.start_kill())?;
        let pipe = Arc::new(OwnedFd::from(writer));
        Ok((Running { pipe, process, unsent: VecDeque::new() }, child))
    }

    /// Has a message sent by the next [`Running::write`].
    pub(super) fn say(&mut self, message: Message) {
        self.unsent.push_back(message);
    }

    /// Sends what is unsent, as far as the pipe has room. Whether that was all.
    ///
    /// # Errors
    /// The guard has ended.
    pub(super) fn write(&mut self) -> io::Result<bool> {
        while let Some(message) = self.unsent.front() {
            match message::tell(&self.pipe, message) {
                Ok(()) => _ = self.unsent.pop_front(),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// Kills it. It must not see its pipe close, or it would end the apps.
    pub(super) fn kill(&self) {
        pidfd::kill(self.process.as_fd());
    }
}

/// Waits until the pipe has room for a message, or its reader is gone. `false` = not within `limit`.
pub(super) fn has_room(pipe: &OwnedFd, limit: Duration) -> bool {
    let mut watched = libc::pollfd { fd: pipe.as_raw_fd(), events: libc::POLLOUT, revents: 0 };
    let limit = libc::c_int::try_from(limit.as_millis()).unwrap_or(libc::c_int::MAX);
    // SAFETY: one structure that lives through the call, with a descriptor that is open.
    unsafe { libc::poll(&raw mut watched, 1, limit) != 0 }
}

/// A guard that does not read must not hold up Ebbtide.
fn without_waiting(writer: &PipeWriter) -> io::Result<()> {
    // SAFETY: plain numbers, of a descriptor that is open.
    let set = unsafe { libc::fcntl(writer.as_raw_fd(), libc::F_SETFL, libc::O_NONBLOCK) };
    if set == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader};

    use super::*;

    #[test]
    fn what_a_full_pipe_does_not_take_is_sent_later_and_in_order() {
        const COUNT: u64 = 10_000;
        let (reader, writer) = io::pipe().unwrap();
        without_waiting(&writer).unwrap();
        let own = i32::try_from(std::process::id()).unwrap();
        let process = pidfd::open(own).unwrap();
        let mut running =
            Running { pipe: Arc::new(writer.into()), process, unsent: VecDeque::new() };
        (0..COUNT).for_each(|id| running.say(Message::Forget(id)));
        assert!(!running.write().unwrap(), "it has room for everything");
        assert!(!has_room(&running.pipe, Duration::ZERO));
        let lines = std::thread::spawn(move || -> Vec<Message> {
            let lines = BufReader::new(reader).lines().map(Result::unwrap);
            lines.map(|line| serde_json::from_str(&line).unwrap()).collect()
        });
        while !running.write().unwrap() {
            assert!(has_room(&running.pipe, Duration::from_secs(60)));
        }
        drop(running);
        assert_eq!(lines.join().unwrap(), (0..COUNT).map(Message::Forget).collect::<Vec<_>>());
    }

    #[test]
    fn a_guard_that_has_ended_is_noticed() {
        let (reader, writer) = io::pipe().unwrap();
        without_waiting(&writer).unwrap();
        let process = pidfd::open(i32::try_from(std::process::id()).unwrap()).unwrap();
        let mut running =
            Running { pipe: Arc::new(writer.into()), process, unsent: VecDeque::new() };
        drop(reader);
        running.say(Message::Forget(1));
        assert_eq!(running.write().unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }
}
