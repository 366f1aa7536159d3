//! What a driver reports about its app, on its way to the app's lifecycle.

use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use crate::clock;
use crate::core::lifecycle::LifecycleEvent;
use crate::drivers::{Listener, Notice};
use crate::session::App;

/// Passes a driver's reports to the lifecycle of its app until [`Reports::close`]: a driver that was replaced
/// knows nothing about what runs under its successor.
#[derive(Clone, Debug)]
pub(super) struct Reports {
    app: Weak<App>,
    is_open: Arc<Mutex<bool>>,
}

impl Reports {
    pub(super) fn new(app: &Arc<App>) -> Reports {
        Reports { app: Arc::downgrade(app), is_open: Arc::new(Mutex::new(true)) }
    }

    /// The lifecycle gets no event after this.
    pub(super) fn close(&self) {
        *self.is_open.lock() = false;
    }

    pub(super) fn drive(&self, event: LifecycleEvent) {
        // Locked until the lifecycle has the event, so that none arrives after `close`.
        let is_open = self.is_open.lock();
        if let Some(app) = self.app.upgrade().filter(|_| *is_open) {
            app.drive(event, clock::now());
        }
    }

    /// For the driver.
    pub(super) fn listener(&self) -> Listener {
        let reports = self.clone();
        Arc::new(move |notice| {
            reports.drive(match notice {
                Notice::Exited(failure) => LifecycleEvent::Exited(failure),
                Notice::Observed(observed) => LifecycleEvent::Observed(observed),
            });
        })
    }
}
