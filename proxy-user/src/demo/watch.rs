//! Reads the running proxy: its registry, the sessions' samples and the apps' gates.
//!
//! It only reads; `verdict` interprets the figures.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::clients::Kind;
use super::table::{self, Outcome, Row};
use super::verdict::{Look, Story};
use crate::core::gate::Reason;
use crate::core::side::PerSide;
use crate::core::time::Nanos;
use crate::serving::Serving;
use crate::session::{App, Counts, Session};
use crate::views::AppView;

/// The app for the user's browser.
pub(super) const BROWSER: &str = "you";
/// How many of its tabs are shown.
const TABS: usize = 5;

/// All sessions seen so far that still matter.
#[derive(Debug)]
pub(super) struct Watcher {
    serving: Arc<Serving>,
    grace: Duration,
    tracks: Vec<Track>,
}

/// One session. It is kept after its end, so that its last figures can be shown.
#[derive(Debug)]
struct Track {
    session: Arc<Session>,
    story: Story,
}

impl Watcher {
    pub(super) fn new(serving: &Arc<Serving>, grace: Duration) -> Watcher {
        Watcher { serving: Arc::clone(serving), grace, tracks: Vec::new() }
    }

    /// Looks at every session once.
    pub(super) fn look(&mut self, now: Nanos) {
        let mut live = Vec::new();
        self.serving.registry.each(|watched| live.push(Arc::clone(watched.session)));
        for track in &mut self.tracks {
            let lives = live.iter().any(|session| session.id == track.session.id);
            track.story.tell(look(&track.session, !lives, now));
        }
        let known: HashSet<_> = self.tracks.iter().map(|track| track.session.id).collect();
        for session in live.into_iter().filter(|session| !known.contains(&session.id)) {
            let story = Story::new(look(&session, false, now), self.grace);
            self.tracks.push(Track { session, story });
        }
        self.forget();
    }

    /// Drops sessions that have ended, except the newest of each app.
    fn forget(&mut self) {
        let apps = self.serving.apps();
        let newest: Vec<_> = apps.iter().filter_map(|app| self.newest(app)).collect();
        let newest: Vec<_> = newest.iter().map(|track| track.session.id).collect();
        self.tracks.retain(|track| !track.story.over() || newest.contains(&track.session.id));
    }

    fn of<'a>(&'a self, app: &'a App) -> impl Iterator<Item = &'a Track> {
        self.tracks.iter().filter(move |track| track.session.app.name == app.name)
    }

    fn newest<'a>(&'a self, app: &'a App) -> Option<&'a Track> {
        self.of(app).max_by_key(|track| track.session.id)
    }

    /// The table's rows.
    pub(super) fn rows(&self, now: Nanos) -> Vec<Row> {
        let mut rows = Vec::new();
        for app in &self.serving.apps() {
            let (name, habit) = person(app);
            let row = |track: Option<&Track>| Row {
                name,
                habit,
                active: active(app, now),
                session: track.map(|track| session(track, active(app, now), now)),
            };
            let tabs: Vec<_> = self.of(app).filter(|track| !track.story.over()).collect();
            if *app.name == *BROWSER && tabs.len() > 1 {
                rows.extend(tabs.iter().take(TABS).map(|track| row(Some(track))));
            } else {
                rows.push(row(self.newest(app)));
            }
        }
        rows
    }

    /// The outcome of each app.
    pub(super) fn summary(&self, now: Nanos) -> Vec<Outcome> {
        let apps = &self.serving.apps();
        let counts = self.serving.registry.counts(apps);
        let outcome = |(app, counts): (&Arc<App>, PerSide<Counts>)| Outcome {
            name: person(app).0,
            activity: app.activity(&counts).into(),
            active: active(app, now),
            control: counts.client.control + counts.app.control,
            verdict: self.newest(app).map(|track| track.story.verdict(now, active(app, now))),
        };
        apps.iter().zip(counts).map(outcome).collect()
    }

    /// The status of the browser's app, for its own page: as `/api/apps` shows it, and its frames.
    pub(super) fn status(&self) -> String {
        let apps = &self.serving.apps();
        let counts = self.serving.registry.counts(apps);
        let app = apps.iter().zip(counts).find(|(app, _)| *app.name == *BROWSER);
        let Some((app, counts)) = app else { return "{}".to_owned() };
        let status = json!({
            "app": AppView::of(app, &self.serving.registry),
            "input": counts.client.activity,
            "output": counts.app.activity,
            "control": counts.client.control + counts.app.control,
        });
        status.to_string()
    }
}

/// The client of an app, and its behaviour.
fn person(app: &App) -> (&'static str, &'static str) {
    let kind = Kind::ALL.into_iter().find(|kind| *kind.name() == *app.name);
    kind.map_or((BROWSER, "open the page"), |kind| (kind.name(), kind.habit()))
}

fn active(app: &App, now: Nanos) -> Option<(Duration, Reason)> {
    app.gate.newest().map(|newest| (now.since(newest.at), newest.reason))
}

fn session(track: &Track, active: Option<(Duration, Reason)>, now: Nanos) -> table::Session {
    let look = *track.story.newest();
    // For an ended session, as it was at its end.
    let seen = if track.story.over() { look.at } else { now };
    table::Session {
        id: track.session.id,
        look,
        progress: look.progress.map(|progress| seen.since(progress)),
        verdict: track.story.verdict(now, active),
    }
}

fn look(session: &Session, gone: bool, now: Nanos) -> Look {
    let sample = session.legs.client.socket.sample();
    let cause = session.ended();
    Look {
        at: now,
        input: session.legs.client.frames.read(),
        output: session.legs.app.frames.read(),
        queued: sample.queued,
        acked: sample.acked,
        progress: Some(sample.progress).filter(|progress| progress.0 != 0),
        over: (gone || cause.is_some()).then_some(cause),
    }
}
