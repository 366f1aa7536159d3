//! Looks at the proxy from its admin address while the soak lasts: how long did each session's legs
//! wait without progress at most, by what the proxy itself says?

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::harness::proxy::Proxy;
use crate::harness::wait::{Stopwatch, pause};

#[derive(Default)]
pub(crate) struct Monitor {
    stop: AtomicBool,
    /// By the client's address.
    seen: Mutex<HashMap<SocketAddr, Seen>>,
}

/// What was seen of one session.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Seen {
    /// The proxy's number of it.
    pub(crate) id: u64,
    /// Longest wait without progress of either leg, in seconds.
    pub(crate) longest: f64,
}

/// Ends the soak's helpers, also when the soak panics.
pub(crate) struct Stop<'a>(&'a AtomicBool);

impl Drop for Stop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Monitor {
    pub(crate) fn stop_when_dropped(&self) -> Stop<'_> {
        Stop(&self.stop)
    }

    /// Waits; false when the soak ended meanwhile.
    pub(crate) fn goes_on_for(&self, time: Duration) -> bool {
        let watch = Stopwatch::start();
        while watch.elapsed() < time && !self.stop.load(Ordering::Relaxed) {
            pause(Duration::from_millis(20));
        }
        !self.stop.load(Ordering::Relaxed)
    }

    pub(crate) fn run(&self, proxy: &Proxy) {
        while self.goes_on_for(Duration::from_millis(250)) {
            for session in proxy.sessions() {
                let legs = &session["legs"];
                let peer = legs["client"]["peer"].as_str().and_then(|peer| peer.parse().ok());
                let Some(client) = peer else { continue };
                let wait = |leg: &str| legs[leg]["waiting"]["seconds"].as_f64().unwrap_or(0.0);
                let mut all = self.seen.lock().unwrap();
                let seen: &mut Seen = all.entry(client).or_default();
                seen.id = session["id"].as_u64().unwrap_or_default();
                seen.longest = seen.longest.max(wait("client")).max(wait("app"));
            }
        }
    }

    pub(crate) fn seen(&self, client: SocketAddr) -> Seen {
        self.seen.lock().unwrap().get(&client).copied().unwrap_or_default()
    }
}
