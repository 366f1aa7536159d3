//! What lifecycles want done, on its way to whoever does it.

use std::sync::Arc;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::App;
use crate::core::lifecycle::Command;

/// A command of an app's lifecycle.
#[derive(Debug)]
pub struct Order {
    /// Whose.
    pub app: Arc<App>,
    /// What is to be done.
    pub command: Command,
}

/// Takes orders. Without a bound of its own: a lifecycle waits for what comes of its command before it
/// gives the next.
#[derive(Clone, Debug)]
pub struct Orders(UnboundedSender<Order>);

impl Default for Orders {
    /// Nobody takes them.
    fn default() -> Orders {
        Orders::channel().0
    }
}

impl Orders {
    /// A way for orders, and its end.
    #[must_use]
    pub fn channel() -> (Orders, UnboundedReceiver<Order>) {
        let (sender, receiver) = unbounded_channel();
        (Orders(sender), receiver)
    }

    pub(super) fn give(&self, order: Order) {
        // Nobody is there any more when the process ends.
        let _ = self.0.send(order);
    }
}
