//! `ebbtide run`: puts the configuration, the flags and the process together.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use clap::{ArgGroup, Args};
use sd_notify::NotifyState;
use tokio::signal::unix::Signal;
use tokio::time::MissedTickBehavior;

use super::Failure;
use super::flags::{PackFlag, ProxyFlags};
use crate::config::watch::{self, Watch};
use crate::config::{self, Config, Driver, Parsed};
use crate::core::listening::reachable;
use crate::listen::{Entry, ListenError, Passed};
use crate::packs::Packs;
use crate::server::{self, Server};
use crate::service_manager;
use crate::signals::{self, Predecessor, Stop};
use crate::toml_file::{Mistake, show_duration};

/// Time between two checks whether the file has changed.
const LOOK: Duration = Duration::from_secs(1);
/// A refused configuration may have its mistake in a file that only it names, and that is not watched. Every so many
/// checks it is read again.
const RETRY: u32 = 5;

/// Default of `--idle-after`.
const IDLE_AFTER: Duration = Duration::from_secs(15 * 60);

/// clap's own usage line would not show the `--`.
const USAGE: &str = "\
ebbtide run [OPTIONS] [--idle-after <DURATION>] -- COMMAND …
       ebbtide run [OPTIONS] --upstream <URL>
       ebbtide run [OPTIONS] --config <FILE>";

const EXAMPLES: &str = "\
Examples:
  ebbtide run -- streamlit run app.py --server.port {port}
      Start the app when somebody opens http://127.0.0.1:8080/, stop it after 15 minutes without
      activity, start it again for the next visitor. {port} is the app's own port; it is also
      in PORT, for apps that read that.
  ebbtide run --idle-after 1h -- jupyter lab --no-browser --port {port}
      The same, after an hour.
  ebbtide run --upstream http://127.0.0.1:8501
      Put an app that runs behind the proxy; it is never stopped.
  ebbtide run --config ebbtide.toml
      Serve the apps of a configuration file.";

/// `ebbtide run --config FILE`, `ebbtide run --upstream URL` or `ebbtide run -- COMMAND …`
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("what").required(true)))]
#[command(override_usage = USAGE, after_help = EXAMPLES)]
pub(super) struct Run {
    /// Serve the apps of this configuration file
    #[arg(long, value_name = "FILE", group = "what")]
    config: Option<PathBuf>,
    /// Serve one app that runs at this address, such as http://127.0.0.1:8501
    #[arg(long, value_name = "URL", group = "what")]
    upstream: Option<String>,
    /// Serve the app that this program runs: start it when somebody opens it, and stop it when idle. {port}
    /// in an argument, and PORT in the environment, is the port to listen on
    #[arg(last = true, value_name = "COMMAND", group = "what")]
    command: Vec<String>,
    /// Stop COMMAND after this time without activity [default: 15m]
    #[arg(long, value_name = "DURATION", value_parser = config::parse_idle_after)]
    idle_after: Option<Duration>,
    /// Replace the Ebbtide with this process id: listen beside it on the same addresses, take all new
    /// connections, then send it SIGTERM
    #[arg(long, value_name = "PID")]
    #[arg(value_parser = clap::value_parser!(i32).range(1..))]
    takeover: Option<i32>,
    #[command(flatten)]
    flags: ProxyFlags,
    #[command(flatten)]
    packs: PackFlag,
}

/// What to serve.
struct Loaded {
    config: Config,
    packs: Packs,
    warnings: Vec<Mistake>,
}

impl Run {
    pub(super) fn execute(self, settled: fn()) -> Result<(), Failure> {
        let before = self.config.as_deref().and_then(watch::print);
        let Loaded { config, packs, warnings } = self.load()?;
        let predecessor = self.predecessor()?;
        self.flags.watch.start_logging("info")?;
        warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
        let passed = Passed::take().context("cannot use the sockets that were passed")?;
        let id = self.takeover.and_then(|id| u32::try_from(id).ok());
        let entry = id.map_or(Entry::Alone, Entry::Takeover);
        if entry == Entry::Alone {
            let probed = server::probe_addresses(&config, &passed);
            probed.map_err(|error| name_takeover(error.into()))?;
        }
        let resources = server::open(&config)?;
        settled();
        let watch = self.config.as_deref().map(|file| Watch::new(file, before, &config));
        let runtime = runtime()?;
        runtime.block_on(async {
            let mut stop = Stop::listen().context("cannot listen to signals")?;
            // Before anybody is told that the process is ready: until then, SIGHUP ends it. Without a file, it always
            // does.
            let reloads = match watch {
                Some(watch) => {
                    Some((watch, signals::hangup().context("cannot listen to signals")?))
                }
                None => None,
            };
            let started = Server::start(config, &packs, resources, entry, passed);
            let mut server = started.map_err(name_takeover)?;
            service_manager::tell(&[NotifyState::Ready]);
            if self.config.is_none() {
                introduce(&server);
            }
            if let Some(predecessor) = predecessor {
                // It may already have ended.
                match predecessor.terminate() {
                    Ok(()) => tracing::info!("told the replaced process to drain"),
                    Err(error) => {
                        tracing::warn!(%error, "cannot tell the replaced process to drain")
                    }
                }
            }
            tokio::select! {
                () = stop.asked() => {}
                () = self.reload_on_change(&mut server, reloads) => {}
            }
            service_manager::tell(&[NotifyState::Stopping]);
            server.stop(stop.asked()).await;
            Ok(())
        })
    }

    /// The configuration of the file or the command line, overridden by flags.
    fn load(&self) -> Result<Loaded, Failure> {
        let Parsed { mut config, warnings } = match &self.config {
            Some(file) => {
                self.refuse_idle_after("write idle_after into the file, for each app")?;
                Config::load(file)?
            }
            None => Parsed { config: self.single()?, warnings: Vec::new() },
        };
        self.flags.apply(&mut config);
        self.packs.apply(&mut config);
        // The file itself has been checked.
        let packs = Packs::open(config.pack_dir.as_deref()).map_err(anyhow::Error::from)?;
        packs
            .check(&self.packs.pack)
            .map_err(|error| Failure::Usage(format!("--pack: {error}")))?;
        // The file itself has been checked, but not with the flags.
        if let Some(own) = config.own_upstreams().next() {
            return Err(Failure::Usage(own.to_string()));
        }
        if let Some(clash) = config.address_clash() {
            return Err(Failure::Usage(clash));
        }
        if config.admin_needs_token() {
            return Err(Failure::Usage(format!(
                "--admin {}: other machines can reach it; set admin_token_file in a configuration \
                 file, or choose a loopback address",
                config.admin
            )));
        }
        Ok(Loaded { config, packs, warnings })
    }

    /// The app given on the command line.
    fn single(&self) -> Result<Config, Failure> {
        let Some(upstream) = &self.upstream else {
            let idle_after = self.idle_after.unwrap_or(IDLE_AFTER);
            return match &self.command[..] {
                // A program of this name may exist; otherwise a whole command line was quoted as one word.
                [line] if line.contains(' ') && !Path::new(line).exists() => Err(Failure::Usage(
                    format!("there is no program \"{line}\"; leave out the quotes around it"),
                )),
                command => Ok(Config::command(command.to_vec(), idle_after)),
            };
        };
        self.refuse_idle_after(
            "Ebbtide cannot stop an app that it did not start; give its command after -- in place of \
             --upstream, or its [app.driver] in a file",
        )?;
        Config::single(upstream).map_err(|error| Failure::Usage(format!("--upstream: {error}")))
    }

    fn refuse_idle_after(&self, instead: &str) -> Result<(), Failure> {
        match self.idle_after {
            Some(_) => Err(Failure::Usage(format!("--idle-after goes with COMMAND: {instead}"))),
            None => Ok(()),
        }
    }

    fn predecessor(&self) -> Result<Option<Predecessor>, Failure> {
        let Some(id) = self.takeover else { return Ok(None) };
        let found = Predecessor::find(id).and_then(|found| found.check().map(|()| found));
        found.map(Some).map_err(|error| {
            let fix = "give the process id of a running Ebbtide of this user";
            Failure::Usage(format!("--takeover {id}: {error}; {fix}"))
        })
    }

    /// Reads the file again on SIGHUP and when it has changed; never returns.
    ///
    /// Reading blocks the thread, but nothing else waits for it.
    async fn reload_on_change(&self, server: &mut Server, reloads: Option<(Watch, Signal)>) {
        let Some((mut watch, mut hangup)) = reloads else { return std::future::pending().await };
        let mut looks = tokio::time::interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut told = None;
        // How often it was checked since the files were refused.
        let mut refused_for: Option<u32> = None;
        loop {
            let asked = tokio::select! {
                _ = hangup.recv() => true,
                _ = looks.tick() => false,
            };
            if !asked && !watch.changed(&server.proxy.serving.config()) {
                let is_mended = refused_for.as_mut().is_some_and(|checks| {
                    *checks += 1;
                    *checks % RETRY == 0 && self.load().is_ok()
                });
                if !is_mended {
                    continue;
                }
            }
            service_manager::reloading();
            watch.reading(&server.proxy.serving.config());
            let loaded = self.load();
            refused_for = loaded.is_err().then_some(0);
            match reload(server, loaded) {
                Ok(()) => {
                    tracing::info!("configuration reloaded");
                    watch.follow(&server.proxy.serving.config());
                    told = None;
                }
                Err(failure) => {
                    let says = failure.to_string();
                    // The same mistakes are logged only once, however often the file is written.
                    if asked || told.as_ref() != Some(&says) {
                        says.lines().for_each(|line| tracing::error!("{line}"));
                        tracing::error!("configuration refused; the one before stays in force");
                    }
                    told = Some(says);
                }
            }
            service_manager::tell(&[NotifyState::Ready]);
        }
    }
}

/// Puts what was read in force.
fn reload(server: &mut Server, loaded: Result<Loaded, Failure>) -> Result<(), Failure> {
    let reloaded = loaded.and_then(|loaded| {
        loaded.warnings.iter().for_each(|warning| tracing::warn!("{warning}"));
        Ok(server.reload(loaded.config, &loaded.packs)?)
    });
    server.proxy.metrics.reload(reloaded.is_ok());
    reloaded
}

/// Adds the flag that would replace the Ebbtide that has the address.
fn name_takeover(error: anyhow::Error) -> anyhow::Error {
    match error.downcast_ref().and_then(ListenError::replaceable) {
        Some(id) => anyhow::anyhow!("{error:#}; to replace it, add --takeover {id}"),
        None => error,
    }
}

/// Logs what the command line left open: the app's name, its address, and the next command.
fn introduce(server: &Server) {
    let admin = server.admin_address().filter(|admin| *admin != Config::default().admin);
    let admin = admin.map_or(String::new(), |admin| format!(" --admin {admin}"));
    for app in &server.proxy.serving.config().apps {
        let name = &app.name;
        let Some(Driver::Process(driver)) = &app.driver else {
            let upstream = app.upstream.as_ref().map(tracing::field::display);
            tracing::info!(
                app = name,
                upstream,
                "serving one app; `ebbtide explain {name}{admin}` says why it is awake"
            );
            continue;
        };
        let page = server.addresses().first().map(|address| reachable(*address));
        let page = page.map_or(String::new(), |page| format!("http://{page}/"));
        let idle_after = app.idle_after.map_or("never".to_owned(), show_duration);
        tracing::info!(
            app = name,
            command = driver.command.join(" "),
            "open {page} to start the app; it is stopped after {idle_after} without activity; \
             `ebbtide explain {name}{admin}` says why it is awake"
        );
    }
}

/// A runtime for everything except clients, which `server::workers` serve. It runs even while the thread
/// that waits for it is busy.
pub(super) fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(1).thread_name("control").enable_all();
    runtime.build().context("cannot start the control thread")
}
