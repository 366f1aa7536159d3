//! The guard: a process of its own that ends the apps when Ebbtide is gone, whatever ended it.
//!
//! Ebbtide holds the only write end of the guard's standard input and tells it what to end. The kernel closes
//! that end with Ebbtide. A signal at the parent's death (`PR_SET_PDEATHSIG`) would miss what apps fork.

mod message;
mod process;
mod running;

use std::collections::BTreeMap;
use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::process::Child;
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;

use self::message::Message;
pub(super) use self::message::{leads, tell_line};
use self::running::{Running, has_room};
use super::group::Group;
use crate::clock;
pub use process::run;

/// The shortest time between a start and the next.
const PAUSE: Duration = Duration::from_secs(1);
/// A guard that reads nothing from a full pipe for so long is replaced.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often a guard is started for one message.
const TRIES: u32 = 2;

/// The guard as Ebbtide sees it. Starts it when there is something to guard, and again if it ends.
#[derive(Debug)]
pub(super) struct Guard {
    program: PathBuf,
    /// The place (`place::Place`) that it removes at the end.
    root: Option<PathBuf>,
    state: Mutex<State>,
    /// Held while somebody waits for room in the pipe on behalf of tasks.
    waiting: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    running: Option<Running>,
    /// What it is to end.
    watched: BTreeMap<u64, Group>,
}

impl State {
    fn say(&mut self, message: Message) {
        // Without a guard there is nobody to tell: the next one is told of all that is watched.
        if let Some(running) = &mut self.running {
            running.say(message);
        }
    }
}

impl Guard {
    /// `program guard [root]` is run for it.
    pub(super) fn new(program: PathBuf, root: Option<PathBuf>) -> Guard {
        Guard { program, root, state: Mutex::default(), waiting: tokio::sync::Mutex::default() }
    }

    /// Has it end these processes when Ebbtide is gone. If called again with the same number, the newest group
    /// counts. Returns the pipe to it. Forks if it does not run, and blocks while the pipe is full. Needs a
    /// tokio runtime.
    ///
    /// # Errors
    /// It cannot be started, or does not read.
    pub(super) fn watch(self: &Arc<Self>, id: u64, group: &Group) -> io::Result<Arc<OwnedFd>> {
        let before = {
            let mut state = self.state.lock();
            state.say(Message::Watch { id, group: group.clone() });
            state.watched.insert(id, group.clone())
        };
        self.settle().inspect_err(|_| {
            let mut state = self.state.lock();
            if before.is_none() && state.watched.remove(&id).is_some() {
                state.say(Message::Forget(id));
            }
        })
    }

    /// These processes have ended, or another Ebbtide guards them. Returns when the guard has been told.
    pub(super) async fn forget(self: &Arc<Self>, id: u64) {
        {
            let mut state = self.state.lock();
            if state.watched.remove(&id).is_none() {
                return;
            }
            let Some(running) = &mut state.running else { return };
            running.say(Message::Forget(id));
            // If the guard has ended, the next one is not told of them.
            if !matches!(running.write(), Ok(false)) {
                return;
            }
        }
        // The pipe is full. One thread waits for all.
        let _turn = self.waiting.lock().await;
        let guard = Arc::clone(self);
        // The outer error means that the runtime is ending.
        if let Ok(Err(error)) = spawn_blocking(move || guard.settle()).await {
            tracing::error!(%error, "the guard of the apps cannot be told that one has ended");
        }
    }

    /// Sends what is unsent, and returns the pipe. Waits for room in the pipe if it is full; replaces a guard that
    /// has ended or does not read.
    fn settle(self: &Arc<Self>) -> io::Result<Arc<OwnedFd>> {
        let mut tries = 0;
        loop {
            let mut state = self.state.lock();
            let problem = match state.running.as_mut().map(|one| (one.write(), &one.pipe)) {
                Some((Ok(true), pipe)) => return Ok(Arc::clone(pipe)),
                Some((Ok(false), pipe)) => {
                    let pipe = Arc::clone(pipe);
                    // Without the lock: tasks must not wait for the guard.
                    drop(state);
                    if has_room(&pipe, PATIENCE) {
                        continue;
                    }
                    state = self.state.lock();
                    if !state.running.as_ref().is_some_and(|one| Arc::ptr_eq(&one.pipe, &pipe)) {
                        continue;
                    }
                    tracing::warn!(
                        "the guard of the apps does not read what it is told: it is replaced"
                    );
                    io::Error::new(io::ErrorKind::TimedOut, "it does not read what it is told")
                }
                Some((Err(error), _)) => error,
                None => io::ErrorKind::NotFound.into(),
            };
            if tries == TRIES {
                return Err(problem);
            }
            tries += 1;
            self.start(&mut state)?;
        }
    }

    /// Starts one in place of that which runs, and has it told of everything that is watched by the next
    /// [`Guard::settle`].
    fn start(self: &Arc<Self>, state: &mut State) -> io::Result<()> {
        let runtime = Handle::try_current().map_err(io::Error::other)?;
        if let Some(former) = state.running.take() {
            former.kill();
        }
        let (mut running, child) = Running::spawn(&self.program, self.root.as_deref())?;
        for (&id, group) in &state.watched {
            running.say(Message::Watch { id, group: group.clone() });
        }
        let pipe = Arc::downgrade(&running.pipe);
        state.running = Some(running);
        runtime.spawn(keep(Arc::downgrade(self), pipe, child));
        Ok(())
    }

    /// The guard with this pipe has ended. Whether another was started.
    fn replace(self: &Arc<Self>, ended: &Weak<OwnedFd>) -> io::Result<bool> {
        {
            let mut state = self.state.lock();
            let newest = state.running.as_ref();
            if newest.is_some_and(|newest| Arc::as_ptr(&newest.pipe) != ended.as_ptr()) {
                return Ok(false);
            }
            state.running = None;
            if state.watched.is_empty() {
                return Ok(false);
            }
        }
        self.settle().map(|_| true)
    }
}

/// Waits for the end of a guard, and replaces it if it is needed.
async fn keep(guard: Weak<Guard>, pipe: Weak<OwnedFd>, child: Child) {
    let status = wait(child).await;
    while let Some(guard) = guard.upgrade() {
        let pipe = Weak::clone(&pipe);
        let Ok(again) = spawn_blocking(move || guard.replace(&pipe)).await else { return };
        match again {
            Ok(false) => return,
            Ok(true) => {
                tracing::warn!(%status, "the guard of the apps had ended: started again");
                return;
            }
            Err(error) => {
                tracing::error!(
                    %error,
                    "the guard of the apps has ended and cannot be started: if Ebbtide is killed now, they \
                     stay"
                );
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

async fn wait(mut child: Child) -> String {
    let began = clock::now();
    let status = child.wait().await;
    // Something may end it again and again.
    tokio::time::sleep(PAUSE.saturating_sub(clock::elapsed(began))).await;
    status.map_or_else(|error| error.to_string(), |status| status.to_string())
}
