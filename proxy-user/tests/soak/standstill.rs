//! How long does the window of a reader that never stops stay closed? No assertion: this is the
//! physics that `stall.grace` has to respect, as the kernel at hand has it.

use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::time::Duration;

use ebbtide::clock;
use ebbtide::sockets::{Options, RegisteredSocket, Sockets, SourceWish};
use libtest_mimic::Failed;
use socket2::{Domain, Socket, Type};

use crate::harness::namespace::Namespace;
use crate::harness::traffic::{self, Pace, Traffic};
use crate::harness::wait::{Stopwatch, pause};
use crate::harness::wire::Wire;

/// Longer than twice any standstill here.
const LENGTH: Duration = Duration::from_secs(75);
/// Bytes per second.
const RATES: [usize; 5] = [1 << 10, 4 << 10, 16 << 10, 32 << 10, 64 << 10];
/// `SO_RCVBUF`, which the kernel doubles.
const BUFFERS: [(&str, Option<usize>); 4] = [
    ("default", None),
    ("32 KB", Some(16 << 10)),
    ("8 KB", Some(4 << 10)),
    ("2.3 KB, the smallest", Some(1)),
];

/// One reader and what its sender's kernel says of it.
struct Case {
    near: TcpStream,
    leg: RegisteredSocket,
    _reading: Traffic,
    acked: u64,
    since: Stopwatch,
    longest: Duration,
}

pub(crate) fn table() -> Result<(), Failed> {
    let (here, there) = (Namespace::create()?, Namespace::create()?);
    Namespace::join(&here, &there)?;
    let sockets = Sockets::open(&Options { source: SourceWish::TcpInfo, ..Options::default() })?;
    let mut rows = Vec::new();
    for (segments, address, client) in
        [("loopback's", "127.0.0.1:0", &here), ("a wire's", "10.111.0.1:0", &there)]
    {
        let listener = here.inside(|| TcpListener::bind(address)).map_err(|e| e.to_string())?;
        for (name, buffer) in BUFFERS {
            let cases: Vec<Case> = RATES
                .iter()
                .map(|rate| {
                    let address = listener.local_addr().unwrap();
                    let far = client.inside(|| connect(address, buffer));
                    begin(&sockets, listener.accept().unwrap().0, Wire::over(far), *rate)
                })
                .collect();
            rows.push((name, segments, cases));
        }
    }
    let watch = Stopwatch::start();
    while watch.elapsed() < LENGTH {
        sockets.refresh(clock::now());
        rows.iter_mut().flat_map(|row| &mut row.2).for_each(Case::look);
        pause(Duration::from_millis(5));
    }
    println!("\nlongest standstill of a reader that never stops, in {} s\n", LENGTH.as_secs());
    println!("| receive buffer | segments | 1 KB/s | 4 KB/s | 16 KB/s | 32 KB/s | 64 KB/s |");
    println!("| --- | --- | ---: | ---: | ---: | ---: | ---: |");
    for (buffer, segments, cases) in rows {
        let times: Vec<_> =
            cases.iter().map(|case| format!("{:.1} s", case.longest.as_secs_f64())).collect();
        println!("| {buffer} | {segments} | {} |", times.join(" | "));
    }
    Ok(())
}

fn connect(address: SocketAddr, buffer: Option<usize>) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    if let Some(bytes) = buffer {
        socket.set_recv_buffer_size(bytes).unwrap();
    }
    socket.connect(&address.into()).unwrap();
    socket.into()
}

fn begin(sockets: &Sockets, near: TcpStream, far: Wire, rate: usize) -> Case {
    near.set_nonblocking(true).unwrap();
    let leg = sockets.register(near.as_fd()).unwrap();
    let reading = traffic::read(&far, Pace::new(rate / 8, 125));
    Case {
        near,
        leg,
        _reading: reading,
        acked: 0,
        since: Stopwatch::start(),
        longest: Duration::ZERO,
    }
}

impl Case {
    /// Keeps the queue full and measures since when nothing was acknowledged.
    fn look(&mut self) {
        // Full is what it should be.
        let _ = self.near.write(&[0x5A; 4096]);
        self.longest = self.longest.max(self.since.elapsed());
        let acked = self.leg.sample().acked;
        if std::mem::replace(&mut self.acked, acked) != acked {
            self.since = Stopwatch::start();
        }
    }
}

impl Drop for Case {
    fn drop(&mut self) {
        // Before the descriptor is closed.
        self.leg.release();
    }
}
