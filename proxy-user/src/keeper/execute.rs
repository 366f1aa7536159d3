//! Carries out one command of a lifecycle, and reports the result to the lifecycle.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use super::held::Stopped;
use super::{ready, work};
use crate::clock;
use crate::core::ending::Cause;
use crate::core::lifecycle::{Command, Failure, LifecycleEvent, State, Step};
use crate::core::time::Nanos;
use crate::drivers::{Driver, DriverError};
use crate::metrics::Metrics;
use crate::serving::Serving;
use crate::session::{App, Order};

/// How long sessions may take to close before their app is stopped.
const CLOSING: Duration = Duration::from_secs(5);
/// Time between two checks whether they have closed.
const LOOK: Duration = Duration::from_millis(20);

/// `stopping`: what a former driver of the app started, until it is down.
pub(super) async fn execute(
    order: Order,
    driver: Arc<dyn Driver>,
    stopping: Option<Stopped>,
    (serving, metrics): (Arc<Serving>, Arc<Metrics>),
) {
    let Order { app, command, since } = order;
    let event = match command {
        Command::Start(attempt) | Command::Await(attempt) => {
            let started = async {
                if matches!(command, Command::Start(_)) {
                    if let Some(stopping) = stopping {
                        stopping.await;
                    }
                    launch(&app, &*driver).await?;
                }
                app.life.set_upstream(driver.upstream());
                // The last lines of its output say best why it does not answer.
                ready::wait(&app).await.map_err(|failure| failure.with_output(driver.output()))
            };
            let Some(started) = start(&app, since, &*driver, started, &metrics).await else {
                return;
            };
            match started {
                Ok(()) => LifecycleEvent::Ready(attempt),
                Err(failure) => LifecycleEvent::StartFailed(attempt, failure),
            }
        }
        Command::Probe(attempt) => probe(&app, &*driver, attempt).await,
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

/// Has the driver start the app.
async fn launch(app: &App, driver: &dyn Driver) -> Result<(), Failure> {
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
    Ok(())
}

/// Waits until the app is `started`. `None` = its lifecycle, in this state since `since`, has given up the
/// attempt.
async fn start(
    app: &App,
    since: Nanos,
    driver: &dyn Driver,
    started: impl Future<Output = Result<(), Failure>>,
    metrics: &Metrics,
) -> Option<Result<(), Failure>> {
    let mut status = app.life.watch();
    let given_up = status.wait_for(|now| now.state != State::Starting || now.since != since);
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
                // A process that does not answer is not left behind.
                if let Err(error) = driver.stop().await {
                    tracing::warn!(app = app.name, %error, "cannot stop the app");
                }
            }
        }
    }
    Some(result)
}

/// Whether an app that could not be started runs all the same: it answers, and its state cannot be seen. After
/// a start of Ebbtide nothing more is known while a control plane cannot be reached.
async fn runs_unseen(app: &App, driver: &dyn Driver) -> bool {
    !driver.ends_with_us() && ready::answers_now(app).await && driver.observe().await.is_err()
}

/// Finds out whether the app can be stopped and whether it is at work, before its sessions are ended.
async fn probe(app: &App, driver: &dyn Driver, attempt: u32) -> LifecycleEvent {
    if let Err(error) = driver.check_stop().await {
        tell_not_suspended(app, &error);
        return LifecycleEvent::StopFailed(attempt);
    }
    // An operator's request does not depend on that.
    let asked = app.life.status().state == State::Suspending(Step::Probing { asked: true });
    match !asked && work::is_busy(app).await {
        true => LifecycleEvent::Busy(attempt),
        false => LifecycleEvent::Idle(attempt),
    }
}

/// Tells all sessions of the app, and waits for up to [`CLOSING`] until they have ended.
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
    // Sessions that take longer are cut off when the app ends.
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
            tell_not_suspended(app, &error);
            false
        }
    }
}

fn tell_not_suspended(app: &App, error: &DriverError) {
    tracing::warn!(app = app.name, %error, "cannot suspend the app; it goes on running");
}
