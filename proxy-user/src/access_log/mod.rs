//! Where the lines of the access log wait for standard output. Who adds a line never waits: a thread of its own
//! writes, and lines for which there is no room are counted and dropped.

mod room;
mod writer;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use std::thread;
use std::time::Duration;

use parking_lot::Mutex;

use self::room::Room;
use self::writer::Writer;
use crate::core::access_log::Format;

/// How long the last lines may take to be written.
const LAST_LINES: Duration = Duration::from_secs(2);

/// More than a usual line has.
const USUAL: usize = 512;

const OFF: u8 = 0;
const TEXT: u8 = 1;
const JSON: u8 = 2;

/// The access log of the process.
#[derive(Debug, Default)]
pub struct AccessLog {
    format: AtomicU8,
    room: Arc<Room>,
    /// Whether the thread that writes has been started. It is when the log is first switched on.
    started: Mutex<bool>,
}

impl AccessLog {
    /// Switches it on in this format, or off.
    ///
    /// # Errors
    /// The thread that writes cannot be started. Then nothing has changed.
    pub fn set(&self, format: Option<Format>) -> io::Result<()> {
        let mut started = self.started.lock();
        if format.is_some() && !*started {
            let writer = Writer::new(Arc::clone(&self.room), io::stdout());
            thread::Builder::new().name("access-log".to_owned()).spawn(move || writer.run())?;
            *started = true;
        }
        let format = match format {
            None => OFF,
            Some(Format::Text) => TEXT,
            Some(Format::Json) => JSON,
        };
        self.format.store(format, Relaxed);
        Ok(())
    }

    /// Whether it is on.
    #[inline]
    #[must_use]
    pub fn is_on(&self) -> bool {
        self.format.load(Relaxed) != OFF
    }

    /// Adds the line that `write` appends, if the log is on. It must be a whole line of at most
    /// [`LONGEST`](crate::core::access_log::LONGEST) bytes.
    pub fn add(&self, write: impl FnOnce(Format, &mut Vec<u8>)) {
        let format = match self.format.load(Relaxed) {
            TEXT => Format::Text,
            JSON => Format::Json,
            _ => return,
        };
        let mut line = Vec::with_capacity(USUAL);
        write(format, &mut line);
        self.room.add(&line);
    }

    /// Writes what is left. Blocks until that is done, but not for long: standard output may be stuck.
    pub fn stop(&self) {
        if *self.started.lock() && !self.room.close(LAST_LINES) {
            tracing::warn!("standard output does not take the rest of the access log");
        }
    }
}
