//! The guard: a process of its own that ends the apps when Ebbtide is gone, however it went.
//!
//! Ebbtide holds the only write end of the guard's standard input and tells it what to end. The kernel closes
//! that end with Ebbtide. A signal at the parent's death (`PR_SET_PDEATHSIG`) would miss what apps fork.

mod message;
mod process;

use std::collections::BTreeMap;
use std::io::{self, PipeWriter};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::process::{Child, Command};
use tokio::runtime::Handle;

use self::message::Message;
pub(super) use self::message::leads;
use super::group::Group;
use crate::clock;
use crate::drivers::child::detach;
pub use process::run;

/// Between two starts at least.
const PAUSE: Duration = Duration::from_secs(1);

/// The guard as Ebbtide sees it. Starts it when there is something to guard, and again if it ends.
#[derive(Debug)]
pub(super) struct Guard {
    program: PathBuf,
    /// The place (`place::Place`) that it is to remove at the end.
    root: Option<PathBuf>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Its standard input, while it runs.
    pipe: Option<Arc<OwnedFd>>,
    /// What it is to end.
    watched: BTreeMap<u64, Group>,
}

impl Guard {
    /// `program guard [root]` is run for it.
    pub(super) fn new(program: PathBuf, root: Option<PathBuf>) -> Guard {
        Guard { program, root, state: Mutex::default() }
    }

    /// Has it end these processes when Ebbtide is gone; told again under one number, the newest holds.
    /// Returns the pipe to it. Forks if it does not run. Needs a tokio runtime.
    ///
    /// # Errors
    /// It cannot be started.
    pub(super) fn watch(self: &Arc<Self>, id: u64, group: &Group) -> io::Result<Arc<OwnedFd>> {
        let mut state = self.state.lock();
        state.watched.insert(id, group.clone());
        if let Some(pipe) = &state.pipe
            && message::tell(pipe, &Message::Watch { id, group: group.clone() }).is_ok()
        {
            return Ok(Arc::clone(pipe));
        }
        match self.start(&mut state) {
            Ok(pipe) => Ok(pipe),
            Err(error) => {
                state.watched.remove(&id);
                Err(error)
            }
        }
    }

    /// They have ended, or are somebody else's now.
    pub(super) fn forget(&self, id: u64) {
        let mut state = self.state.lock();
        if state.watched.remove(&id).is_some()
            && let Some(pipe) = &state.pipe
        {
            // If it cannot be told it has ended, and the next one is not told of them.
            let _ = message::tell(pipe, &Message::Forget(id));
        }
    }

    fn start(self: &Arc<Self>, state: &mut State) -> io::Result<Arc<OwnedFd>> {
        state.pipe = None;
        let (reader, writer) = io::pipe()?;
        let writer = Arc::new(OwnedFd::from(without_waiting(writer)?));
        let mut command = Command::new(&self.program);
        command.arg("guard").args(&self.root).env_clear().current_dir("/");
        // `pkill ebbtide` is to leave it to its work.
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
        let child = command.spawn()?;
        for (&id, group) in &state.watched {
            message::tell(&writer, &Message::Watch { id, group: group.clone() })?;
        }
        state.pipe = Some(Arc::clone(&writer));
        let (guard, pipe) = (Arc::downgrade(self), Arc::downgrade(&writer));
        Handle::try_current().map_err(io::Error::other)?.spawn(async move {
            let status = wait(child).await;
            while let Some(guard) = guard.upgrade() {
                let again = guard.replace(&pipe);
                drop(guard);
                match again {
                    Ok(false) => return,
                    Ok(true) => {
                        tracing::warn!(%status, "the guard of the apps had ended: started again");
                        return;
                    }
                    Err(error) => {
                        tracing::error!(
                            %error,
                            "the guard of the apps has ended and cannot be started: if Ebbtide is \
                             killed now, they stay"
                        );
                        tokio::time::sleep(PAUSE).await;
                    }
                }
            }
        });
        Ok(writer)
    }

    /// The guard with this pipe has ended. Whether another was started.
    fn replace(self: &Arc<Self>, ended: &std::sync::Weak<OwnedFd>) -> io::Result<bool> {
        let mut state = self.state.lock();
        let is_newest = state.pipe.as_ref().is_none_or(|pipe| Arc::as_ptr(pipe) == ended.as_ptr());
        if !is_newest {
            return Ok(false);
        }
        state.pipe = None;
        if state.watched.is_empty() {
            return Ok(false);
        }
        self.start(&mut state).map(|_| true)
    }
}

async fn wait(mut child: Child) -> String {
    let began = clock::now();
    let status = child.wait().await;
    // Something may end it again and again.
    tokio::time::sleep(PAUSE.saturating_sub(clock::elapsed(began))).await;
    status.map_or_else(|error| error.to_string(), |status| status.to_string())
}

/// A guard that does not read must not hold up Ebbtide.
fn without_waiting(writer: PipeWriter) -> io::Result<PipeWriter> {
    // SAFETY: plain numbers, of a descriptor that lives.
    let set = unsafe { libc::fcntl(writer.as_raw_fd(), libc::F_SETFL, libc::O_NONBLOCK) };
    if set == 0 { Ok(writer) } else { Err(io::Error::last_os_error()) }
}
