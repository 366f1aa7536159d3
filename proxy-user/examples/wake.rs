//! How long a client that waits for an app to start goes on waiting once the app answers: from the first
//! connection that the app accepts, which is Ebbtide's look whether it is there, to the first byte at the client.
//!
//!     cargo build --release && cargo run --release --example wake
//!
//! The app is this program again, which listens some time after it was started.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measurement, not part of the proxy"
)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::Parser;

#[derive(Parser)]
struct Args {
    /// The `ebbtide` binary
    #[arg(long, default_value = "target/release/ebbtide")]
    ebbtide: String,
    /// How often the app is woken
    #[arg(long, default_value_t = 50)]
    wakes: u64,
}

struct Stopped(Child);

impl Drop for Stopped {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn main() {
    let words: Vec<_> = std::env::args().collect();
    if let [_, role, port, file] = &words[..]
        && role == "app"
    {
        return app(port.parse().unwrap(), Path::new(file));
    }
    let args = Args::parse();
    let folder = std::env::temp_dir().join(format!("ebbtide-wake-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (proxy, admin) = (free(), free());
    let (accepted, config) = (folder.join("accepted"), folder.join("ebbtide.toml"));
    let command = [&words[0], "app", "{port}", accepted.to_str().unwrap()];
    let text = format!(
        "listen = [\"{proxy}\"]\nadmin = \"{admin}\"\n[[app]]\nname = \"demo\"\nwake = \"hold\"\n\
         [app.driver]\nkind = \"process\"\ncommand = {command:?}\n"
    );
    std::fs::write(&config, text).unwrap();
    let ebbtide = Command::new(&args.ebbtide)
        .args(["run", "--log", "error", "--config"])
        .arg(&config)
        .stderr(Stdio::inherit())
        .spawn();
    let ebbtide = Stopped(ebbtide.unwrap());
    while TcpStream::connect(proxy).is_err() {
        sleep(Duration::from_millis(20));
    }
    let mut waits: Vec<_> = (0..args.wakes).map(|_| wake(proxy, admin, &accepted)).collect();
    drop(ebbtide);
    let _ = std::fs::remove_dir_all(&folder);
    waits.sort_unstable();
    let milliseconds = |wait: &Duration| format!("{:.1} ms", wait.as_secs_f64() * 1e3);
    let (median, most) = (&waits[waits.len() / 2], waits.last().unwrap());
    println!(
        "{} wakes: median {}, at most {}",
        waits.len(),
        milliseconds(median),
        milliseconds(most)
    );
}

/// Asks an app that does not run, and has it stopped again.
fn wake(proxy: SocketAddr, admin: SocketAddr, accepted: &Path) -> Duration {
    let mut client = TcpStream::connect(proxy).unwrap();
    client.write_all(b"GET / HTTP/1.1\r\nHost: demo\r\nConnection: close\r\n\r\n").unwrap();
    let mut first = [0];
    client.read_exact(&mut first).unwrap();
    let answered = now();
    let mut rest = String::new();
    client.read_to_string(&mut rest).unwrap();
    assert!(rest.starts_with("TTP/1.1 200 "), "{rest}");
    let accepted: u64 = std::fs::read_to_string(accepted).unwrap().parse().unwrap();
    ask(admin, "POST", "/api/apps/demo/suspend");
    while !ask(admin, "GET", "/api/apps/demo").contains("\"suspended\"") {
        sleep(Duration::from_millis(20));
    }
    Duration::from_nanos(answered - accepted)
}

fn ask(admin: SocketAddr, method: &str, path: &str) -> String {
    let mut client = TcpStream::connect(admin).unwrap();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {admin}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    );
    client.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    answer
}

/// Nanoseconds since 1970, in both processes.
fn now() -> u64 {
    u64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos()).unwrap()
}

fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

fn app(port: u16, file: &Path) {
    // From start to start another part of the time between two looks.
    sleep(Duration::from_millis(100 + now() / 1_000_000 % 50));
    let listener = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let mut connections = listener.incoming();
    let mut next = connections.next();
    std::fs::write(file, now().to_string()).unwrap();
    while let Some(Ok(connection)) = next {
        std::thread::spawn(move || serve(connection));
        next = connections.next();
    }
}

fn serve(mut connection: TcpStream) {
    let mut lines = BufReader::new(connection.try_clone().unwrap()).lines().map_while(Result::ok);
    while lines.any(|line| line.is_empty()) {
        if connection.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").is_err() {
            return;
        }
    }
}
