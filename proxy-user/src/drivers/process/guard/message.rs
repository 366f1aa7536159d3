//! What Ebbtide tells the guard: a JSON object per line.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use serde::{Deserialize, Serialize};

use crate::drivers::process::group::Group;

/// One thing that the guard is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Message {
    /// To be ended when Ebbtide is gone.
    Watch {
        /// Names it.
        id: u64,
        /// These processes.
        group: Group,
    },
    /// The first process of what `Watch` named, by its id; told by that process itself.
    Leads(u64, i32),
    /// What `Watch` named is not to be ended any more.
    Forget(u64),
}

/// What a new process tells: these words, its id, and those.
pub(in super::super) fn leads(id: u64) -> (String, &'static str) {
    (format!("{{\"leads\":[{id},"), "]}\n")
}

/// Tells it, whole or not at all: a line is far below `PIPE_BUF` (pipe(7)).
pub(super) fn tell(pipe: &OwnedFd, message: &Message) -> io::Result<()> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
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
