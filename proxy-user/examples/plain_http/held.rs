//! What is held for connections that do not flow.

use std::{
    io::Write,
    net::TcpStream,
    thread,
    time::{Duration, Instant},
};

use crate::{
    app::{PIECE, head, take},
    subject::{Memory, Subject},
};

/// More than anything holds.
const LENGTH: usize = 1 << 30;
/// What flows before it does not, of those that read at first.
const FIRST: usize = 4 << 20;

#[derive(Clone, Copy)]
pub(crate) enum Way {
    Download,
    DownloadLater,
    Upload,
}

impl Way {
    pub(crate) const ALL: [Way; 3] = [Way::Download, Way::DownloadLater, Way::Upload];

    fn name(self) -> &'static str {
        match self {
            Way::Download => "downloads that the client does not read",
            Way::DownloadLater => "downloads of which the client read 4 MiB",
            Way::Upload => "uploads that the app does not read",
        }
    }
}

pub(crate) fn measure(proxy: &Subject, way: Way, connections: usize) {
    let before = proxy.memory();
    let clients: Vec<_> = (0..connections).map(|_| client(proxy, way)).collect();
    let after = settled(proxy);
    let each = |of: fn(&Memory) -> f64| (of(&after) - of(&before)) / connections as f64;
    println!(
        "| {} | {:.0} | {:.0} | {:.0} |",
        way.name(),
        each(|memory| memory.resident),
        each(|memory| memory.send),
        each(|memory| memory.receive)
    );
    drop(clients);
}

/// When nothing grows any more.
fn settled(proxy: &Subject) -> Memory {
    let deadline = Instant::now() + Duration::from_secs(30);
    let mut last = proxy.memory();
    loop {
        thread::sleep(Duration::from_secs(1));
        let now = proxy.memory();
        let sum = |memory: Memory| memory.resident + memory.send + memory.receive;
        if sum(now) <= sum(last) * 1.01 || Instant::now() > deadline {
            return now;
        }
        last = now;
    }
}

fn client(proxy: &Subject, way: Way) -> TcpStream {
    let mut stream = proxy.connect().unwrap();
    match way {
        Way::Download | Way::DownloadLater => {
            write!(stream, "GET /{LENGTH} HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
            if let Way::DownloadLater = way {
                head(&mut stream, &mut Vec::new()).unwrap();
                take(&mut stream, FIRST).unwrap();
            }
        }
        Way::Upload => {
            let head =
                format!("POST /deaf HTTP/1.1\r\nHost: a\r\nContent-Length: {LENGTH}\r\n\r\n");
            stream.write_all(head.as_bytes()).unwrap();
            let mut sending = stream.try_clone().unwrap();
            // Ends with the process, or with the proxy.
            let thread = thread::Builder::new().stack_size(128 << 10);
            thread.spawn(move || while sending.write_all(&[b'x'; PIECE / 4]).is_ok() {}).unwrap();
        }
    }
    stream
}
