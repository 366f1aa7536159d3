//! The drivers of the apps that are served.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared, join_all};

use super::reports::Reports;
use crate::clock;
use crate::config::{self, Upstream};
use crate::core::cpu::Load;
use crate::core::lifecycle::LifecycleEvent;
use crate::core::time::Nanos;
use crate::drivers::process::Supervisor;
use crate::drivers::{self, Driver, DriverError, Papers};
use crate::session::App;

/// Time between two readings of an app's CPU time.
const MEASURE: Duration = Duration::from_secs(5);

/// Resolves when the app of a former driver is down.
pub(super) type Stopped = Shared<BoxFuture<'static, ()>>;

/// What a driver is made from.
#[derive(Debug)]
struct Recipe {
    config: config::Driver,
    /// Only a process is told where to listen.
    upstream: Option<Upstream>,
}

impl Recipe {
    fn new(config: config::Driver, upstream: Option<Upstream>) -> Recipe {
        let upstream = upstream.filter(|_| matches!(config, config::Driver::Process(_)));
        Recipe { config, upstream }
    }

    /// For the app as it is configured; `None` = without a driver.
    fn of(app: &config::App) -> Option<Recipe> {
        Some(Recipe::new(app.driver.clone()?, app.upstream.clone()))
    }

    /// Whether it is [`Recipe::of`] this app.
    fn is_of(&self, app: &config::App) -> bool {
        let has_upstream = matches!(self.config, config::Driver::Process(_));
        let is_there = || match (&self.upstream, &app.upstream) {
            (Some(upstream), Some(other)) => upstream.is_place_of(other),
            (None, None) => true,
            _ => false,
        };
        app.driver.as_ref() == Some(&self.config) && (!has_upstream || is_there())
    }
}

/// A driver in use.
#[derive(Debug)]
struct Held {
    recipe: Recipe,
    driver: Arc<dyn Driver>,
    reports: Reports,
    /// When it was last asked to look.
    looked: Option<Nanos>,
    /// It is looking.
    looking: Arc<AtomicBool>,
    /// Its last look failed, and the log says so.
    blind: Arc<AtomicBool>,
    /// The CPU time of its app's run, while that runs.
    load: Option<Load>,
    /// When that was last read.
    measured: Nanos,
}

/// All drivers, by the names of their apps.
#[derive(Debug)]
pub(super) struct HeldDrivers {
    processes: Option<Arc<Supervisor>>,
    drivers: HashMap<Box<str>, Held>,
    /// Former drivers that are stopping their apps, by the names of these.
    stopping: HashMap<Box<str>, Stopped>,
}

impl HeldDrivers {
    pub(super) fn new(processes: Option<Arc<Supervisor>>) -> HeldDrivers {
        HeldDrivers { processes, drivers: HashMap::new(), stopping: HashMap::new() }
    }

    pub(super) fn get(&self, app: &App) -> Option<Arc<dyn Driver>> {
        self.drivers.get(&app.name).map(|held| Arc::clone(&held.driver))
    }

    /// The app's driver and its configuration.
    pub(super) fn entry(&self, app: &App) -> Option<(&Arc<dyn Driver>, &config::Driver)> {
        self.drivers.get(&app.name).map(|held| (&held.driver, &held.recipe.config))
    }

    /// Resolves when what a former driver of the app started is down, if one is stopping it. Its port may be
    /// needed for the next start.
    pub(super) fn stopping(&self, app: &App) -> Option<Stopped> {
        self.stopping.get(&app.name).cloned()
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

    /// Continues a run that another Ebbtide has started. Returns the driver, and whether it matches the app's
    /// configuration; if so, it is now the app's driver.
    pub(super) fn adopt(
        &mut self,
        app: &Arc<App>,
        config: config::ProcessDriver,
        upstream: Option<&str>,
        papers: Papers,
    ) -> Result<(Arc<dyn Driver>, bool), DriverError> {
        let upstream = upstream.and_then(|upstream| upstream.parse().ok());
        let recipe = Recipe::new(config::Driver::Process(config), upstream);
        let same = recipe.is_of(&app.policy().config);
        let held = self.make(app, recipe);
        held.driver.adopt(papers)?;
        let driver = Arc::clone(&held.driver);
        if same {
            self.insert(app, held);
        } else {
            held.reports.close();
        }
        Ok((driver, same))
    }

    fn insert(&mut self, app: &App, held: Held) {
        app.life.set_upstream(held.driver.upstream());
        self.drivers.insert(app.name.clone(), held);
    }

    /// Makes and drops drivers until they match the configuration of these apps. A dropped one stops its app
    /// if the app would not outlive this process.
    pub(super) fn fit(&mut self, apps: &[Arc<App>]) {
        apps.iter().for_each(|app| self.fit_one(app));
        let names: HashSet<_> = apps.iter().map(|app| &app.name).collect();
        let gone: Vec<_> = self.drivers.extract_if(|name, _| !names.contains(name)).collect();
        for (name, held) in gone {
            held.reports.close();
            self.retire(&name, held.driver);
        }
        self.stopping.retain(|_, stopped| stopped.peek().is_none());
    }

    /// The same for one app.
    pub(super) fn fit_one(&mut self, app: &Arc<App>) {
        let policy = app.policy();
        let held = self.drivers.get(&app.name);
        if held.map_or(policy.config.driver.is_none(), |held| held.recipe.is_of(&policy.config)) {
            return;
        }
        let before = self.drivers.remove(&app.name);
        let made = Recipe::of(&policy.config).map(|recipe| self.make(app, recipe));
        if let Some(before) = before {
            before.reports.close();
            // An app that runs elsewhere goes on, whichever driver is asked about it.
            let ends = |held: &Held| held.driver.ends_with_us();
            let is_replaced = ends(&before) || made.as_ref().is_none_or(ends);
            self.retire(&app.name, before.driver);
            if is_replaced {
                app.drive(LifecycleEvent::Replaced, clock::now());
            }
        }
        if let Some(made) = made {
            self.insert(app, made);
        }
    }

    /// Has a former driver of the app stop what it started, in the background: with SIGTERM first, like any
    /// other stop. Needs a tokio runtime.
    pub(super) fn retire(&mut self, app: &str, driver: Arc<dyn Driver>) {
        if !driver.ends_with_us() {
            return;
        }
        let (name, before) = (app.to_owned(), self.stopping.remove(app));
        let stop = tokio::spawn(async move {
            stop(&name, &*driver).await;
            if let Some(before) = before {
                before.await;
            }
        });
        self.stopping.insert(app.into(), stop.map(drop).boxed().shared());
    }

    fn make(&mut self, app: &Arc<App>, recipe: Recipe) -> Held {
        let reports = Reports::new(app);
        let processes = || Arc::clone(self.processes.get_or_insert_with(Supervisor::late));
        let Recipe { config, upstream } = &recipe;
        let driver =
            drivers::build(&app.name, config, upstream.clone(), reports.listener(), processes);
        Held {
            recipe,
            driver,
            reports,
            looked: None,
            looking: Arc::default(),
            blind: Arc::default(),
            load: None,
            measured: Nanos(0),
        }
    }

    /// Has those drivers look at their apps that are due for it.
    pub(super) fn look(&mut self, apps: &[Arc<App>], now: Nanos) {
        for app in apps {
            let Some(held) = self.drivers.get_mut(&app.name) else { continue };
            let Some(every) = held.driver.look_every() else { continue };
            let due = held.looked.is_none_or(|looked| now.since(looked) >= every);
            if due && !held.looking.swap(true, Relaxed) {
                held.looked = Some(now);
                let (looking, blind) = (Arc::clone(&held.looking), Arc::clone(&held.blind));
                let (name, driver) = (app.name.clone(), Arc::clone(&held.driver));
                tokio::spawn(look(name, driver, held.reports.clone(), looking, blind));
            }
        }
    }

    /// Reads how much CPU time apps use, of those that may be suspended.
    pub(super) fn measure(&mut self, apps: &[Arc<App>], now: Nanos) {
        for app in apps {
            let Some(held) = self.drivers.get_mut(&app.name) else { continue };
            let policy = app.policy();
            let limit = policy.config.busy_cpu.filter(|_| policy.config.idle_after.is_some());
            let (Some(limit), true) = (limit, app.life.status().state.is_ready()) else {
                if held.load.take().is_some() {
                    app.note_cpu(None, now);
                }
                continue;
            };
            let load = held.load.get_or_insert_with(|| Load::new(now));
            // Read once more just before the app is suspended.
            let is_last = app.suspends_at(now).is_some_and(|at| at <= now);
            if (is_last || now.since(held.measured) >= MEASURE)
                && let Some(used) = held.driver.cpu_time()
            {
                held.measured = now;
                app.note_cpu(Some((load.sample(now, used), limit)), now);
            }
        }
    }

    /// Stops the apps that do not outlive this process.
    pub(super) async fn stop(self) {
        let ending = self.drivers.iter().filter(|(_, held)| held.driver.ends_with_us());
        let each = ending.map(|(app, held)| stop(app, &*held.driver));
        tokio::join!(join_all(each), join_all(self.stopping.into_values()));
    }
}

async fn stop(app: &str, driver: &dyn Driver) {
    if let Err(error) = driver.stop().await {
        tracing::warn!(app, %error, "cannot stop the app");
    }
}

/// Looks once. If nothing can be seen, the app's state stays as it is.
async fn look(
    app: Box<str>,
    driver: Arc<dyn Driver>,
    reports: Reports,
    looking: Arc<AtomicBool>,
    blind: Arc<AtomicBool>,
) {
    match driver.observe().await {
        Ok(observed) => {
            blind.store(false, Relaxed);
            reports.drive(LifecycleEvent::Observed(observed));
        }
        Err(error) => {
            if !blind.swap(true, Relaxed) {
                tracing::warn!(%app, %error, "cannot see whether the app runs; it is left as it is");
            }
        }
    }
    looking.store(false, Relaxed);
}
