//! Carries out the commands of the apps' lifecycles with their drivers, and ticks the lifecycles.
//!
//! `core::lifecycle` decides. Must not know requests: whoever waits for an app watches its lifecycle.

mod execute;
mod handover;
mod held;
mod ready;
mod reports;
mod work;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

use self::handover::{Channel, Door, give};
use self::held::HeldDrivers;
use crate::clock;
use crate::core::lifecycle::{Failure, LifecycleEvent};
use crate::core::time::Nanos;
use crate::drivers::process::Supervisor;
use crate::metrics::Metrics;
use crate::serving::Serving;
use crate::session::{App, Why};

/// Time between two ticks.
const PERIOD: Duration = Duration::from_secs(1);

/// A running keeper.
#[derive(Debug)]
pub struct Keeper {
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Keeper {
    /// Starts keeping the apps, and takes over those that run under the Ebbtide with the process id
    /// `predecessor`. Blocks during the takeover. Needs a tokio runtime.
    #[must_use]
    pub fn start(
        serving: Arc<Serving>,
        metrics: Arc<Metrics>,
        processes: Option<Arc<Supervisor>>,
        predecessor: Option<u32>,
    ) -> Keeper {
        let (stop, stopped) = oneshot::channel();
        let mut held = HeldDrivers::new(processes);
        if let Some(former) = predecessor.and_then(|id| handover::take(id, &mut held, &serving)) {
            tokio::spawn(former.ended());
        }
        let task = tokio::spawn(run(serving, metrics, held, stopped));
        Keeper { stop, task }
    }

    /// Stops starting and suspending apps, and stops those that do not outlive this process. Returns when they
    /// are down.
    pub async fn stop(self) {
        drop(self.stop);
        // A panic in it has been logged.
        let _ = self.task.await;
    }
}

async fn run(
    serving: Arc<Serving>,
    metrics: Arc<Metrics>,
    mut held: HeldDrivers,
    mut stopped: oneshot::Receiver<()>,
) {
    let Some(mut orders) = serving.take_orders() else { return };
    let door = Door::open();
    if let Err(error) = &door {
        tracing::warn!(%error, "running apps cannot be handed over to another Ebbtide");
    }
    held.fit(&serving.all_apps());
    let mut ticks = tokio::time::interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            _ = &mut stopped => break,
            Some(order) = orders.recv() => {
                if held.get(&order.app).is_none() {
                    // The app came with a reload since the last tick.
                    held.fit_one(&order.app);
                }
                if let Some(driver) = held.get(&order.app) {
                    let stopping = held.stopping(&order.app);
                    let shared = (Arc::clone(&serving), Arc::clone(&metrics));
                    tokio::spawn(execute::execute(order, driver, stopping, shared));
                }
            }
            channel = knock(door.as_ref().ok()) => {
                let Some((channel, apps)) = give(channel, &mut held, &serving).await else { continue };
                // From here on the other Ebbtide starts and suspends the apps.
                tokio::select! {
                    biased;
                    _ = &mut stopped => break,
                    () = channel.left() => {}
                }
                tracing::warn!("the Ebbtide that had taken over has ended, and its apps with it");
                let gone = || Failure::new("the Ebbtide that had taken it over has ended");
                apps.iter().for_each(|app| app.drive(LifecycleEvent::Exited(gone()), clock::now()));
            }
            _ = ticks.tick() => {
                let apps = serving.all_apps();
                held.fit(&apps);
                let now = clock::now();
                held.measure(&apps, now);
                apps.iter().for_each(|app| pass(app, now));
                held.look(&apps, now);
            }
        }
    }
    held.stop().await;
}

async fn knock(door: Option<&Door>) -> Channel {
    match door {
        Some(door) => door.knock().await,
        None => std::future::pending().await,
    }
}

/// Called once a second.
fn pass(app: &Arc<App>, now: Nanos) {
    app.note_transfers(now);
    app.seats.pass(now);
    let facts = app.facts(now);
    let why = Why::of(&facts, app.is_busy(&facts, now), now);
    app.lives.pass(app.life.status().state, why, now);
    app.drive(LifecycleEvent::Tick, now);
}
