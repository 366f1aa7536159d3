//! The apps by name, and the routes to them.
//!
//! Requests only read. A batch of changes is made in place under one write lock, so that routing sees all of
//! it or nothing; requests wait meanwhile.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use parking_lot::RwLock;

use crate::config;
use crate::core::pack::RuleBook;
use crate::core::route::{Reading, RouteTable, Source};
use crate::core::time::Nanos;
use crate::events::Events;
use crate::session::{App, Orders};

/// A change to the apps of one source.
#[derive(Debug)]
pub enum Change {
    /// Adds an app with these rules, or replaces the app of the same name.
    Put(Box<config::App>, Arc<RuleBook>),
    /// Stops serving the app of this name. Its sessions continue.
    Remove(String),
}

impl Change {
    fn name(&self) -> &str {
        match self {
            Change::Put(app, _) => &app.name,
            Change::Remove(name) => name,
        }
    }
}

/// All apps.
#[derive(Debug, Default)]
pub(super) struct Apps(RwLock<Table>);

#[derive(Debug, Default)]
struct Table {
    routes: RouteTable<Arc<App>>,
    /// In the order in which they were added.
    served: BTreeMap<u64, Arc<App>>,
    numbers: HashMap<Box<str>, u64>,
    /// The number of the next one.
    next: u64,
    /// No longer served, but kept for their remaining sessions.
    former: Vec<Arc<App>>,
    /// Requests that may wait for one app to wake, for the apps to come too.
    held_per_app: usize,
}

impl Apps {
    pub(super) fn change(
        &self,
        source: Source,
        changes: impl IntoIterator<Item = Change>,
        ways: &(Events, Orders),
        now: Nanos,
    ) {
        let mut table = self.0.write();
        table.former.retain(has_sessions);
        let changes: Vec<_> = changes.into_iter().collect();
        // All at once, because two apps may swap routes.
        for change in &changes {
            table.unroute(source, change.name());
        }
        for change in changes {
            match change {
                Change::Put(config, book) => table.put(source, *config, book, ways, now),
                Change::Remove(name) => table.remove(&name),
            }
        }
    }

    /// Sets how many requests may wait for one app to wake, for all apps of all sources.
    pub(super) fn limit_held(&self, per_app: usize) {
        let mut table = self.0.write();
        table.held_per_app = per_app;
        let former = table.former.iter();
        table.served.values().chain(former).for_each(|app| app.lobby.set_limit(per_app));
    }

    pub(super) fn find(&self, host: &str, path: &str) -> Option<Arc<App>> {
        self.0.read().routes.find(host, path).cloned()
    }

    pub(super) fn all_read(
        &self,
        host: &str,
        reading: &Reading,
        test: impl Fn(&App) -> bool,
    ) -> bool {
        self.0.read().routes.all_read(host, reading, |app| test(app))
    }

    pub(super) fn served(&self) -> Vec<Arc<App>> {
        self.0.read().served.values().cloned().collect()
    }

    pub(super) fn all(&self) -> Vec<Arc<App>> {
        let table = self.0.read();
        let former = table.former.iter().filter(|app| has_sessions(app));
        table.served.values().chain(former).cloned().collect()
    }
}

impl Table {
    fn put(
        &mut self,
        source: Source,
        config: config::App,
        book: Arc<RuleBook>,
        ways: &(Events, Orders),
        now: Nanos,
    ) {
        if let Some(app) = self.get(&config.name) {
            app.configure(config, book, now);
            self.route(source, &app);
            return;
        }
        let former = self.former.iter().position(|app| *app.name == config.name);
        let app = match former.map(|at| self.former.swap_remove(at)) {
            Some(app) => {
                app.configure(config, book, now);
                app
            }
            None => Arc::new(App::new(config, book, ways.clone(), self.held_per_app, now)),
        };
        self.route(source, &app);
        self.numbers.insert(app.name.clone(), self.next);
        self.served.insert(self.next, app);
        self.next += 1;
    }

    fn remove(&mut self, name: &str) {
        let number = self.numbers.remove(name);
        let Some(app) = number.and_then(|number| self.served.remove(&number)) else { return };
        if has_sessions(&app) {
            self.former.push(app);
        }
    }

    fn route(&mut self, source: Source, app: &Arc<App>) {
        let config = &app.policy().config;
        if config.hosts.is_empty() {
            self.routes.insert(None, &config.path, source, Arc::clone(app));
        }
        for host in &config.hosts {
            self.routes.insert(Some(host), &config.path, source, Arc::clone(app));
        }
    }

    fn get(&self, name: &str) -> Option<Arc<App>> {
        self.served.get(self.numbers.get(name)?).cloned()
    }

    fn unroute(&mut self, source: Source, name: &str) {
        let Some(app) = self.get(name) else { return };
        let config = &app.policy().config;
        if config.hosts.is_empty() {
            self.routes.remove(None, &config.path, source);
        }
        for host in &config.hosts {
            self.routes.remove(Some(host), &config.path, source);
        }
    }
}

fn has_sessions(app: &Arc<App>) -> bool {
    app.live.load(Relaxed) > 0
}

#[cfg(test)]
#[path = "apps_tests.rs"]
mod tests;
