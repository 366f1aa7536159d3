//! What an app prints. Every line goes to the log, and the newest lines are kept.
//!
//! A program that prints endlessly is slowed down to a rate that costs little to read. It never has to wait for
//! ever.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe::Receiver;
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, sleep};

use super::super::lines::{Lines, Newest};
use super::run::{Order, ordered_to};

/// The target of the lines in the log: `--log info,ebbtide::app=off` leaves them out.
const TARGET: &str = "ebbtide::app";
/// The most lines of one app that are logged in a second.
const LINES_PER_SECOND: u64 = 500;
/// The most bytes of one read.
const BUFFER: usize = 8 * 1024;
/// The most bytes to read between two pauses.
const BURST: usize = 1024 * 1024;
/// With `BURST`, this allows about 60 MiB/s, which costs a few percent of a core.
const PAUSE: Duration = Duration::from_millis(16);

/// The output of one app.
#[derive(Debug)]
pub(super) struct Output {
    app: String,
    newest: Mutex<Newest>,
}

impl Output {
    pub(super) fn new(app: &str) -> Output {
        Output { app: app.to_owned(), newest: Mutex::default() }
    }

    /// The last lines, the newest last.
    pub(super) fn newest(&self) -> Vec<String> {
        self.newest.lock().to_vec()
    }

    /// A new run begins.
    pub(super) fn clear(&self) {
        self.newest.lock().clear();
    }

    /// Adds the lines that the previous Ebbtide has read.
    pub(super) fn restore(&self, lines: Vec<String>) {
        let mut newest = self.newest.lock();
        lines.into_iter().for_each(|line| newest.push(line));
    }

    /// Reads until every process that could print has ended, or another Ebbtide continues.
    pub(super) async fn read(
        self: Arc<Self>,
        mut pipe: Receiver,
        mut orders: watch::Receiver<Order>,
    ) {
        // An error means that the run was dropped. The rest of the pipe is still read.
        let _ = orders.wait_for(|order| *order != Order::Wait).await;
        let mut buffer = vec![0; BUFFER].into_boxed_slice();
        let mut lines = Lines::default();
        let mut log = Log { app: &self.app, left: LINES_PER_SECOND, unsaid: 0 };
        let mut second = interval(Duration::from_secs(1));
        second.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut burst = 0;
        loop {
            let count = tokio::select! {
                count = pipe.read(&mut buffer) => match count {
                    Ok(0) | Err(_) => break,
                    Ok(count) => count,
                },
                _ = second.tick() => {
                    log.second();
                    burst = 0;
                    continue;
                }
                () = ordered_to(&mut orders, Order::Release) => break,
            };
            self.take(buffer.get(..count).unwrap_or_default(), &mut lines, &mut log);
            burst += count;
            if burst >= BURST {
                sleep(PAUSE).await;
                burst = 0;
            }
        }
        if let Some(line) = lines.finish() {
            log.line(&line);
            self.newest.lock().push(line);
        }
        log.second();
    }

    fn take(&self, bytes: &[u8], lines: &mut Lines, log: &mut Log<'_>) {
        let mut newest = self.newest.lock();
        if log.left > 0 {
            lines.feed(bytes, |line| {
                log.line(&line);
                newest.push(line);
            });
        } else {
            let mut told = 0;
            let passed = lines.feed_last(bytes, Newest::COUNT, |line| {
                told += 1;
                newest.push(line);
            });
            log.unsaid += passed + told;
        }
    }
}

/// The lines that go to the log.
struct Log<'a> {
    app: &'a str,
    /// How many more lines may be logged in this second.
    left: u64,
    /// How many lines were left out.
    unsaid: u64,
}

impl Log<'_> {
    fn line(&mut self, line: &str) {
        if self.left == 0 {
            self.unsaid += 1;
            return;
        }
        self.left -= 1;
        tracing::info!(target: TARGET, app = self.app, "{line}");
    }

    /// Called once a second.
    fn second(&mut self) {
        if self.unsaid > 0 {
            tracing::warn!(
                target: TARGET,
                app = self.app,
                lines = self.unsaid,
                "the app prints faster than the log takes: lines were left out"
            );
        }
        (self.left, self.unsaid) = (LINES_PER_SECOND, 0);
    }
}
