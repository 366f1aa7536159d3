//! Reports activity and work to the control plane: one task for all apps checks a few times a second when
//! each was last used, and sends what `core::report` says is due. No frame and no request waits for it.

mod client;
mod posts;

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use futures_util::{StreamExt, stream};
use tokio::sync::oneshot;
use tokio::task::{JoinError, JoinSet};
use tokio::time::MissedTickBehavior;

pub use self::client::Client;
use self::posts::Posts;
use crate::clock;
use crate::metrics::Metrics;
use crate::serving::Serving;
use crate::session::App;

/// Time between two checks of the apps.
const PERIOD: Duration = Duration::from_millis(250);
/// The maximum number of reports in flight.
const PARALLEL: usize = 32;
/// How long the last reports may take at shutdown.
const LAST: Duration = Duration::from_secs(5);

/// Reports the apps' activity to a control plane.
#[derive(Debug)]
pub struct Reporter {
    serving: Arc<Serving>,
    metrics: Arc<Metrics>,
    /// `None` = no reports.
    client: ArcSwapOption<Client>,
}

impl Reporter {
    /// Sends reports with this client.
    #[must_use]
    pub fn new(serving: Arc<Serving>, metrics: Arc<Metrics>, client: Option<Client>) -> Reporter {
        Reporter { serving, metrics, client: ArcSwapOption::from_pointee(client) }
    }

    /// Uses this client from the next report on.
    pub fn set_client(&self, client: Option<Client>) {
        self.client.store(client.map(Arc::new));
    }

    /// Reports until `stop` fires (or its sender is dropped), then sends what is left.
    pub async fn run(self: Arc<Self>, mut stop: oneshot::Receiver<()>) {
        let mut posts = Posts::default();
        let mut sending = JoinSet::new();
        let mut ticks = tokio::time::interval(PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = &mut stop => break,
                _ = ticks.tick() => {
                    if self.client.load().is_none() {
                        continue;
                    }
                    posts.follow(self.serving.all_apps());
                    posts.begin_round();
                }
                Some(done) = sending.join_next() => self.answered(&mut posts, done),
            }
            let Some(client) = self.client.load_full() else { continue };
            let now = clock::now();
            while sending.len() < PARALLEL {
                let Some((app, last_use)) = posts.next_due(now, client.interval()) else { break };
                let client = Arc::clone(&client);
                sending.spawn(async move {
                    let accepted = client.send(Arc::clone(&app), last_use).await;
                    (app, accepted)
                });
            }
        }
        // Reports in flight are sent again unless they were accepted: twice is better than never.
        while let Some(done) = sending.try_join_next() {
            self.answered(&mut posts, done);
        }
        sending.abort_all();
        self.send_rest(posts).await;
    }

    /// The last reports of all apps.
    async fn send_rest(&self, mut posts: Posts) {
        let Some(client) = self.client.load_full() else { return };
        posts.follow(self.serving.all_apps());
        let send = |(app, last_use)| Arc::clone(&client).send(app, last_use);
        let last: Vec<_> = posts.last(clock::now()).map(send).collect();
        let all = stream::iter(last).buffer_unordered(PARALLEL).for_each(async |accepted| {
            self.metrics.report(accepted);
        });
        if tokio::time::timeout(LAST, all).await.is_err() {
            tracing::warn!("the control plane did not accept all of the last reports");
        }
    }

    fn answered(&self, posts: &mut Posts, done: Result<(Arc<App>, bool), JoinError>) {
        let Ok((app, accepted)) = done else { return };
        self.metrics.report(accepted);
        posts.answered(&app, accepted, clock::now());
    }
}
