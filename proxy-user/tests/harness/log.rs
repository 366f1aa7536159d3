//! The proxy's log lines, collected from its standard error while it runs.

use std::io::{BufRead, BufReader, Read};
use std::sync::{Arc, Mutex};

use serde_json::Value;

#[derive(Clone, Debug, Default)]
pub struct Log(Arc<Mutex<Vec<String>>>);

impl Log {
    /// Collects on a thread of its own until the stream ends.
    pub fn collect(stream: impl Read + Send + 'static) -> Log {
        let log = Log::default();
        let lines = Arc::clone(&log.0);
        std::thread::spawn(move || {
            for line in BufReader::new(stream).split(b'\n') {
                let Ok(line) = line else { return };
                lines.lock().unwrap().push(String::from_utf8_lossy(&line).into_owned());
            }
        });
        log
    }

    /// The fields of all lines with this message.
    pub fn fields(&self, message: &str) -> Vec<Value> {
        let lines = self.0.lock().unwrap();
        let parsed = lines.iter().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        parsed.map(|line| line["fields"].clone()).filter(|f| f["message"] == message).collect()
    }

    /// All lines so far.
    pub fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    /// Everything so far, for a failure message.
    pub fn text(&self) -> String {
        self.0.lock().unwrap().join("\n")
    }
}
