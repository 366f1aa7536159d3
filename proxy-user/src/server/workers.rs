//! The threads that serve clients, two for each worker.
//!
//! One has a runtime of its own for HTTP: a connection and its connections to apps live there, so no
//! wake-up crosses cores, and a runtime of one thread serves its tasks strictly in turn. The other runs the
//! resulting sessions, so that they never wait for a request. Everything else runs elsewhere.

use std::io;
use std::sync::Arc;
use std::thread;

use tokio::runtime::{Builder, EnterGuard};
use tokio_util::sync::CancellationToken;

use crate::proxy::Worker;
use crate::pump::Pumps;

/// Threads that run until they are stopped, or this is dropped.
#[derive(Debug)]
pub(super) struct Workers {
    each: Arc<[Worker]>,
    threads: Vec<thread::JoinHandle<()>>,
    stop: CancellationToken,
}

impl Workers {
    /// Starts `count` workers; 0 = one per core.
    ///
    /// # Errors
    /// A thread or its runtime cannot be created.
    pub(super) fn start(count: usize) -> io::Result<Workers> {
        let count = match count {
            0 => thread::available_parallelism()?.get(),
            count => count,
        };
        let stop = CancellationToken::new();
        let (mut each, mut threads) = (Vec::new(), Vec::new());
        for number in 0..count {
            let runtime = Builder::new_current_thread().enable_all().build()?;
            let (pumps, pump) = Pumps::start(format!("pump-{number}"))?;
            threads.push(pump);
            each.push(Worker::new(runtime.handle().clone(), pumps));
            let stopped = stop.clone();
            let thread = thread::Builder::new().name(format!("worker-{number}"));
            threads.push(thread.spawn(move || {
                runtime.block_on(stopped.cancelled());
                // A pending name lookup must not delay the end.
                runtime.shutdown_background();
            })?);
        }
        Ok(Workers { each: each.into(), threads, stop })
    }

    /// All workers.
    pub(super) fn each(&self) -> Arc<[Worker]> {
        Arc::clone(&self.each)
    }

    /// Enters the first worker's runtime: sockets are registered and tasks started there. It accepts for
    /// all.
    pub(super) fn enter(&self) -> EnterGuard<'_> {
        self.each[0].enter()
    }

    /// Ends all tasks and threads.
    pub(super) fn stop(mut self) {
        self.stop.cancel();
        self.each.iter().for_each(Worker::stop);
        for thread in self.threads.drain(..) {
            // An error means a panic, which has been logged.
            let _ = thread.join();
        }
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.stop.cancel();
        self.each.iter().for_each(Worker::stop);
    }
}
