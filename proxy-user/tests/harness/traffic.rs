//! Peers that send and read in the background at their own pace, as people's machines do.

use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use super::wait::{PATIENCE, pause};
use super::wire::{Wire, is_timeout};

/// How often a thread looks whether it is to stop.
const TICK: Duration = Duration::from_millis(100);

/// So many bytes, then a rest.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    pub bytes: usize,
    pub rest: Duration,
}

impl Pace {
    pub const fn new(bytes: usize, rest_ms: u64) -> Pace {
        Pace { bytes, rest: Duration::from_millis(rest_ms) }
    }
}

/// One megabyte per second.
pub const STEADY: Pace = Pace::new(20_000, 20);
/// As fast as bytes come.
pub const EAGER: Pace = Pace::new(1 << 20, 1);
/// Four kilobytes per second.
pub const CRAWL: Pace = Pace::new(1024, 250);

/// A thread that sends or reads until stopped, dropped, or the connection ends.
#[derive(Debug)]
pub struct Traffic {
    stop: Arc<AtomicBool>,
    bytes: Arc<AtomicU64>,
    thread: Option<JoinHandle<()>>,
}

impl Traffic {
    fn spawn(act: impl FnOnce(&AtomicBool, &AtomicU64) + Send + 'static) -> Traffic {
        let (stop, bytes) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (stopped, counted) = (Arc::clone(&stop), Arc::clone(&bytes));
        let thread = std::thread::spawn(move || act(&stopped, &counted));
        Traffic { stop, bytes, thread: Some(thread) }
    }

    /// Bytes sent or read so far.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// True when the connection ended on its own.
    pub fn has_ended(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Stops without ending the connection.
    pub fn stop(mut self) -> u64 {
        self.halt();
        self.bytes()
    }

    fn halt(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Drop for Traffic {
    fn drop(&mut self) {
        self.halt();
    }
}

/// Sends `unit`, whole frames, over and over, at most at this pace and never faster than taken.
pub fn send(wire: &Wire, unit: Vec<u8>, pace: Pace) -> Traffic {
    let writer = wire.writer();
    writer.stream().set_write_timeout(Some(TICK)).unwrap();
    Traffic::spawn(move |stop, bytes| {
        let (mut at, mut burst) = (0, 0);
        while !stop.load(Ordering::Relaxed) {
            match writer.stream().write(&unit[at..(at + pace.bytes).min(unit.len())]) {
                Ok(count) => {
                    at = (at + count) % unit.len();
                    burst += count;
                    bytes.fetch_add(count as u64, Ordering::Relaxed);
                }
                Err(e) if is_timeout(&e) => {}
                Err(_) => return,
            }
            if burst >= pace.bytes {
                burst = 0;
                pause(pace.rest);
            }
        }
        let _ = writer.stream().set_write_timeout(Some(PATIENCE));
    })
}

/// Reads and drops bytes at this pace.
pub fn read(wire: &Wire, pace: Pace) -> Traffic {
    let reader = wire.writer();
    reader.stream().set_read_timeout(Some(TICK)).unwrap();
    Traffic::spawn(move |stop, bytes| {
        let mut buffer = vec![0; pace.bytes.min(64 * 1024)];
        let mut burst = 0;
        while !stop.load(Ordering::Relaxed) {
            let room = buffer.len().min(pace.bytes - burst);
            match reader.stream().read(&mut buffer[..room]) {
                Ok(0) => return,
                Ok(count) => {
                    burst += count;
                    bytes.fetch_add(count as u64, Ordering::Relaxed);
                }
                Err(e) if is_timeout(&e) => {}
                Err(_) => return,
            }
            if burst == pace.bytes {
                burst = 0;
                pause(pace.rest);
            }
        }
        let _ = reader.stream().set_read_timeout(Some(PATIENCE));
    })
}
