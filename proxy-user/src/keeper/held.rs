//! The drivers of the apps that are served.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use futures_util::future::join_all;

use crate::clock;
use crate::config;
use crate::core::lifecycle::{LifecycleEvent, Observed};
use crate::core::time::Nanos;
use crate::drivers::process::Supervisor;
use crate::drivers::{self, Driver, Listener, Notice};
use crate::session::App;

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

    /// Makes and drops drivers until they are those of these apps. One that is dropped ends an app that does
    /// not outlive this process.
    pub(super) fn fit(&mut self, apps: &[Arc<App>]) {
        for app in apps {
            let policy = app.policy();
            let held = self.drivers.get(&app.name);
            if held.map(|held| &held.config) == policy.config.driver.as_ref() {
                continue;
            }
            if self.drivers.remove(&app.name).is_some() {
                app.drive(LifecycleEvent::Observed(Observed::Suspended), clock::now());
            }
            if let Some(config) = policy.config.driver.clone() {
                let driver = self.make(app, &config, policy.config.upstream.clone());
                app.life.set_upstream(driver.upstream());
                let held = Held {
                    config,
                    driver,
                    looked: None,
                    looking: Arc::default(),
                    blind: Arc::default(),
                };
                self.drivers.insert(app.name.clone(), held);
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
