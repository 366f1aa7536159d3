//! One run of an app: from the start of its first process to the end of its last.

use std::os::fd::{AsFd, OwnedFd};
use std::process::ExitStatus;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::net::unix::pipe::Receiver;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::group::Group;
use super::leader::Leader;
use super::output::Output;
use super::supervisor::Supervisor;
use super::words;
use crate::core::lifecycle::Failure;
use crate::drivers::{Listener, Notice};

/// The first and the longest time between two checks whether any process is left.
const LOOKS: [Duration; 2] = [Duration::from_millis(2), Duration::from_millis(100)];
/// How long to wait for the last output of an app that has ended.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// What a run should do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Go on. The Ebbtide that started it still reads its output.
    Wait,
    /// Go on.
    Run,
    /// End, within `stop_timeout`.
    Stop,
    /// Be left alone: it is another Ebbtide's now.
    Release,
}

impl Order {
    fn goes_on(self) -> bool {
        matches!(self, Order::Wait | Order::Run)
    }
}

/// A run, as its driver sees it. When this is dropped, the processes are killed.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) group: Group,
    orders: watch::Sender<Order>,
    over: watch::Receiver<bool>,
    /// Its first process is running.
    is_alive: Arc<AtomicBool>,
    /// A pidfd of its first process, and the pipe that it prints into; `None` = no descriptor was left.
    descriptors: Option<[OwnedFd; 2]>,
}

/// What a run needs from its driver.
pub(super) struct Keeper {
    pub(super) app: String,
    pub(super) id: u64,
    pub(super) stop_timeout: Duration,
    pub(super) listener: Listener,
    pub(super) output: Arc<Output>,
    pub(super) supervisor: Arc<Supervisor>,
}

impl Run {
    /// Follows a run from now on. Needs a tokio runtime.
    pub(super) fn begin(
        keeper: Keeper,
        leader: Leader,
        pipe: Receiver,
        group: Group,
        first: Order,
    ) -> Run {
        let (orders, ordered) = watch::channel(first);
        let (tell_over, over) = watch::channel(false);
        let is_alive = Arc::new(AtomicBool::new(true));
        let descriptors = leader.descriptor().and_then(|leader| {
            let pipe = pipe.as_fd().try_clone_to_owned()?;
            Ok([leader, pipe])
        });
        let mut reader = tokio::spawn(Arc::clone(&keeper.output).read(pipe, ordered.clone()));
        let (kept, alive) = (group.clone(), Arc::clone(&is_alive));
        tokio::spawn(async move {
            let mut released = ordered.clone();
            let is_over = tokio::select! {
                biased;
                () = ordered_to(&mut released, Order::Release) => false,
                () = keeper.keep(leader, &kept, ordered, &alive, &mut reader) => true,
            };
            if is_over {
                keeper.supervisor.ended(keeper.id, &kept).await;
            } else {
                // The reader ends by the same order.
                let _ = timeout(LAST_WORDS, &mut reader).await;
                keeper.supervisor.released(keeper.id).await;
            }
            tell_over.send_replace(true);
        });
        Run { group, orders, over, is_alive, descriptors: descriptors.ok() }
    }

    /// A pidfd of its first process, and the pipe that it prints into, for another Ebbtide.
    pub(super) fn descriptors(&self) -> Option<Vec<OwnedFd>> {
        let each = self.descriptors.as_ref()?.iter();
        each.map(|one| one.try_clone().ok()).collect()
    }

    /// Leaves it to another Ebbtide.
    pub(super) fn release(&self) {
        self.orders.send_replace(Order::Release);
    }

    /// Nobody else reads its output any more.
    pub(super) fn read(&self) {
        self.orders.send_if_modified(|order| {
            let waits = *order == Order::Wait;
            if waits {
                *order = Order::Run;
            }
            waits
        });
    }

    /// Whether its first process is running and was not told to end.
    pub(super) fn is_up(&self) -> bool {
        self.is_alive.load(Ordering::Acquire) && self.orders.borrow().goes_on()
    }

    /// Tells it to end.
    pub(super) fn stop(&self) {
        self.orders.send_replace(Order::Stop);
    }

    /// Waits until none of its processes is left, whatever ends them.
    pub(super) async fn over(&self) {
        // An error means that the runtime is ending.
        let _ = self.over.clone().wait_for(|over| *over).await;
    }
}

impl Keeper {
    async fn keep(
        &self,
        mut leader: Leader,
        group: &Group,
        mut orders: watch::Receiver<Order>,
        is_alive: &AtomicBool,
        reader: &mut JoinHandle<()>,
    ) {
        let ended = tokio::select! {
            biased;
            status = leader.wait() => Some(status),
            () = stopped(&mut orders) => None,
        };
        let by_itself = ended.is_some();
        is_alive.store(!by_itself, Ordering::Release);
        if !by_itself && *orders.borrow() == Order::Stop {
            let asked = group.terminate(&[]);
            let end = async {
                leader.wait().await;
                // Processes forked meanwhile may be part of an orderly end while the first one lives.
                group.terminate(&asked);
                empty(group, false).await;
            };
            tokio::select! {
                () = end => {}
                () = sleep(self.stop_timeout) => tracing::info!(
                    app = self.app,
                    processes = group.processes().len(),
                    "the app has not ended within stop_timeout: killed"
                ),
                () = abandoned(&mut orders) => {}
            }
        }
        let left = group.processes().len();
        group.kill();
        // It may have left its cgroup.
        leader.kill();
        if by_itself {
            // Another Ebbtide still reads its output, and its lifecycle here has yet to learn that it was up.
            let _ = orders.wait_for(|order| *order != Order::Wait).await;
        }
        let abort = reader.abort_handle();
        if timeout(LAST_WORDS, &mut *reader).await.is_err() {
            abort.abort();
        }
        is_alive.store(false, Ordering::Release);
        if by_itself && *orders.borrow() == Order::Run {
            self.tell(ended.flatten(), left);
        }
        empty(group, true).await;
        leader.wait().await;
    }

    fn tell(&self, status: Option<ExitStatus>, left: usize) {
        let failure = Failure::exited(words::ended(status, left));
        let failure = failure.with_output(self.output.newest());
        tracing::warn!(app = self.app, "the app has ended: {failure}");
        (self.listener)(Notice::Exited(failure));
    }
}

/// Waits until the run is told to end, or its driver is gone.
async fn stopped(orders: &mut watch::Receiver<Order>) {
    let _ = orders.wait_for(|order| *order == Order::Stop).await;
}

/// Waits until this is ordered.
pub(super) async fn ordered_to(orders: &mut watch::Receiver<Order>, wanted: Order) {
    if orders.wait_for(|order| *order == wanted).await.is_err() {
        // No order can come any more.
        std::future::pending().await
    }
}

/// Waits until the driver is gone.
async fn abandoned(orders: &mut watch::Receiver<Order>) {
    while orders.changed().await.is_ok() {}
}

/// Waits until no process is left. `kill`: kills those that are left at every check.
async fn empty(group: &Group, kill: bool) {
    let [mut look, longest] = LOOKS;
    while !group.is_empty() {
        if kill {
            group.kill();
        }
        sleep(look).await;
        look = longest.min(look * 2);
    }
}
