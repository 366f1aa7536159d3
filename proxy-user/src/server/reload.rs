//! Another configuration for a running proxy: all of it or nothing.

use anyhow::Result;

use super::loaded::LoadedConfig;
use super::{Server, ask_for_token};
use crate::config::Config;
use crate::core::listening::ListenAddress;
use crate::descriptors;
use crate::listen::{Doors, Opened};
use crate::packs::Packs;

impl Server {
    /// Puts `config` in force from the next request on. Sessions keep their settings, and apps that keep
    /// their name keep their state.
    ///
    /// # Errors
    /// A token file that cannot be read or is missing, or an address that cannot be listened on. Then
    /// nothing has changed.
    pub fn reload(&mut self, config: Config, packs: &Packs) -> Result<()> {
        if self.admin_doors.are_passed() {
            self.admin_doors
                .addresses()
                .into_iter()
                .try_for_each(|at| ask_for_token(&config, at))?;
        }
        self.warn_of_fixed(&config);
        let LoadedConfig { config, books, guard, reports, notify } =
            LoadedConfig::new(config, packs)?;
        let (listen, limit) = (config.listen_addresses(), config.limits.sessions);
        let admin = [config.admin_address()];
        let opened = {
            let _first = self.workers.enter();
            open_missing(&self.doors, &listen)?
        };
        let admin_opened = open_missing(&self.admin_doors, &admin)?;
        // From here on nothing can fail.
        if limit != self.proxy.serving.config().limits.sessions {
            descriptors::prepare(limit);
        }
        self.proxy.tls.set(config.certificates());
        self.proxy.serving.configure(config, books);
        self.admin.set_guard(guard);
        self.reporter.set_client(reports);
        self.notifier.set_clients(notify);
        opened.into_iter().for_each(|opened| self.serve(opened));
        admin_opened.into_iter().for_each(|opened| self.serve_admin(opened));
        for (doors, wanted) in [(&mut self.doors, &listen[..]), (&mut self.admin_doors, &admin)] {
            if !doors.are_passed() {
                for address in doors.close_others(wanted) {
                    tracing::info!(%address, "no longer listening");
                }
            }
        }
        Ok(())
    }

    /// Names what cannot change while the process runs.
    fn warn_of_fixed(&self, config: &Config) {
        let started = &self.started;
        let changed = [
            ("workers", config.workers != started.workers),
            ("sockets.source", config.sockets.source != started.sockets.source),
            ("sockets.cgroup", config.sockets.cgroup != started.sockets.cgroup),
            ("sockets.max_legs", config.sockets.max_legs != started.sockets.max_legs),
            ("listen", self.doors.are_passed() && config.listen != started.listen),
            ("admin", self.admin_doors.are_passed() && config.admin != started.admin),
        ];
        for (key, _) in changed.iter().filter(|(_, changed)| *changed) {
            tracing::warn!(key, "a change of this key takes effect when Ebbtide is restarted");
        }
    }
}

/// Sockets that were passed are not replaced.
fn open_missing(doors: &Doors, wanted: &[ListenAddress]) -> Result<Vec<Opened>> {
    if doors.are_passed() { Ok(Vec::new()) } else { Ok(doors.open_missing(wanted)?) }
}
