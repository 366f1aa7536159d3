//! A proxy of one cell's own, with short times, in a cgroup or behind a cable where the cell needs
//! one; and what it holds: sessions, descriptors, rows.

use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use libtest_mimic::Failed;
use serde_json::Value;

use crate::harness::app::App;
use crate::harness::cgroup::Cgroup;
use crate::harness::frame::{Frame, PING};
use crate::harness::namespace::Namespace;
use crate::harness::proxy::Proxy;
use crate::harness::session::{Peer, open};
use crate::harness::setup::Setup;
use crate::harness::source::Source;
use crate::harness::wait::{eventually, pause};
use crate::harness::wire::Wire;
use crate::matrix::{Cell, Fault, Moment, Who};

/// `stall.grace`.
pub(crate) const GRACE: Duration = Duration::from_secs(2);
/// `keepalive.timeout`; the interval is one second. Longer than the grace and a sweep, so that a
/// stall is found as such.
pub(crate) const PONG: Duration = Duration::from_secs(4);
/// How long an app may take to answer a handshake.
const READY: &str = "3s";
/// Receive buffer of who reads slowly, so that progress shows within the grace (`harness::namespace`).
const NARROW: usize = 32 * 1024;

/// The cgroup comes last: it can only be removed after the proxy in it has ended.
pub(crate) struct Scene {
    pub(crate) proxy: Proxy,
    pub(crate) app: App,
    source: Source,
    /// Where the proxy is, and where the side that vanishes is.
    sides: Option<(Namespace, Namespace)>,
    cell: Cell,
    /// Descriptors of the proxy without a session.
    descriptors: usize,
    /// The same when that was last looked at.
    left: usize,
    _cgroup: Option<Cgroup>,
}

impl Scene {
    pub(crate) fn set(cell: Cell, source: Source) -> Result<Scene, Failed> {
        let cgroup = match source {
            Source::TcpInfo => None,
            Source::Ebpf => Some(Cgroup::create()?),
        };
        let sides = if cell.fault == Fault::Vanish { Some(sides()?) } else { None };
        let app = match (&sides, cell.who) {
            (Some((_, far)), Who::App) => {
                far.inside(|| App::on(TcpListener::bind("10.111.0.2:0").unwrap()))
            }
            (Some((near, _)), Who::Client) => near.inside(App::listen),
            (None, Who::App) if cell.reads_slowly() => App::listen_narrow(NARROW),
            _ => App::listen(),
        };
        // A drain shorter than any verdict for what takes time, and longer than the cell for the rest.
        let drain = if cell.fault.is_sudden() { "60s" } else { "1s" };
        let mut setup = Setup::new()
            .app("demo", app.address(), &format!("handshake_timeout = {READY:?}"))
            .key(&format!("drain = {drain:?}"))
            .section(&format!("[stall]\ngrace = \"{}s\"", GRACE.as_secs()))
            .keepalive("1s", &format!("{}s", PONG.as_secs()))
            // Room for one session: a row that is not given back is missed by the next.
            .sockets("max_legs = 2")
            .source(source.name());
        if let Some(cgroup) = &cgroup {
            setup = setup.cgroup(cgroup);
        }
        if let Some((near, _)) = &sides {
            setup = setup.namespace(near).listen("10.111.0.1:0");
        }
        let proxy = setup.start();
        assert_eq!(proxy.source().0, source.name(), "the source in use");
        // The least of some looks: the connection of an earlier look may not be closed yet.
        let looks = (0..5).map(|_| {
            proxy.sessions();
            pause(Duration::from_millis(20));
            proxy.descriptors()
        });
        let descriptors = looks.min().unwrap_or_default();
        Ok(Scene { proxy, app, source, sides, cell, descriptors, left: 0, _cgroup: cgroup })
    }

    /// The client's connection, from where the client of this cell is.
    pub(crate) fn connect(&self) -> Wire {
        match (&self.sides, self.cell.who) {
            (Some((_, far)), Who::Client) => far.inside(|| Wire::connect(self.proxy.address())),
            (_, Who::Client) if self.cell.reads_slowly() => self.proxy.connect_narrow(NARROW),
            _ => self.proxy.connect(),
        }
    }

    /// Pulls the cable of the side that vanishes.
    pub(crate) fn cut(&self) {
        let (_, far) = self.sides.as_ref().unwrap();
        far.ip(&["link", "set", "wire", "down"]).unwrap();
    }

    /// Plugs it in again, and waits until an app behind it can be reached.
    fn mend(&self) {
        let Some((near, far)) = &self.sides else { return };
        far.ip(&["link", "set", "wire", "up"]).unwrap();
        if self.cell.who == Who::App {
            let reach = || near.inside(|| TcpStream::connect(self.app.address())).ok();
            drop((eventually("the app is back", reach), self.app.accept()));
        }
    }

    /// The proxy has neither sessions nor descriptors left of what went on, or has ended.
    pub(crate) fn is_released(&mut self) -> bool {
        if self.cell.moment == Moment::Draining {
            return self.proxy.has_ended();
        }
        // In this order: asking for the sessions takes a descriptor.
        self.left = self.proxy.descriptors();
        self.left <= self.descriptors && self.proxy.sessions().is_empty()
    }

    /// What is open in the proxy next to what was open before the session.
    pub(crate) fn descriptors(&self) -> String {
        if self.cell.moment == Moment::Draining {
            return "ended".to_owned();
        }
        format!("{} of {}", self.left, self.descriptors)
    }

    /// Reaped legs as leg and reason.
    pub(crate) fn reaped(&self) -> Vec<(String, String)> {
        let word = |line: &Value, name: &str| line[name].as_str().unwrap_or_default().to_owned();
        let lines = || self.proxy.log().fields("reaped");
        if self.cell.moment != Moment::Draining {
            // The line is written behind the count.
            let counted = self.proxy.metrics().count("ebbtide_reaped_total", &[]);
            eventually("what is counted is logged", || {
                (lines().len() as u64 == counted).then_some(())
            });
        }
        lines().iter().map(|l| (word(l, "leg"), word(l, "reason"))).collect()
    }

    /// Another session works, and both its legs find rows.
    pub(crate) fn probe(&self) {
        self.mend();
        let (mut client, mut server) = open(&self.proxy, &self.app);
        let frame = Frame::text("the next one");
        client.send(&frame);
        assert_eq!(data(&mut server), frame);
        server.send(&frame);
        assert_eq!(data(&mut client), frame);
        for leg in ["client", "app"] {
            let session = &self.proxy.sessions()[0];
            assert_eq!(session["legs"][leg]["source"], self.source.name(), "a row: {session}");
        }
    }
}

impl Cell {
    fn reads_slowly(self) -> bool {
        self.fault == Fault::Slow && self.moment.streams()
    }
}

/// Two networks with a cable between them.
fn sides() -> Result<(Namespace, Namespace), String> {
    let (near, far) = (Namespace::create()?, Namespace::create()?);
    Namespace::join(&near, &far)?;
    Ok((near, far))
}

/// The next frame that is no ping.
fn data(peer: &mut Peer) -> Frame {
    loop {
        let frame = peer.receive();
        if frame.opcode != PING {
            return frame;
        }
    }
}
