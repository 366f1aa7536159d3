//! How fast one transfer is over a link of this length and width.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::{Duration, Instant},
};

use crate::{
    app::{head, send, take},
    delay_line::{DelayLine, NEAR},
    subject::{PORT, Subject},
};

struct Link {
    /// There and back; zero = loopback.
    round_trip: Duration,
    /// Megabits per second.
    megabits: u64,
    /// Bytes of a transfer.
    length: usize,
}

const LINKS: [Link; 4] = [
    Link { round_trip: Duration::ZERO, megabits: 0, length: 1 << 30 },
    Link { round_trip: Duration::from_millis(20), megabits: 200, length: 64 << 20 },
    Link { round_trip: Duration::from_millis(100), megabits: 100, length: 64 << 20 },
    Link { round_trip: Duration::from_millis(200), megabits: 200, length: 128 << 20 },
];

pub(crate) fn measure(proxy: &Subject, runs: usize) {
    for link in LINKS {
        let line = (!link.round_trip.is_zero())
            .then(|| DelayLine::start(link.round_trip / 2, link.megabits));
        for (name, transfer) in
            [("download", download as fn(&mut TcpStream, usize)), ("upload", upload)]
        {
            let mut results: Vec<_> = (0..runs)
                .map(|_| {
                    let (cpu, start) = (proxy.cpu(), Instant::now());
                    let run = move || {
                        let host = if link.round_trip.is_zero() { "127.0.0.1" } else { NEAR };
                        transfer(&mut TcpStream::connect((host, PORT)).unwrap(), link.length);
                    };
                    match &line {
                        Some(line) => line.far(run),
                        None => run(),
                    }
                    let speed = link.length as f64 / 1e6 / start.elapsed().as_secs_f64();
                    (speed, (proxy.cpu() - cpu) / (link.length as f64 / 1e9))
                })
                .collect();
            results.sort_by(|a, b| a.0.total_cmp(&b.0));
            let (speed, cpu) = results[runs / 2];
            let width = match &line {
                Some(_) => format!("{} Mbit/s", link.megabits),
                None => "loopback".to_owned(),
            };
            println!(
                "| {name} of {} MiB | {} ms | {width} | {speed:.1} | {cpu:.2} |",
                link.length >> 20,
                link.round_trip.as_millis()
            );
        }
    }
}

fn download(stream: &mut TcpStream, length: usize) {
    write!(stream, "GET /{length} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
    let mut held = Vec::new();
    head(stream, &mut held).unwrap();
    take(stream, length - held.len()).unwrap();
}

fn upload(stream: &mut TcpStream, length: usize) {
    let fields = format!("Content-Length: {length}\r\nConnection: close\r\n");
    write!(stream, "POST / HTTP/1.1\r\nHost: a\r\n{fields}\r\n").unwrap();
    send(stream, length).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
}
