//! What the polls of forgotten tabs cost when their apps are suspended, beside nginx that answers 404.
//!
//!     cargo build --release && cargo run --release --example polls
//!
//! A thousand suspended Streamlit apps get a thousand of their tabs' polls a second, over connections that
//! are kept. Both servers have one worker and take turns. The result is Markdown on standard output.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::cast_precision_loss,
    clippy::disallowed_methods,
    reason = "a measurement, not part of the proxy"
)]

#[path = "../kernel_cost/machine.rs"]
mod machine;
mod server;

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    thread,
    time::{Duration, Instant},
};

use clap::Parser;

use self::server::Server;

#[derive(Parser)]
struct Args {
    /// The `ebbtide` binary
    #[arg(long, default_value = "target/release/ebbtide")]
    ebbtide: String,
    /// Suspended apps
    #[arg(long, default_value_t = 1000)]
    apps: usize,
    /// Polls a second, of all tabs together
    #[arg(long, default_value_t = 1000)]
    rate: u32,
    /// Seconds of each server in each round
    #[arg(long, default_value_t = 5)]
    seconds: u32,
    /// Rounds, of which the median is shown
    #[arg(long, default_value_t = 5)]
    rounds: usize,
}

/// Connections that are kept, as of so many browsers.
const CONNECTIONS: usize = 100;

fn main() {
    let args = Args::parse();
    let servers = [Server::ebbtide(&args.ebbtide, args.apps), Server::nginx()];
    let lines = servers.each_ref().map(Server::log_lines);
    let mut found = [Vec::new(), Vec::new()];
    for _ in 0..args.rounds {
        for (server, found) in servers.iter().zip(&mut found) {
            found.push(round(server, &args));
        }
    }
    println!("{}\n", machine::describe());
    println!("| server | answer | polls | CPU µs per poll | lines in the log | apps started |");
    println!("| --- | --- | ---: | ---: | ---: | ---: |");
    let polls = args.rate as usize * args.seconds as usize * args.rounds;
    for ((server, found), before) in servers.iter().zip(&mut found).zip(lines) {
        found.sort_by(f64::total_cmp);
        println!(
            "| {} | {} | {polls} | {:.1} | {} | {} |",
            server.name,
            server.status,
            found[found.len() / 2],
            server.log_lines() - before,
            server.started(),
        );
    }
}

/// Processor time per poll, in microseconds.
fn round(server: &Server, args: &Args) -> f64 {
    let mut connections: Vec<TcpStream> =
        (0..CONNECTIONS).map(|_| connect(server.address)).collect();
    let polls = (args.rate * args.seconds) as usize;
    let before = server.cpu();
    let begin = Instant::now();
    for poll in 0..polls {
        let due = begin + Duration::from_secs(1) / args.rate * u32::try_from(poll).unwrap();
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let connection = &mut connections[poll % CONNECTIONS];
        let app = poll % args.apps;
        // What a tab of Streamlit asks every two seconds when its WebSocket is gone.
        let request = format!(
            "GET /_stcore/health HTTP/1.1\r\nHost: app-{app}.test\r\nAccept: application/json, text/plain, */*\r\n\
             Sec-Fetch-Site: same-origin\r\nSec-Fetch-Mode: cors\r\nSec-Fetch-Dest: empty\r\n\r\n"
        );
        connection.write_all(request.as_bytes()).unwrap();
        let status = answer(connection);
        assert_eq!(status, server.status, "{}", server.name);
    }
    (server.cpu() - before).as_secs_f64() * 1e6 / polls as f64
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream
}

/// Reads one whole answer; its status.
fn answer(stream: &mut TcpStream) -> u16 {
    let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let size = stream.read(&mut buffer).unwrap();
        assert!(size > 0, "the connection was closed");
        bytes.extend(&buffer[..size]);
        let text = String::from_utf8_lossy(&bytes);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let head = head.to_ascii_lowercase();
        let length = head.split("content-length: ").nth(1).and_then(|rest| rest.lines().next());
        if body.len() >= length.unwrap().trim().parse().unwrap() {
            return head.split(' ').nth(1).unwrap().parse().unwrap();
        }
    }
}
