//! One run of an app: from its process to the moment when none of its processes is left.

use std::process::ExitStatus;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::net::unix::pipe::Receiver;
use tokio::process::Child;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::group::Group;
use super::output::Output;
use super::supervisor::Supervisor;
use super::words;
use crate::core::lifecycle::Failure;
use crate::drivers::{Listener, Notice};

/// First and longest time between two looks whether any process is left.
const LOOKS: [Duration; 2] = [Duration::from_millis(2), Duration::from_millis(100)];
/// How long is waited for what an ended app has printed last.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// What a run is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    /// Go on.
    Run,
    /// End, with `stop_timeout` for it.
    Stop,
}

/// A run as its driver sees it. When it is dropped, its processes are killed.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) group: Group,
    orders: watch::Sender<Order>,
    over: watch::Receiver<bool>,
    /// Its first process has not ended.
    is_alive: Arc<AtomicBool>,
}

/// What a run needs of its driver.
pub(super) struct Keeper {
    pub(super) app: String,
    pub(super) id: u64,
    pub(super) stop_timeout: Duration,
    pub(super) listener: Listener,
    pub(super) output: Arc<Output>,
    pub(super) supervisor: Arc<Supervisor>,
}

impl Run {
    /// Takes over a process that was just started. Needs a tokio runtime.
    pub(super) fn begin(keeper: Keeper, child: Child, pipe: Receiver, group: Group) -> Run {
        let (orders, ordered) = watch::channel(Order::Run);
        let (tell_over, over) = watch::channel(false);
        let is_alive = Arc::new(AtomicBool::new(true));
        let reader = tokio::spawn(Arc::clone(&keeper.output).read(pipe));
        let (kept, alive) = (group.clone(), Arc::clone(&is_alive));
        tokio::spawn(async move {
            keeper.keep(child, &kept, ordered, &alive, reader).await;
            keeper.supervisor.ended(keeper.id, &kept).await;
            tell_over.send_replace(true);
        });
        Run { group, orders, over, is_alive }
    }

    /// Whether its first process runs, and is to.
    pub(super) fn is_up(&self) -> bool {
        self.is_alive.load(Ordering::Acquire) && *self.orders.borrow() == Order::Run
    }

    /// Has it end.
    pub(super) fn stop(&self) {
        self.orders.send_replace(Order::Stop);
    }

    /// Waits until none of its processes is left, whoever ends them.
    pub(super) async fn over(&self) {
        // Its task is gone only with the runtime.
        let _ = self.over.clone().wait_for(|over| *over).await;
    }
}

impl Keeper {
    async fn keep(
        &self,
        mut child: Child,
        group: &Group,
        mut orders: watch::Receiver<Order>,
        is_alive: &AtomicBool,
        reader: JoinHandle<()>,
    ) {
        let mut status = tokio::select! {
            biased;
            status = child.wait() => status.ok(),
            () = stopped(&mut orders) => None,
        };
        let by_itself = status.is_some();
        is_alive.store(!by_itself, Ordering::Release);
        if !by_itself && *orders.borrow() == Order::Stop {
            let asked = group.terminate(&[]);
            let end = async {
                status = child.wait().await.ok();
                // What was forked meanwhile may serve an orderly end, as long as somebody leads it.
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
        let _ = child.start_kill();
        let abort = reader.abort_handle();
        if timeout(LAST_WORDS, reader).await.is_err() {
            abort.abort();
        }
        is_alive.store(false, Ordering::Release);
        if by_itself && *orders.borrow() == Order::Run {
            self.tell(status, left);
        }
        empty(group, true).await;
        let _ = child.wait().await;
    }

    fn tell(&self, status: Option<ExitStatus>, left: usize) {
        let why = words::ended(status, left, self.output.last_words().as_deref());
        tracing::warn!(app = self.app, "the app has ended: {why}");
        (self.listener)(Notice::Exited(Failure(why.into())));
    }
}

/// Waits until it is to end, or nobody orders any more: the driver is gone.
async fn stopped(orders: &mut watch::Receiver<Order>) {
    let _ = orders.wait_for(|order| *order == Order::Stop).await;
}

/// Waits until nobody orders any more.
async fn abandoned(orders: &mut watch::Receiver<Order>) {
    while orders.changed().await.is_ok() {}
}

/// Waits until no process is left; kills them all the time, if that is wished.
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
