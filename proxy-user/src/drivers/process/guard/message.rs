//! What Ebbtide tells the guard: a JSON object per line.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use serde::{Deserialize, Serialize};

use super::PATIENCE;
use super::running::has_room;
use crate::drivers::process::group::Group;

/// One message to the guard.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Message {
    /// End these processes when Ebbtide is gone.
    Watch {
        /// The number of the run.
        id: u64,
        /// Its processes.
        group: Group,
    },
    /// The first process of a watched run has this process id. Sent by that process itself.
    Leads(u64, i32),
    /// Do not end this run any more.
    Forget(u64),
}

/// What a new process sends: the first text, its id, and the second text.
pub(in super::super) fn leads(id: u64) -> (String, &'static str) {
    (format!("{{\"leads\":[{id},"), "]}\n")
}

/// Sends a message whole or not at all: a line is shorter than `PIPE_BUF` (pipe(7)).
pub(super) fn tell(pipe: &OwnedFd, message: &Message) -> io::Result<()> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    write(pipe, &line)
}

/// Sends the line of a new process, and waits for room in the pipe for up to [`PATIENCE`]. Async-signal-safe.
/// `false` = the guard does not read, or has ended.
pub(in super::super) fn tell_line(pipe: &OwnedFd, line: &[u8]) -> bool {
    loop {
        match write(pipe, line) {
            Ok(()) => return true,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                if !has_room(pipe, PATIENCE) {
                    return false;
                }
            }
            Err(_) => return false,
        }
    }
}

fn write(pipe: &OwnedFd, line: &[u8]) -> io::Result<()> {
    // SAFETY: pointer and length are those of the line.
    let written = unsafe { libc::write(pipe.as_raw_fd(), line.as_ptr().cast(), line.len()) };
    match usize::try_from(written) {
        Ok(count) if count == line.len() => Ok(()),
        Ok(_) => Err(io::Error::from(io::ErrorKind::WriteZero)),
        Err(_) => Err(io::Error::last_os_error()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_new_process_says_is_understood() {
        let (before, after) = leads(7);
        let line = format!("{before}{}{after}", 4711);
        assert_eq!(serde_json::from_str::<Message>(&line).unwrap(), Message::Leads(7, 4711));
    }
}
