//! Tells the control plane of activity: one task for all apps, that reads each app's gate a few
//! times a second and sends what `core::report` says is due. No frame and no request waits for it.

mod client;

use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use tokio::sync::oneshot;
use tokio::task::{JoinError, JoinSet};
use tokio::time::MissedTickBehavior;

pub use self::client::{Client, ClientError};
use crate::clock;
use crate::core::report::Outbox;
use crate::proxy::{Proxy, Served};
use crate::session::App;

/// Time between two looks at the gates.
const PERIOD: Duration = Duration::from_millis(250);
/// Reports on their way at the same time.
const PARALLEL: usize = 32;
/// How long the last reports may take at shutdown.
const LAST: Duration = Duration::from_secs(5);

/// An app and what it has to tell.
#[derive(Debug)]
struct Post {
    app: Arc<App>,
    outbox: Outbox,
}

/// The posts of all apps.
#[derive(Debug, Default)]
struct Posts {
    all: Vec<Post>,
    /// What they are for.
    served: Option<Arc<Served>>,
}

/// Reports until `stop` fires (or its sender is dropped), then sends what is left.
pub async fn run(proxy: Arc<Proxy>, mut stop: oneshot::Receiver<()>) {
    let mut posts = Posts::default();
    let mut sending = JoinSet::new();
    let mut ticks = tokio::time::interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = &mut stop => break,
            _ = ticks.tick() => {
                let Some(client) = proxy.served().reports.clone() else { continue };
                posts.follow(&proxy);
                for Post { app, outbox } in &mut posts.all {
                    if sending.len() >= PARALLEL {
                        break;
                    }
                    let due = outbox.poll(app.gate.newest(), clock::now(), client.interval());
                    if let Some(activity) = due {
                        let (app, client) = (Arc::clone(app), Arc::clone(&client));
                        sending.spawn(async move {
                            let accepted = client.send(Arc::clone(&app), activity).await;
                            (app, accepted)
                        });
                    }
                }
            }
            Some(done) = sending.join_next() => posts.answered(&proxy, done),
        }
    }
    // What is on its way is sent again unless it was accepted: told twice is better than never.
    while let Some(done) = sending.try_join_next() {
        posts.answered(&proxy, done);
    }
    sending.abort_all();
    let Some(client) = proxy.served().reports.clone() else { return };
    posts.follow(&proxy);
    let mut last = Vec::new();
    for Post { app, outbox } in &mut posts.all {
        if let Some(activity) = outbox.last(app.gate.newest()) {
            last.push(Arc::clone(&client).send(Arc::clone(app), activity));
        }
    }
    let all = stream::iter(last).buffer_unordered(PARALLEL).for_each(async |accepted| {
        proxy.metrics.report(accepted);
    });
    if tokio::time::timeout(LAST, all).await.is_err() {
        tracing::warn!("the control plane did not take all of the last reports");
    }
}

impl Posts {
    /// Keeps a post for each app that there is.
    fn follow(&mut self, proxy: &Proxy) {
        let served = Arc::clone(&proxy.served());
        if self.served.as_ref().is_some_and(|known| Arc::ptr_eq(known, &served)) {
            return;
        }
        let post = |app: Arc<App>| {
            let known = self.all.iter().position(|post| Arc::ptr_eq(&app, &post.app));
            let outbox = known.map(|at| std::mem::take(&mut self.all[at].outbox));
            Post { app, outbox: outbox.unwrap_or_default() }
        };
        self.all = served.all_apps().into_iter().map(post).collect();
        self.served = Some(served);
    }

    fn answered(&mut self, proxy: &Proxy, done: Result<(Arc<App>, bool), JoinError>) {
        let Ok((app, accepted)) = done else { return };
        proxy.metrics.report(accepted);
        if let Some(post) = self.all.iter_mut().find(|post| Arc::ptr_eq(&app, &post.app)) {
            post.outbox.answered(accepted, clock::now());
        }
    }
}
