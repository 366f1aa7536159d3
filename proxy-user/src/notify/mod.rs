//! Tells control planes what happened (`[[notify]]`): one task takes the notices of all apps and gives each to
//! the control planes that want it; `core::notify` says what is sent to each of them when.

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

/// Tells control planes what happened.
#[derive(Debug)]
pub struct Notifier {
    events: Events,
    /// Those that are told from then on.
    clients: mpsc::UnboundedSender<Vec<Client>>,
    /// What ends the task, once it has told what is left.
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Notifier {
    /// Tells over these clients what happens from now on. Needs a tokio runtime; `events` has one notifier.
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

    /// Tells over these clients from now on. What a control plane is still to be told is kept if one of them
    /// has its URL; else it is sent within 5 s or dropped.
    pub fn set_clients(&self, clients: Vec<Client>) {
        let any = !clients.is_empty();
        // An error says that the task has panicked, which has been logged.
        let _ = self.clients.send(clients);
        self.events.want_notices(any);
    }

    /// Tells what is left, for 5 s at most.
    pub async fn stop(self) {
        drop(self.stop);
        // A panic in it has been logged.
        let _ = self.task.await;
    }
}

/// What the task has.
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
                // First of all who is told: a notice goes to those of its time.
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

    /// Tells over these clients from now on, and those that are not among them no more than they are owed.
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
        // There is none if it had no time left.
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

/// Waits until then; `None` = for ever.
async fn until(due: Option<Nanos>) {
    match due {
        Some(due) => tokio::time::sleep(due.since(clock::now())).await,
        None => pending().await,
    }
}
