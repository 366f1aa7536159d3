//! The handover, on the side of the process that takes over.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use super::channel::Channel;
use super::wire::{Handed, HandedWork, Message};
use crate::clock;
use crate::config;
use crate::core::gate::Reason;
use crate::core::lifecycle::{LifecycleEvent, Observed};
use crate::core::time::Nanos;
use crate::drivers::Driver;
use crate::keeper::held::HeldDrivers;
use crate::serving::Serving;
use crate::session::App;

/// An app whose run was adopted.
struct Adopted {
    app: Arc<App>,
    driver: Arc<dyn Driver>,
    /// It is configured as it was.
    same: bool,
    ready: bool,
    floor: Nanos,
    work: Vec<HandedWork>,
}

/// Goes on with the apps of the Ebbtide with this process id. The channel is to be kept: by its end the other
/// side sees that this process has ended. Blocks for a moment. Needs a tokio runtime.
pub(in crate::keeper) fn take(
    predecessor: u32,
    held: &mut HeldDrivers,
    serving: &Serving,
) -> Option<Channel> {
    let mut adopted = Vec::new();
    let taken = talk(predecessor, held, serving, &mut adopted);
    let channel = match taken {
        Ok(channel) => channel,
        Err(error) => {
            tracing::warn!(
                %error,
                "the running apps cannot be taken over: they are stopped, and started again for whoever comes"
            );
            for Adopted { app, driver, .. } in adopted {
                held.remove(&app);
                tokio::spawn(async move { driver.release().await });
            }
            return None;
        }
    };
    // If it does not come, the other side has gone and left them here.
    if let Err(error) = channel.receive() {
        tracing::warn!(%error, "the process that is replaced did not say that it has let go of its apps");
    }
    let now = clock::now();
    for Adopted { app, driver, same, ready, floor, work } in adopted {
        driver.released();
        if same {
            go_on(&app, work);
        }
        match (same, ready) {
            (true, true) => {
                tracing::info!(app = app.name, "taken over, running");
                app.life.resume(floor, now);
            }
            (true, false) => {
                tracing::info!(app = app.name, "taken over, starting");
                app.drive(LifecycleEvent::Observed(Observed::Starting), now);
            }
            (false, _) => {
                tracing::info!(
                    app = app.name,
                    "taken over and stopped, as its driver is configured otherwise now"
                );
                held.retire(&app.name, driver);
            }
        }
    }
    Some(channel)
}

/// Hears of all apps, and takes those that are served here.
fn talk(
    predecessor: u32,
    held: &mut HeldDrivers,
    serving: &Serving,
    adopted: &mut Vec<Adopted>,
) -> io::Result<Channel> {
    let (channel, apps) = (Channel::to(predecessor)?, serving.apps());
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
    channel.send(&Message::Take(names.collect()), &[])?;
    Ok(channel)
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
        // One that Ebbtide runs itself is down then, and at no work.
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

/// The app is at this work, which goes on whoever looks.
fn go_on(app: &App, work: Vec<HandedWork>) {
    for (since, sign) in work.into_iter().map(HandedWork::sign) {
        app.note_work(since, [sign]);
    }
}
