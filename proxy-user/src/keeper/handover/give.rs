//! The handover, on the side of the Ebbtide that is replaced.

use std::collections::HashSet;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::channel::Channel;
use super::wire::{Handed, HandedRun, HandedWork, Message};
use crate::clock;
use crate::config;
use crate::core::lifecycle::State;
use crate::core::time::Nanos;
use crate::drivers::Papers;
use crate::keeper::held::HeldDrivers;
use crate::serving::Serving;
use crate::session::App;

pub(super) type Offer = (Message, Vec<OwnedFd>);

/// Hands over all apps that the other side can take. Returns them, and the channel, which shows when the other
/// side has ended. `None` = nothing has changed.
pub(in crate::keeper) async fn give(
    channel: Channel,
    held: &mut HeldDrivers,
    serving: &Serving,
) -> Option<(Channel, Vec<Arc<App>>)> {
    let (apps, now) = (serving.all_apps(), clock::now());
    let offers: Vec<Offer> = apps.iter().map(|app| offer(app, held, now)).collect();
    let talk = tokio::task::spawn_blocking(move || (talk(&channel, &offers), channel));
    let given = match talk.await {
        Ok((Ok(names), channel)) => {
            let taken = apps.into_iter().filter(|app| names.contains(&*app.name));
            let taken: Vec<_> = taken.collect();
            held.release(&taken).await;
            // If this fails, the other side has left, and `Channel::left` returns at once.
            let _ = channel.send(&Message::Released, &[]);
            Ok((channel, taken))
        }
        Ok((Err(error), _)) => Err(error),
        Err(error) => Err(io::Error::other(error)),
    };
    match given {
        Ok((channel, taken)) => {
            tracing::info!(apps = taken.len(), "another Ebbtide goes on with the running apps");
            Some((channel, taken))
        }
        Err(error) => {
            tracing::warn!(%error, "the running apps cannot be handed over: they are stopped when Ebbtide leaves");
            None
        }
    }
}

fn offer(app: &App, held: &HeldDrivers, now: Nanos) -> Offer {
    let newest = app.gate.newest();
    let (run, descriptors) = run(app, held, now).unzip();
    let activity = newest.map(|newest| (newest.at.0, newest.reason.as_str().to_owned()));
    let work = app.work.lasting().into_iter().filter_map(HandedWork::of).collect();
    let handed = Handed { name: app.name.to_string(), activity, work, run };
    (Message::App(Box::new(handed)), descriptors.unwrap_or_default())
}

fn run(app: &App, held: &HeldDrivers, now: Nanos) -> Option<(HandedRun, Vec<OwnedFd>)> {
    let state = app.life.status().state;
    let ready = state.is_ready();
    let (driver, config) = held.entry(app)?;
    let config::Driver::Process(config) = config else { return None };
    let Papers { text, descriptors } =
        driver.papers().filter(|_| ready || state == State::Starting)?;
    // The other side sees neither the sessions nor the work that stay here.
    let in_use = app.live.load(Relaxed) > 0 || app.is_busy(&app.facts(now), now);
    let floor = if in_use { now } else { app.life.floor().unwrap_or(now) };
    let upstream = app.policy().config.upstream.as_ref().map(ToString::to_string);
    let run = HandedRun { driver: config.clone(), upstream, ready, floor: floor.0, papers: text };
    Some((run, descriptors))
}

/// Offers the apps, and gives away those that the other side takes. Returns their names.
///
/// # Errors
/// All stay here.
pub(super) fn talk(channel: &Channel, offers: &[Offer]) -> io::Result<HashSet<String>> {
    for (app, descriptors) in offers {
        let descriptors: Vec<_> = descriptors.iter().map(AsFd::as_fd).collect();
        channel.send(app, &descriptors)?;
    }
    channel.send(&Message::All, &[])?;
    let (Message::Take(names), _) = channel.receive()? else {
        return Err(io::Error::from(io::ErrorKind::InvalidData));
    };
    channel.send(&Message::Given, &[])?;
    Ok(names.into_iter().collect())
}
