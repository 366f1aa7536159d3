//! Clients and apps that are gone, each in its own way, and how the other side learned of it.

use std::net::SocketAddr;
use std::time::Duration;

use crate::GRACE;
use crate::harness::frame::{Frame, header};
use crate::harness::session::Peer;
use crate::harness::traffic::{self, EAGER, Pace, STEADY, Traffic};
use crate::harness::wait::{Stopwatch, pause};
use crate::world::{Place, World};

/// Of each kind in one wave.
const EACH: usize = 4;
/// `SO_RCVBUF` of those who freeze: a stall begins when the buffer is full, and the kernel lets that of
/// a fast reader grow to megabytes.
const NARROW: usize = 32 * 1024;
/// How long a miss is waited for.
const PATIENCE: Duration = Duration::from_secs(5 * GRACE.as_secs());

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Frozen,
    FrozenLittle,
    InsideFrame,
    HalfOpen,
    Vanished,
    Reset,
    FrozenApp,
}

impl Kind {
    pub(crate) const ALL: [Kind; 7] = [
        Kind::Frozen,
        Kind::FrozenLittle,
        Kind::InsideFrame,
        Kind::HalfOpen,
        Kind::Vanished,
        Kind::Reset,
        Kind::FrozenApp,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Frozen => "frozen, stream",
            Kind::FrozenLittle => "frozen, little sent",
            Kind::InsideFrame => "frozen inside a frame",
            Kind::HalfOpen => "half-open (network lost)",
            Kind::Vanished => "vanished (host deleted)",
            Kind::Reset => "reset by the client",
            Kind::FrozenApp => "frozen app",
        }
    }

    /// What the living side must be told.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Kind::Frozen | Kind::FrozenLittle | Kind::InsideFrame => "client stalled",
            Kind::HalfOpen | Kind::Vanished => "client unreachable",
            Kind::Reset => "client reset",
            Kind::FrozenApp => "app stalled",
        }
    }

    /// How long it may take until it is dead: who stopped reading still has room in its buffer.
    pub(crate) fn last_breath(self) -> Duration {
        match self {
            Kind::HalfOpen | Kind::Vanished | Kind::Reset => Duration::ZERO,
            _ => Duration::from_millis(200),
        }
    }

    /// The leg and reason that it is counted under; a reset is no reap.
    pub(crate) fn counted(self) -> Option<(&'static str, &'static str)> {
        match self {
            Kind::Reset => None,
            Kind::FrozenApp => Some(("app", "stalled")),
            Kind::HalfOpen | Kind::Vanished => Some(("client", "unreachable")),
            _ => Some(("client", "stalled")),
        }
    }
}

/// One that died, when that was noticed, and as what.
pub(crate) struct Dead {
    pub(crate) kind: Kind,
    /// The client's address, by which the proxy's log knows it.
    pub(crate) client: SocketAddr,
    /// How long it took to kill it: it was dead at the end of this, and maybe at its beginning.
    pub(crate) dying: Duration,
    /// From its death to the Close frame at the living side; `None` = a miss.
    pub(crate) told: Option<(Duration, String)>,
}

struct Subject {
    kind: Kind,
    address: SocketAddr,
    client: Option<Peer>,
    server: Peer,
    sending: Option<Traffic>,
    reading: Option<Traffic>,
    dying: Duration,
    since: Stopwatch,
}

/// Some of each kind: live for a moment, die, and are noticed or not.
pub(crate) fn wave(world: &World) -> Vec<Dead> {
    static NUMBER: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
    let number = NUMBER.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    let port = format!("vanishing{number}");
    let vanishing = world.plug_in(&port, number).expect("a namespace to delete");
    let open = |kind| match kind {
        Kind::HalfOpen => world.open(Place::HalfOpen, None),
        Kind::Vanished => world.open_in(&vanishing, None),
        Kind::FrozenLittle => world.open(Place::Steady, Some(4096)),
        _ => world.open(Place::Steady, Some(NARROW)),
    };
    let each = Kind::ALL.into_iter().flat_map(|kind| std::iter::repeat_n(kind, EACH));
    let mut subjects: Vec<Subject> = each.map(|kind| live(kind, open(kind))).collect();
    pause(Duration::from_secs(1));

    for subject in subjects.iter_mut().filter(|s| !on_lost_network(s.kind)) {
        let reading = subject.reading.take();
        reading.expect("was reading").stop();
        subject.since = Stopwatch::start();
        if subject.kind == Kind::Reset {
            subject.client.take().expect("is open").wire.reset();
        }
    }
    let cutting = Stopwatch::start();
    world.set_half_open(true);
    world.cut(&port);
    for subject in subjects.iter_mut().filter(|s| on_lost_network(s.kind)) {
        subject.dying = cutting.elapsed();
        subject.since = Stopwatch::start();
        if subject.kind == Kind::Vanished {
            subject.reading = None;
            subject.client = None;
        }
    }
    drop(vanishing);

    let noticed = std::thread::scope(|scope| {
        let waits: Vec<_> = subjects.into_iter().map(|s| scope.spawn(|| wait_for(s))).collect();
        waits.into_iter().map(|wait| wait.join().unwrap()).collect()
    });
    world.set_half_open(false);
    noticed
}

fn on_lost_network(kind: Kind) -> bool {
    matches!(kind, Kind::HalfOpen | Kind::Vanished)
}

/// Sets the traffic going in which it will die.
fn live(kind: Kind, (client, mut server): (Peer, Peer)) -> Subject {
    let frame = |size: usize| Frame::binary(vec![0x5A; size]);
    let (sending, reading) = match kind {
        Kind::FrozenApp => {
            let unit = frame(4096).masked([1, 2, 3, 4]).encode();
            (traffic::send(&client.wire, unit, STEADY), traffic::read(&server.wire, EAGER))
        }
        Kind::FrozenLittle => {
            let unit = frame(1000).encode();
            let pace = Pace::new(unit.len(), 10);
            (traffic::send(&server.wire, unit, pace), traffic::read(&client.wire, EAGER))
        }
        Kind::InsideFrame => {
            server.wire.send(header(0x82, 1 << 40, None));
            let unit = vec![0x5A; 4096];
            (traffic::send(&server.wire, unit, STEADY), traffic::read(&client.wire, EAGER))
        }
        _ => {
            let unit = frame(4096).encode();
            (traffic::send(&server.wire, unit, STEADY), traffic::read(&client.wire, EAGER))
        }
    };
    let address = client.wire.stream().local_addr().unwrap();
    let (sending, reading) = (Some(sending), Some(reading));
    Subject {
        kind,
        address,
        client: Some(client),
        server,
        sending,
        reading,
        dying: Duration::ZERO,
        since: Stopwatch::start(),
    }
}

/// Waits at the living side for the news.
fn wait_for(mut subject: Subject) -> Dead {
    let (witness, code) = match subject.kind {
        Kind::FrozenApp => (subject.client.as_mut().expect("is open"), 1014),
        _ => (&mut subject.server, 1001),
    };
    witness.wire.stream().set_read_timeout(Some(PATIENCE)).unwrap();
    let told = match witness.wire.fill() {
        Ok(1..) => Some((subject.since.elapsed(), witness.expect_close(code))),
        Ok(_) => Some((subject.since.elapsed(), "FIN without a Close frame".to_owned())),
        Err(error) if crate::harness::wire::is_timeout(&error) => None,
        Err(error) => Some((subject.since.elapsed(), error.to_string())),
    };
    drop(subject.sending);
    Dead { kind: subject.kind, client: subject.address, dying: subject.dying, told }
}
