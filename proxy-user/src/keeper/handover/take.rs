//! The handover, on the side of the Ebbtide that takes over.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

use super::channel::{Channel, Predecessor};
use super::wire::{Handed, HandedWork, Message};
use crate::clock;
use crate::config;
use crate::core::gate::Reason;
use crate::core::lifecycle::{LifecycleEvent, Observed};
use crate::core::time::Nanos;
use crate::drivers::Driver;
use crate::drivers::process::pidfd;
use crate::keeper::held::HeldDrivers;
use crate::serving::Serving;
use crate::session::App;

/// How long a process may take to end after it has closed its channel.
const PATIENCE: Duration = Duration::from_secs(1);

/// An app whose run this process now guards.
struct Adopted {
    app: Arc<App>,
    driver: Arc<dyn Driver>,
    /// Its configuration is that of the run.
    same: bool,
    ready: bool,
    floor: Nanos,
    work: Vec<HandedWork>,
}

/// Takes the apps over from the Ebbtide with this process id. The caller must keep the channel open: when it
/// closes, the other side assumes that this process has ended. `None` = the other side keeps its apps. Blocks for
/// a moment. Needs a tokio runtime.
pub(in crate::keeper) fn take(
    predecessor: u32,
    held: &mut HeldDrivers,
    serving: &Serving,
) -> Option<Predecessor> {
    let mut adopted = Vec::new();
    let taken = Predecessor::find(predecessor).and_then(|predecessor| {
        talk(&predecessor.channel, held, serving, &mut adopted)?;
        settle(&predecessor, PATIENCE)?;
        Ok(predecessor)
    });
    let predecessor = match taken {
        Ok(predecessor) => predecessor,
        Err(error) => {
            tracing::warn!(
                %error,
                "the running apps cannot be taken over: the process that is replaced stops them when it ends, and \
                 they are started again for whoever comes"
            );
            for Adopted { app, driver, .. } in adopted {
                held.remove(&app);
                tokio::spawn(async move { driver.release().await });
            }
            return None;
        }
    };
    // They are this process's in any case.
    if let Err(error) = predecessor.channel.receive() {
        tracing::warn!(%error, "the process that is replaced may still read the output of the apps that were taken over");
    }
    let now = clock::now();
    for Adopted { app, driver, same, ready, floor, work } in adopted {
        if same {
            go_on(&app, work);
        }
        match (same, ready) {
            (true, true) => {
                tracing::info!(app = app.name, "taken over, running");
                app.life.resume(floor, now);
                driver.released();
            }
            (true, false) => {
                tracing::info!(app = app.name, "taken over, starting");
                app.drive(LifecycleEvent::Observed(Observed::Starting), now);
                driver.released();
            }
            (false, _) => {
                tracing::info!(
                    app = app.name,
                    "taken over and stopped, because its driver is configured differently now"
                );
                driver.released();
                held.retire(&app.name, driver);
            }
        }
    }
    Some(predecessor)
}

/// Receives all apps, guards those that are served here, and asks for them.
fn talk(
    channel: &Channel,
    held: &mut HeldDrivers,
    serving: &Serving,
    adopted: &mut Vec<Adopted>,
) -> io::Result<()> {
    let apps = serving.apps();
    loop {
        match channel.receive()? {
            (Message::App(handed), descriptors) => {
                if let Some(app) = apps.iter().find(|app| *app.name == *handed.name) {
                    adopted.extend(hear(app, *handed, descriptors, held));
                }
            }
            (Message::All, _) => break,
            _ => return Err(io::Error::from(io::ErrorKind::InvalidData)),
        }
    }
    let names = adopted.iter().map(|adopted| adopted.app.name.to_string());
    channel.send(&Message::Take(names.collect()), &[])
}

/// Waits until the other side has given its apps away. If it has ended, they are free too: its guard may still
/// kill them, which is noticed like any other exit.
///
/// # Errors
/// The other side keeps its apps.
pub(super) fn settle(
    Predecessor { channel, process }: &Predecessor,
    patience: Duration,
) -> io::Result<()> {
    let error = match channel.receive() {
        Ok((Message::Given, _)) => return Ok(()),
        Ok(_) => io::Error::from(io::ErrorKind::InvalidData),
        Err(error) => error,
    };
    // It may give them away at this moment. After this it cannot.
    if matches!(channel.close_reading(), Some(Message::Given)) {
        return Ok(());
    }
    // The channel closes a moment before the process has ended.
    let has_left = error.kind() == io::ErrorKind::UnexpectedEof;
    match pidfd::has_ended(process, if has_left { patience } else { Duration::ZERO }) {
        true => Ok(()),
        false => Err(error),
    }
}

fn hear(
    app: &Arc<App>,
    handed: Handed,
    descriptors: Vec<OwnedFd>,
    held: &mut HeldDrivers,
) -> Option<Adopted> {
    if let Some((at, word)) = handed.activity
        && let Some(reason) = Reason::ALL.into_iter().find(|reason| reason.as_str() == word)
    {
        app.gate.touch(Nanos(at), reason);
    }
    let work = handed.work;
    let Some(run) = handed.run else {
        // An app that Ebbtide runs itself is down, so its work is over.
        if !matches!(held.entry(app), Some((_, config::Driver::Process(_)))) {
            go_on(app, work);
        }
        return None;
    };
    let (ready, floor) = (run.ready, Nanos(run.floor));
    let papers = crate::drivers::Papers { text: run.papers, descriptors };
    match held.adopt(app, run.driver, run.upstream.as_deref(), papers) {
        Ok((driver, same)) => {
            Some(Adopted { app: Arc::clone(app), driver, same, ready, floor, work })
        }
        Err(error) => {
            tracing::warn!(app = app.name, %error, "the running app cannot be taken over");
            None
        }
    }
}

/// Continues work that does not depend on a connection.
fn go_on(app: &App, work: Vec<HandedWork>) {
    for (since, sign) in work.into_iter().map(HandedWork::sign) {
        app.note_work(since, [sign]);
    }
}
