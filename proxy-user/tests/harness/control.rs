//! The control plane that activity and events are told to, played by the test: it can be away, fail and
//! recover, and it remembers what it was told and when.

use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use socket2::{Domain, Socket, Type};

use super::app::{App, Served};
use super::http::Message;
use super::wait::{PATIENCE, Stopwatch, within};

/// One report or notification as it arrived.
#[derive(Clone, Debug)]
pub struct Report {
    /// Seconds since the control plane was made.
    pub at: f64,
    pub request: Message,
    pub body: Value,
    /// The status that it was answered with.
    pub answered: u16,
}

impl Report {
    pub fn reason(&self) -> &str {
        self.body["reason"].as_str().unwrap_or_default()
    }

    /// The `id` of a notification: where it came from, and its number there.
    pub fn id(&self) -> (String, u64) {
        let id = self.body["id"].as_str().unwrap_or_default();
        let (origin, number) = id.rsplit_once('-').unwrap_or_default();
        (origin.to_owned(), number.parse().unwrap_or_else(|_| panic!("no id: {}", self.body)))
    }

    pub fn app(&self) -> &str {
        self.body["app"].as_str().unwrap_or_default()
    }

    /// `lastActivity` in whole seconds since 1970.
    pub fn last_activity(&self) -> u64 {
        seconds_of(self.body["lastActivity"].as_str().unwrap_or_default())
    }
}

#[derive(Debug)]
pub struct Control {
    address: SocketAddr,
    bound: Option<Socket>,
    served: Option<Served>,
    status: Arc<AtomicU16>,
    reports: Arc<Mutex<Vec<Report>>>,
    watch: Stopwatch,
}

impl Control {
    /// Answers 200 at once.
    pub fn up() -> Control {
        let mut control = Control::down();
        control.come_up();
        control
    }

    /// Owns its address but refuses connections until `come_up`.
    pub fn down() -> Control {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
        let address = socket.local_addr().unwrap().as_socket().unwrap();
        Control {
            address,
            bound: Some(socket),
            served: None,
            status: Arc::new(AtomicU16::new(200)),
            reports: Arc::default(),
            watch: Stopwatch::start(),
        }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn come_up(&mut self) {
        let socket = self.bound.take().expect("already up");
        socket.listen(64).unwrap();
        let (status, reports, watch) =
            (Arc::clone(&self.status), Arc::clone(&self.reports), self.watch);
        let app = App::on(TcpListener::from(socket));
        self.served = Some(app.serve(move |mut wire| {
            while !wire.held().is_empty() || matches!(wire.fill(), Ok(1..)) {
                let request = Message::read_request(&mut wire);
                let body = serde_json::from_slice(&request.body).unwrap_or(Value::Null);
                let (at, answered) = (watch.seconds(), status.load(Ordering::Relaxed));
                reports.lock().unwrap().push(Report { at, request, body, answered });
                let answer = format!("HTTP/1.1 {answered} Status\r\nContent-Length: 0\r\n\r\n");
                if wire.try_send(answer).is_err() {
                    return;
                }
            }
        }));
    }

    /// What reports are answered with from now on.
    pub fn answer(&self, status: u16) {
        self.status.store(status, Ordering::Relaxed);
    }

    /// The `[report]` section that names this control plane; `lines` are added to it.
    pub fn section(&self, interval: &str, lines: &str) -> String {
        let url = format!("http://{}/apps/{{app}}", self.address);
        format!("[report]\nurl = {url:?}\ninterval = {interval:?}\n{lines}\n")
    }

    /// The `[[notify]]` table that names this control plane; `lines` are added to it.
    pub fn notify(&self, lines: &str) -> String {
        format!("[[notify]]\nurl = \"http://{}/events?key=s3cret\"\n{lines}\n", self.address)
    }

    pub fn reports(&self) -> Vec<Report> {
        self.reports.lock().unwrap().clone()
    }

    /// Waits for a report that was accepted and that `fits`.
    pub fn await_report(&self, what: &str, fits: impl Fn(&Report) -> bool) -> Report {
        let accepted = |r: &Report| (200..300).contains(&r.answered);
        let found =
            within(PATIENCE, || self.reports().into_iter().find(|r| accepted(r) && fits(r)));
        found.unwrap_or_else(|| {
            let told = self.reports();
            let told: Vec<_> = told.iter().map(|r| (r.at, r.answered, &r.body)).collect();
            panic!("never told {what}; told: {told:#?}")
        })
    }
}

/// RFC 3339 in UTC (`2026-01-31T12:00:00Z`, fractions allowed) to seconds since 1970.
pub fn seconds_of(text: &str) -> u64 {
    parse_time(text).unwrap_or_else(|| panic!("not an RFC 3339 time in UTC: {text:?}"))
}

fn parse_time(text: &str) -> Option<u64> {
    let clock = text.strip_suffix('Z').or_else(|| text.strip_suffix("+00:00"))?;
    let (date, time) = clock.split_once('T')?;
    let [year, month, day] = three(date, '-')?;
    let [hour, minute, second] = three(time.split('.').next()?, ':')?;
    // Days since 1970 by counting years from March: leap days fall at a year's end.
    let (y, m) = if month > 2 { (year, month - 3) } else { (year.checked_sub(1)?, month + 9) };
    let days = 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1;
    Some(days.checked_sub(719_468)? * 86_400 + hour * 3600 + minute * 60 + second)
}

fn three(text: &str, mark: char) -> Option<[u64; 3]> {
    let numbers: Result<Vec<u64>, _> = text.split(mark).map(str::parse).collect();
    numbers.ok()?.try_into().ok()
}
