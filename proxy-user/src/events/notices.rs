//! Events for those who are to be told of them later: none is lost while there is room.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use parking_lot::Mutex;
use tokio::sync::mpsc;

use super::Event;

/// Notices that nobody has read yet. Whoever reads them is quick: what has to wait does so elsewhere.
const UNREAD: usize = 16 * 1024;

/// An event with what is not in it.
#[derive(Clone, Debug)]
pub struct Notice {
    /// What happened.
    pub event: Arc<Event>,
    /// How many sessions the app had left.
    pub sessions: usize,
}

/// The notices in the order in which they came.
#[derive(Debug)]
pub struct Notices {
    receiver: mpsc::Receiver<Notice>,
    lost: Arc<AtomicU64>,
}

/// Where notices come from.
#[derive(Debug)]
pub(super) struct NoticeSender {
    sender: mpsc::Sender<Notice>,
    wanted: AtomicBool,
    /// Those for which there was no room.
    lost: Arc<AtomicU64>,
    /// Until somebody takes it.
    receiver: Mutex<Option<mpsc::Receiver<Notice>>>,
}

impl Default for NoticeSender {
    fn default() -> NoticeSender {
        let (sender, receiver) = mpsc::channel(UNREAD);
        let receiver = Mutex::new(Some(receiver));
        NoticeSender { sender, wanted: AtomicBool::new(false), lost: Arc::default(), receiver }
    }
}

impl NoticeSender {
    pub(super) fn are_wanted(&self) -> bool {
        self.wanted.load(Relaxed)
    }

    pub(super) fn want(&self, wanted: bool) {
        self.wanted.store(wanted, Relaxed);
    }

    pub(super) fn send(&self, notice: Notice) {
        if self.sender.try_send(notice).is_err() {
            self.lost.fetch_add(1, Relaxed);
        }
    }

    pub(super) fn subscribe(&self) -> Option<Notices> {
        let receiver = self.receiver.lock().take()?;
        Some(Notices { receiver, lost: Arc::clone(&self.lost) })
    }
}

impl Notices {
    /// The next one.
    pub async fn next(&mut self) -> Notice {
        match self.receiver.recv().await {
            Some(notice) => notice,
            // No event can come any more.
            None => std::future::pending().await,
        }
    }

    /// The next one, if it is there.
    pub fn try_next(&mut self) -> Option<Notice> {
        self.receiver.try_recv().ok()
    }

    /// How many were lost since this was last asked, because they came faster than they were read.
    #[must_use]
    pub fn take_lost(&self) -> u64 {
        self.lost.swap(0, Relaxed)
    }
}
