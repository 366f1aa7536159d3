//! Commands of lifecycles, on their way to the keeper.

use std::sync::Arc;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::App;
use crate::core::lifecycle::Command;
use crate::core::time::Nanos;

/// A command from an app's lifecycle.
#[derive(Debug)]
pub struct Order {
    /// The app concerned.
    pub app: Arc<App>,
    /// What to do.
    pub command: Command,
    /// Since when the lifecycle is in the state that the command belongs to.
    pub since: Nanos,
}

/// The sending end of the queue of orders. It needs no bound: a lifecycle waits for the result of a command
/// before it gives the next.
#[derive(Clone, Debug)]
pub struct Orders(UnboundedSender<Order>);

impl Default for Orders {
    /// A queue that nobody reads.
    fn default() -> Orders {
        Orders::channel().0
    }
}

impl Orders {
    /// A queue of orders: sender and receiver.
    #[must_use]
    pub fn channel() -> (Orders, UnboundedReceiver<Order>) {
        let (sender, receiver) = unbounded_channel();
        (Orders(sender), receiver)
    }

    pub(super) fn give(&self, order: Order) {
        // The receiver is only gone when the process ends.
        let _ = self.0.send(order);
    }
}
