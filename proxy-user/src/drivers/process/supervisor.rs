//! What all process drivers of this Ebbtide share: the place for their cgroups, the guard, and the ports in
//! use.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Once};
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::sleep;

use super::cgroup;
use super::group::Group;
use super::guard::{self, Guard};
use super::place::{self, Place};
use super::port::Ports;
use super::reap;
use super::session::Session;
use super::spawn::Join;
use crate::clock;

/// How many times to try to remove the cgroup of a finished run, and the first and longest pause between tries:
/// about 2 seconds in all.
const TRIES: u32 = 25;
const PAUSES: [Duration; 2] = [Duration::from_millis(2), Duration::from_millis(100)];
/// The running program, even if its file has been replaced.
const OWN_PROGRAM: &str = "/proc/self/exe";

/// What all process drivers of this Ebbtide share. They keep it alive, and the cgroups that it made are removed
/// when it is dropped.
#[derive(Debug)]
pub struct Supervisor {
    place: Option<Place>,
    guard: Arc<Guard>,
    pub(super) ports: Ports,
    /// The number of the next run of an app.
    next: AtomicU64,
    reaper: Once,
    /// The places of other Ebbtides that adopted runs are in, each locked so that it does not look abandoned.
    adopted: Mutex<HashMap<u64, (PathBuf, File)>>,
}

/// A run that is ready for its first process.
pub(super) struct Beginning {
    pub(super) id: u64,
    pub(super) group: Group,
    pub(super) join: Join,
}

impl Supervisor {
    /// Moves this process into a cgroup of its own; apps get theirs beside it. Call it before kernel programs
    /// are attached to the process's cgroup, and only if there are apps to start. Without cgroups, the processes
    /// of an app are found by other means, and the log says so.
    #[must_use]
    pub fn prepare() -> Arc<Supervisor> {
        Supervisor::with_guard(Path::new(OWN_PROGRAM))
    }

    /// The same with another program as the guard. It must accept Ebbtide's command line.
    #[must_use]
    pub fn with_guard(program: &Path) -> Arc<Supervisor> {
        place::end_abandoned();
        match Place::enter() {
            Ok(place) => {
                tracing::debug!(cgroup = %place.root().display(), "apps have cgroups");
                Supervisor::new(program, Some(place))
            }
            Err(error) => {
                tracing::warn!(
                    reason = %error,
                    "apps have no cgroups: a process that leaves its app's session, parent and \
                     environment may outlive it"
                );
                Supervisor::without_cgroups(program)
            }
        }
    }

    /// For apps that a reload adds, when it is too late to move this process.
    #[must_use]
    pub fn late() -> Arc<Supervisor> {
        Supervisor::without_cgroups(Path::new(OWN_PROGRAM))
    }

    /// For apps without cgroups.
    #[must_use]
    pub fn without_cgroups(program: &Path) -> Arc<Supervisor> {
        // Processes that an app leaves behind become children of this process, which is how they are found.
        // SAFETY: takes plain numbers.
        unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) };
        Supervisor::new(program, None)
    }

    fn new(program: &Path, place: Option<Place>) -> Arc<Supervisor> {
        let root = place.as_ref().map(|place| place.root().to_owned());
        let guard = Arc::new(Guard::new(program.to_owned(), root));
        Arc::new(Supervisor {
            place,
            guard,
            ports: Ports::default(),
            next: AtomicU64::new(1),
            reaper: Once::new(),
            adopted: Mutex::default(),
        })
    }

    /// Prepares an app's next run, and has it guarded before its first process exists. Needs a tokio runtime.
    /// Forks if the guard is not running, and blocks while the guard does not read.
    ///
    /// # Errors
    /// The reason, for people.
    pub(super) fn begin(&self, app: &str) -> Result<Beginning, String> {
        if self.place.is_none() || std::process::id() == 1 {
            self.reaper.call_once(|| _ = tokio::spawn(reap::adopted()));
        }
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let cgroup =
            self.place.as_ref().and_then(|place| match cgroup::create(&place.apps(), app) {
                Ok(path) => Some(path),
                Err(error) => {
                    tracing::warn!(app, %error, "no cgroup for the app: it is run without");
                    None
                }
            });
        let mark = format!("{}-{}-{id}", std::process::id(), clock::now().0);
        let group = match cgroup {
            Some(path) => Group::Cgroup(path),
            None => Group::Session(Session::new(mark.clone())),
        };
        let begin = || -> io::Result<Join> {
            let pipe = self.guard.watch(id, &group)?;
            match &group {
                Group::Cgroup(path) => {
                    let procs = path.join(cgroup::PROCS);
                    Ok(Join::Cgroup(std::fs::OpenOptions::new().write(true).open(procs)?))
                }
                Group::Session(_) => {
                    Ok(Join::Session { guard: pipe, words: guard::leads(id), mark })
                }
            }
        };
        match begin() {
            Ok(join) => Ok(Beginning { id, group, join }),
            Err(error) => {
                // It never had a process.
                let _ = group.remove();
                let guard = Arc::clone(&self.guard);
                tokio::spawn(async move { guard.forget(id).await });
                Err(format!("the guard that ends it with Ebbtide cannot be started: {error}"))
            }
        }
    }

    /// The first process of a run exists.
    pub(super) fn began(&self, id: u64, group: &mut Group, leader: i32) {
        if let Group::Session(session) = group {
            session.lead(leader);
            // In case another guard takes the place of this one.
            if let Err(error) = self.guard.watch(id, group) {
                tracing::error!(%error, "the guard of the apps cannot be told of one");
            }
        }
    }

    /// No process of a run is left. Returns when its cgroup is gone too.
    pub(super) async fn ended(&self, id: u64, group: &Group) {
        let [mut pause, longest] = PAUSES;
        let mut tries = TRIES;
        while let Err(error) = group.remove() {
            tries -= 1;
            if tries == 0 {
                tracing::warn!(
                    %error,
                    cgroup = ?group.cgroup(),
                    "an app's cgroup cannot be removed; it is tried again when Ebbtide ends"
                );
                break;
            }
            sleep(pause).await;
            pause = longest.min(pause * 2);
        }
        self.guard.forget(id).await;
        let adopted = self.adopted.lock().remove(&id);
        if let Some((root, lock)) = adopted {
            drop(lock);
            place::remove_abandoned(&root);
        }
    }

    /// Another Ebbtide guards a run now. Returns when this one's guard has been told.
    pub(super) async fn released(&self, id: u64) {
        self.guard.forget(id).await;
        self.adopted.lock().remove(&id);
    }

    /// Guards a run that another Ebbtide has started, and returns its number. Needs a tokio runtime. Forks if the
    /// guard is not running, and blocks while the guard does not read.
    ///
    /// # Errors
    /// The guard cannot be started or does not read, or the run's cgroup does not exist.
    pub(super) fn adopt(&self, group: &Group) -> io::Result<u64> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let place = group.place().map(|root| io::Result::Ok((root.to_owned(), place::lock(root)?)));
        let place = place.transpose()?;
        self.guard.watch(id, group)?;
        self.adopted.lock().extend(place.map(|place| (id, place)));
        Ok(id)
    }
}
