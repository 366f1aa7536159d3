//! Another configuration for a running proxy: all of it or nothing.

use anyhow::{Result, ensure};

use super::loaded::{LoadedConfig, set_access_log};
use super::{REDIRECT_WITHOUT_TLS, Server, ask_for_token};
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
        ensure!(!self.redirect_doors.are_passed() || config.tls.is_some(), REDIRECT_WITHOUT_TLS);
        self.warn_of_fixed(&config);
        let LoadedConfig { config, books, guard, reports, notify } =
            LoadedConfig::new(config, packs)?;
        let (listen, limit) = (config.listen_addresses(), config.limits.sessions);
        let (admin, redirect) = ([config.admin_address()], config.redirect_addresses());
        let ours = [&self.doors, &self.redirect_doors, &self.admin_doors];
        let (opened, redirects) = {
            let _first = self.workers.enter();
            let opened = open_missing(&self.doors, &listen, &ours)?;
            (opened, open_missing(&self.redirect_doors, &redirect, &ours)?)
        };
        let admin_opened = open_missing(&self.admin_doors, &admin, &ours)?;
        set_access_log(&self.proxy.access_log, config.log.access)?;
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
        redirects.into_iter().for_each(|opened| self.serve_redirect(opened));
        admin_opened.into_iter().for_each(|opened| self.serve_admin(opened));
        for (doors, wanted) in [
            (&mut self.doors, &listen[..]),
            (&mut self.redirect_doors, &redirect),
            (&mut self.admin_doors, &admin),
        ] {
            if !doors.are_passed() {
                for address in doors.close_others(wanted) {
                    tracing::info!(%address, "no longer listening");
                }
            }
        }
        self.name_https_port();
        Ok(())
    }

    /// Names what cannot change while the process runs.
    fn warn_of_fixed(&self, config: &Config) {
        let started = &self.started;
        let redirect = Config::redirect_addresses;
        let changed = [
            ("workers", config.workers != started.workers),
            ("sockets.source", config.sockets.source != started.sockets.source),
            ("sockets.cgroup", config.sockets.cgroup != started.sockets.cgroup),
            ("sockets.max_legs", config.sockets.max_legs != started.sockets.max_legs),
            ("listen", self.doors.are_passed() && config.listen != started.listen),
            ("redirect", self.redirect_doors.are_passed() && redirect(config) != redirect(started)),
            ("admin", self.admin_doors.are_passed() && config.admin != started.admin),
        ];
        for (key, _) in changed.iter().filter(|(_, changed)| *changed) {
            tracing::warn!(key, "a change of this key takes effect when Ebbtide is restarted");
        }
    }
}

/// Sockets that were passed are not replaced.
fn open_missing(doors: &Doors, wanted: &[ListenAddress], ours: &[&Doors]) -> Result<Vec<Opened>> {
    if doors.are_passed() { Ok(Vec::new()) } else { Ok(doors.open_missing(wanted, ours)?) }
}
