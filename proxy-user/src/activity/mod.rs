//! Tells the control plane of activity: one task for all apps, that reads each app's gate a few
//! times a second and sends what `core::report` says is due. No frame and no request waits for it.

mod client;

use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;

pub use self::client::{Client, ClientError};
use crate::clock;
use crate::core::report::Outbox;
use crate::proxy::Proxy;

/// Time between two looks at the gates.
const PERIOD: Duration = Duration::from_millis(250);
/// Reports on their way at the same time.
const PARALLEL: usize = 32;
/// How long the last reports may take at shutdown.
const LAST: Duration = Duration::from_secs(5);

/// Reports until `stop` fires (or its sender is dropped), then sends what is left.
pub async fn run(proxy: Arc<Proxy>, client: Client, mut stop: oneshot::Receiver<()>) {
    let client = Arc::new(client);
    let mut outboxes: Vec<Outbox> = proxy.apps.iter().map(|_| Outbox::default()).collect();
    let mut sending = JoinSet::new();
    let mut ticks = tokio::time::interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = &mut stop => break,
            _ = ticks.tick() => {
                for (index, outbox) in outboxes.iter_mut().enumerate() {
                    if sending.len() >= PARALLEL {
                        break;
                    }
                    let newest = proxy.apps[index].gate.newest();
                    let due = outbox.poll(newest, clock::now(), client.interval());
                    if let Some(activity) = due {
                        let app = Arc::clone(&proxy.apps[index]);
                        let send = Arc::clone(&client).send(app, activity);
                        sending.spawn(async move { (index, send.await) });
                    }
                }
            }
            Some(done) = sending.join_next() => {
                if let Ok((index, accepted)) = done {
                    proxy.metrics.report(accepted);
                    outboxes[index].answered(accepted, clock::now());
                }
            }
        }
    }
    // What is on its way is sent again unless it was accepted: told twice is better than never.
    while let Some(done) = sending.try_join_next() {
        if let Ok((index, accepted)) = done {
            proxy.metrics.report(accepted);
            outboxes[index].answered(accepted, clock::now());
        }
    }
    sending.abort_all();
    let mut last = Vec::new();
    for (app, outbox) in proxy.apps.iter().zip(&mut outboxes) {
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
