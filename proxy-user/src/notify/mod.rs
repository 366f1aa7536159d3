//! Sends events to control planes (`[[notify]]`): one task takes the notices of all apps and gives each to
//! the control planes that want it; `core::notify` decides what is sent to each of them, and when.

mod client;
mod message;
mod target;

use std::future::pending;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinHandle, JoinSet};

pub use self::client::Client;
use self::message::Messages;
use self::target::{Sent, Target};
use crate::clock;
use crate::core::time::Nanos;
use crate::events::{Events, Notice, Notices};
use crate::metrics::Metrics;

/// Sends events to control planes.
#[derive(Debug)]
pub struct Notifier {
    events: Events,
    /// Replaces the clients.
    clients: mpsc::UnboundedSender<Vec<Client>>,
    /// Ends the task, once it has sent what is left.
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Notifier {
    /// Sends events with these clients from now on. Needs a tokio runtime; `events` has one notifier.
    #[must_use]
    pub fn start(events: Events, metrics: Arc<Metrics>, clients: Vec<Client>) -> Notifier {
        let (sender, receiver) = mpsc::unbounded_channel();
        let (stop, stopped) = oneshot::channel();
        let notices = events.take_notices();
        let task = tokio::spawn(async {
            if let Some(notices) = notices {
                Work::new(metrics).run(notices, receiver, stopped).await;
            }
        });
        let notifier = Notifier { events, clients: sender, stop, task };
        notifier.set_clients(clients);
        notifier
    }

    /// Uses these clients from now on. Waiting notices are kept if a client has the same URL; otherwise
    /// they are sent within 5 s or dropped.
    pub fn set_clients(&self, clients: Vec<Client>) {
        let any = !clients.is_empty();
        // An error means that the task has panicked, which has been logged.
        let _ = self.clients.send(clients);
        self.events.want_notices(any);
    }

    /// Sends what is left, for at most 5 s.
    pub async fn stop(self) {
        drop(self.stop);
        // A panic in it has been logged.
        let _ = self.task.await;
    }
}

/// The task's state.
#[derive(Debug)]
struct Work {
    metrics: Arc<Metrics>,
    messages: Messages,
    targets: Vec<Target>,
    /// The number of the next target.
    next_number: u64,
}

impl Work {
    fn new(metrics: Arc<Metrics>) -> Work {
        Work { metrics, messages: Messages::new(), targets: Vec::new(), next_number: 0 }
    }

    async fn run(
        mut self,
        mut notices: Notices,
        mut clients: mpsc::UnboundedReceiver<Vec<Client>>,
        mut stop: oneshot::Receiver<()>,
    ) {
        let (mut sending, mut stopping) = (JoinSet::new(), false);
        while !(stopping && self.targets.is_empty()) {
            let due = self.targets.iter().filter_map(Target::due).min();
            tokio::select! {
                // Changes of clients come first: a notice goes to the clients of its time.
                biased;
                Some(clients) = clients.recv() => self.follow(clients),
                _ = &mut stop, if !stopping => {
                    stopping = true;
                    while let Some(notice) = notices.try_next() {
                        self.take(&notice);
                    }
                    self.follow(Vec::new());
                }
                Some(Ok(sent)) = sending.join_next() => self.answered(sent),
                notice = notices.next(), if !stopping => self.take(&notice),
                () = until(due) => {}
            }
            let lost = notices.take_lost();
            if lost > 0 {
                self.targets.iter_mut().for_each(|target| target.dropped(lost, &self.metrics));
            }
            self.turn(&mut sending);
        }
    }

    /// Uses these clients from now on, and sends to all others only what is waiting for them.
    fn follow(&mut self, clients: Vec<Client>) {
        let mut former = std::mem::take(&mut self.targets);
        for client in clients {
            let known = former.iter().position(|target| target.client.is_same(&client));
            let target = match known {
                Some(at) => {
                    let mut target = former.remove(at);
                    target.renew(client);
                    target
                }
                None => {
                    self.next_number += 1;
                    Target::new(self.next_number, client)
                }
            };
            self.targets.push(target);
        }
        let now = clock::now();
        former.iter_mut().for_each(|target| target.close(now));
        self.targets.append(&mut former);
    }

    fn take(&mut self, notice: &Notice) {
        let Some(message) = self.messages.make(notice).map(Arc::new) else { return };
        let now = clock::now();
        for target in &mut self.targets {
            target.push(&message, now, &self.metrics);
        }
    }

    fn answered(&mut self, sent: Sent) {
        // The target may already be gone, if its time was over.
        let target = self.targets.iter_mut().find(|target| target.number == sent.target);
        if let Some(target) = target {
            target.answered(sent, clock::now(), &self.metrics);
        }
    }

    /// Sends, logs and ends what is due.
    fn turn(&mut self, sending: &mut JoinSet<Sent>) {
        let now = clock::now();
        for target in &mut self.targets {
            target.send(now, sending);
            target.log(now);
        }
        for over in self.targets.extract_if(.., |target| target.is_over(now)) {
            over.end(&self.metrics);
        }
    }
}

/// Waits until `due`; `None` = forever.
async fn until(due: Option<Nanos>) {
    match due {
        Some(due) => tokio::time::sleep(due.since(clock::now())).await,
        None => pending().await,
    }
}
