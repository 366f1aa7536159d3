//! Carries one command of a lifecycle out, and tells the lifecycle what came of it.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use super::{ready, work};
use crate::clock;
use crate::core::ending::Cause;
use crate::core::lifecycle::{Command, Failure, LifecycleEvent, State};
use crate::drivers::Driver;
use crate::metrics::Metrics;
use crate::serving::Serving;
use crate::session::App;

/// How long sessions are given to say their last words before their app is stopped.
const CLOSING: Duration = Duration::from_secs(5);
/// Time between two looks whether they have.
const LOOK: Duration = Duration::from_millis(20);

pub(super) async fn execute(
    app: Arc<App>,
    driver: Arc<dyn Driver>,
    command: Command,
    serving: Arc<Serving>,
    metrics: Arc<Metrics>,
) {
    let event = match command {
        Command::Start(attempt) | Command::Await(attempt) => {
            let ours = matches!(command, Command::Start(_));
            let Some(started) = start(&app, &*driver, ours, &metrics).await else { return };
            match started {
                Ok(()) => LifecycleEvent::Ready(attempt),
                Err(failure) => LifecycleEvent::StartFailed(attempt, failure),
            }
        }
        Command::Probe(attempt) => match work::is_busy(&app).await {
            true => LifecycleEvent::Busy(attempt),
            false => LifecycleEvent::Idle(attempt),
        },
        Command::Close(attempt) => {
            close(&app, &serving).await;
            LifecycleEvent::Closed(attempt)
        }
        Command::Stop(attempt) => match stop(&app, &*driver).await {
            true => LifecycleEvent::Stopped(attempt),
            false => LifecycleEvent::StopFailed(attempt),
        },
    };
    app.drive(event, clock::now());
}

/// Starts the app, unless somebody else has, and waits until it answers. `None` = its lifecycle has given
/// this up.
async fn start(
    app: &App,
    driver: &dyn Driver,
    ours: bool,
    metrics: &Metrics,
) -> Option<Result<(), Failure>> {
    let mut status = app.life.watch();
    let since = status.borrow_and_update().since;
    let given_up = status.wait_for(|now| now.state != State::Starting || now.since != since);
    let started = async {
        if ours {
            tracing::info!(app = app.name, "starting");
            if let Err(error) = driver.start().await {
                if !runs_unseen(app, driver).await {
                    return Err(error.0);
                }
                tracing::warn!(
                    app = app.name,
                    %error,
                    "neither can the app be started nor its state be seen, but it answers: it counts as running"
                );
            }
        }
        app.life.set_upstream(driver.upstream());
        // What it has printed meanwhile says most about why it does not answer.
        ready::wait(app).await.map_err(|failure| failure.with_output(driver.output()))
    };
    let result = tokio::select! {
        biased;
        _ = given_up => return None,
        result = started => result,
    };
    let took = clock::elapsed(since);
    match &result {
        Ok(()) => {
            metrics.wake(took);
            tracing::info!(app = app.name, ?took, "running");
        }
        Err(failure) => {
            tracing::warn!(app = app.name, reason = %failure, "could not start");
            if driver.ends_with_us() {
                // What does not answer is not left behind.
                if let Err(error) = driver.stop().await {
                    tracing::warn!(app = app.name, %error, "cannot stop the app");
                }
            }
        }
    }
    Some(result)
}

/// Whether an app that could not be started runs all the same: it answers, and nobody can say that it is down.
/// After a start of Ebbtide that is all that is known while a control plane cannot be reached.
async fn runs_unseen(app: &App, driver: &dyn Driver) -> bool {
    !driver.ends_with_us() && ready::answers_now(app).await && driver.observe().await.is_err()
}

/// Tells all sessions of the app, and waits until they have ended, or a while.
async fn close(app: &Arc<App>, serving: &Serving) {
    serving.registry.each(|watched| {
        if Arc::ptr_eq(&watched.session.app, app) {
            watched.session.end(Cause::Suspended);
        }
    });
    let gone = async {
        while app.live.load(Relaxed) > 0 {
            tokio::time::sleep(LOOK).await;
        }
    };
    // Whoever takes longer is cut off by the app's end.
    let _ = tokio::time::timeout(CLOSING, gone).await;
}

async fn stop(app: &App, driver: &dyn Driver) -> bool {
    match driver.stop().await {
        Ok(()) => {
            let idle_since = app
                .gate
                .newest()
                .map(|newest| humantime::format_rfc3339_millis(clock::wall(newest.at)).to_string());
            tracing::info!(app = app.name, idle_since, "suspended");
            true
        }
        Err(error) => {
            tracing::warn!(app = app.name, %error, "cannot suspend the app; it goes on running");
            false
        }
    }
}
