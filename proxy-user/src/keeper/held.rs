//! The drivers of the apps that are served.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use futures_util::future::join_all;

use crate::clock;
use crate::config;
use crate::core::cpu::Load;
use crate::core::lifecycle::{LifecycleEvent, Observed, State, Step};
use crate::core::time::Nanos;
use crate::drivers::process::Supervisor;
use crate::drivers::{self, Driver, DriverError, Listener, Notice, Papers};
use crate::session::App;

/// Time between two looks at the CPU time of an app.
const MEASURE: Duration = Duration::from_secs(5);

/// A driver, and what it was made of.
#[derive(Debug)]
struct Held {
    config: config::Driver,
    driver: Arc<dyn Driver>,
    /// When it was last asked to look.
    looked: Option<Nanos>,
    /// It is looking.
    looking: Arc<AtomicBool>,
    /// Its newest look failed, which has been said.
    blind: Arc<AtomicBool>,
    /// The CPU time of its app's run, while that runs.
    load: Option<Load>,
    /// When that was last looked at.
    measured: Nanos,
}

/// All drivers, by the names of their apps.
#[derive(Debug)]
pub(super) struct HeldDrivers {
    processes: Option<Arc<Supervisor>>,
    drivers: HashMap<Box<str>, Held>,
}

impl HeldDrivers {
    pub(super) fn new(processes: Option<Arc<Supervisor>>) -> HeldDrivers {
        HeldDrivers { processes, drivers: HashMap::new() }
    }

    pub(super) fn get(&self, app: &App) -> Option<Arc<dyn Driver>> {
        self.drivers.get(&app.name).map(|held| Arc::clone(&held.driver))
    }

    /// The driver of an app, and what it was made of.
    pub(super) fn entry(&self, app: &App) -> Option<(&Arc<dyn Driver>, &config::Driver)> {
        self.drivers.get(&app.name).map(|held| (&held.driver, &held.config))
    }

    /// Leaves these apps to another Ebbtide.
    pub(super) async fn release(&mut self, apps: &[Arc<App>]) {
        let drivers: Vec<_> =
            apps.iter().filter_map(|app| self.drivers.remove(&app.name)).collect();
        join_all(drivers.iter().map(|held| held.driver.release())).await;
    }

    /// Forgets the driver of an app.
    pub(super) fn remove(&mut self, app: &App) {
        self.drivers.remove(&app.name);
    }

    /// Goes on with an app that another Ebbtide has started. Its driver, and whether that is the one that the
    /// configuration wants, which then has it.
    pub(super) fn adopt(
        &mut self,
        app: &Arc<App>,
        config: config::ProcessDriver,
        upstream: Option<&str>,
        papers: Papers,
    ) -> Result<(Arc<dyn Driver>, bool), DriverError> {
        let (policy, config) = (app.policy(), config::Driver::Process(config));
        let wanted = policy.config.upstream.as_ref().map(ToString::to_string);
        let same = policy.config.driver.as_ref() == Some(&config) && wanted.as_deref() == upstream;
        let driver = self.make(app, &config, upstream.and_then(|upstream| upstream.parse().ok()));
        driver.adopt(papers)?;
        if same {
            self.insert(app, config, Arc::clone(&driver));
        }
        Ok((driver, same))
    }

    fn insert(&mut self, app: &App, config: config::Driver, driver: Arc<dyn Driver>) {
        app.life.set_upstream(driver.upstream());
        let held = Held {
            config,
            driver,
            looked: None,
            looking: Arc::default(),
            blind: Arc::default(),
            load: None,
            measured: Nanos(0),
        };
        self.drivers.insert(app.name.clone(), held);
    }

    /// Makes and drops drivers until they are those of these apps. One that is dropped ends an app that does
    /// not outlive this process.
    pub(super) fn fit(&mut self, apps: &[Arc<App>]) {
        for app in apps {
            let policy = app.policy();
            let held = self.drivers.get(&app.name);
            if held.map(|held| &held.config) == policy.config.driver.as_ref() {
                continue;
            }
            let before = self.drivers.remove(&app.name);
            let ended = before.map(|held| held.driver.ends_with_us());
            let made = policy.config.driver.clone().map(|config| {
                let driver = self.make(app, &config, policy.config.upstream.clone());
                (config, driver)
            });
            // An app that is started elsewhere goes on as it is, whoever is asked about it from now on.
            let is_gone = |(_, driver): &(_, Arc<dyn Driver>)| driver.ends_with_us();
            if ended.is_some_and(|ended| ended || made.as_ref().is_none_or(is_gone)) {
                app.drive(LifecycleEvent::Observed(Observed::Suspended), clock::now());
            }
            if let Some((config, driver)) = made {
                self.insert(app, config, driver);
            }
        }
        let names: HashSet<_> = apps.iter().map(|app| &app.name).collect();
        self.drivers.retain(|name, _| names.contains(name));
    }

    fn make(
        &mut self,
        app: &Arc<App>,
        config: &config::Driver,
        upstream: Option<config::Upstream>,
    ) -> Arc<dyn Driver> {
        let owner = Arc::downgrade(app);
        let listener: Listener = Arc::new(move |notice| {
            let Some(app) = owner.upgrade() else { return };
            let event = match notice {
                Notice::Exited(failure) => LifecycleEvent::Exited(failure),
                Notice::Observed(observed) => LifecycleEvent::Observed(observed),
            };
            app.drive(event, clock::now());
        });
        let processes = || Arc::clone(self.processes.get_or_insert_with(Supervisor::late));
        drivers::build(&app.name, config, upstream, listener, processes)
    }

    /// Has those drivers look that want to.
    pub(super) fn look(&mut self, apps: &[Arc<App>], now: Nanos) {
        for app in apps {
            let Some(held) = self.drivers.get_mut(&app.name) else { continue };
            let Some(every) = held.driver.look_every() else { continue };
            let due = held.looked.is_none_or(|looked| now.since(looked) >= every);
            if due && !held.looking.swap(true, Relaxed) {
                held.looked = Some(now);
                let (looking, blind) = (Arc::clone(&held.looking), Arc::clone(&held.blind));
                tokio::spawn(look(Arc::clone(app), Arc::clone(&held.driver), looking, blind));
            }
        }
    }

    /// Looks how much CPU time those apps use that may be suspended.
    pub(super) fn measure(&mut self, apps: &[Arc<App>], now: Nanos) {
        for app in apps {
            let Some(held) = self.drivers.get_mut(&app.name) else { continue };
            let policy = app.policy();
            let limit = policy.config.busy_cpu.filter(|_| policy.config.idle_after.is_some());
            let (Some(limit), true) = (limit, is_up(app.life.status().state)) else {
                if held.load.take().is_some() {
                    app.note_cpu(None, now);
                }
                continue;
            };
            let load = held.load.get_or_insert_with(|| Load::new(now));
            // One that is about to be suspended is looked at once more.
            let is_last = app.suspends_at(now).is_some_and(|at| at <= now);
            if (is_last || now.since(held.measured) >= MEASURE)
                && let Some(used) = held.driver.cpu_time()
            {
                held.measured = now;
                app.note_cpu(Some((load.sample(now, used), limit)), now);
            }
        }
    }

    /// Ends the apps that do not outlive this process.
    pub(super) async fn stop(self) {
        let ending = self.drivers.iter().filter(|(_, held)| held.driver.ends_with_us());
        let each = ending.map(async |(app, held)| {
            if let Err(error) = held.driver.stop().await {
                tracing::warn!(app, %error, "cannot stop the app");
            }
        });
        join_all(each).await;
    }
}

/// It has come up, and not been told to end.
pub(super) fn is_up(state: State) -> bool {
    matches!(state, State::Running | State::Suspending(Step::Probing | Step::Closing { .. }))
}

/// Looks once. What cannot be seen changes nothing.
async fn look(
    app: Arc<App>,
    driver: Arc<dyn Driver>,
    looking: Arc<AtomicBool>,
    blind: Arc<AtomicBool>,
) {
    match driver.observe().await {
        Ok(observed) => {
            blind.store(false, Relaxed);
            app.drive(LifecycleEvent::Observed(observed), clock::now());
        }
        Err(error) => {
            if !blind.swap(true, Relaxed) {
                tracing::warn!(app = app.name, %error, "cannot see whether the app runs; it is left as it is");
            }
        }
    }
    looking.store(false, Relaxed);
}
