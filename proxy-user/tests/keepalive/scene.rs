//! A proxy that pings every second, and peers that answer.

use std::time::Duration;

use libtest_mimic::Failed;

use crate::harness::app::App;
use crate::harness::cgroup::Cgroup;
use crate::harness::frame::{Frame, PING, PONG};
use crate::harness::proxy::Proxy;
use crate::harness::session::Peer;
use crate::harness::setup::Setup;
use crate::harness::source::Source;

/// `keepalive.timeout`.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(4);
/// What the payloads of the proxy's own pings start with.
const OWN: &[u8] = b"ebb";

/// The cgroup comes last: it can only be removed after the proxy in it has ended.
pub(crate) struct Scene {
    pub(crate) proxy: Proxy,
    pub(crate) app: App,
    _cgroup: Option<Cgroup>,
}

/// The usual scene: the shortest interval.
pub(crate) fn set(source: Source) -> Result<Scene, Failed> {
    set_with(source, App::listen(), "1s")
}

pub(crate) fn set_with(source: Source, app: App, interval: &str) -> Result<Scene, Failed> {
    let cgroup = match source {
        Source::TcpInfo => None,
        Source::Ebpf => Some(Cgroup::create()?),
    };
    let mut setup = setup(source, &app, interval);
    if let Some(cgroup) = &cgroup {
        setup = setup.cgroup(cgroup);
    }
    let proxy = setup.start();
    assert_eq!(proxy.source().0, source.name(), "the source in use");
    Ok(Scene { proxy, app, _cgroup: cgroup })
}

/// The configuration.
pub(crate) fn setup(source: Source, app: &App, interval: &str) -> Setup {
    let timeout = format!("{}s", TIMEOUT.as_secs());
    Setup::demo(app.address()).keepalive(interval, &timeout).source(source.name())
}

impl Scene {
    /// Pings sent to the peers of this leg.
    pub(crate) fn pings(&self, leg: &str) -> u64 {
        self.proxy.metrics().count("ebbtide_pings_total", &[("app", "demo"), ("leg", leg)])
    }

    /// Reaped legs by leg and reason.
    pub(crate) fn reaped(&self, leg: &str, reason: &str) -> u64 {
        let labels = [("app", "demo"), ("leg", leg), ("reason", reason)];
        self.proxy.metrics().count("ebbtide_reaped_total", &labels)
    }

    pub(crate) fn assert_nobody_reaped(&self) {
        assert_eq!(self.proxy.metrics().count("ebbtide_reaped_total", &[]), 0, "reaped");
        assert_eq!(self.proxy.sessions().len(), 1);
    }
}

/// The frame is a ping of the proxy's own.
pub(crate) fn is_own(frame: &Frame) -> bool {
    frame.opcode == PING && frame.payload.len() == 8 && frame.payload.starts_with(OWN)
}

/// The next frame, which must be a ping of the proxy's own.
pub(crate) fn own_ping(peer: &mut Peer) -> Frame {
    let frame = peer.receive();
    assert!(is_own(&frame), "{frame:?}");
    frame
}

/// Answers a ping.
pub(crate) fn pong(peer: &mut Peer, ping: &Frame) {
    peer.send(&Frame::new(PONG, ping.payload.clone()));
}

/// The next frame of another's, with pings of the proxy's own answered.
pub(crate) fn next(peer: &mut Peer) -> Frame {
    loop {
        let frame = peer.receive();
        if !is_own(&frame) {
            return frame;
        }
        pong(peer, &frame);
    }
}

/// Answers the pings that have come, without waiting.
pub(crate) fn answer(peer: &mut Peer) {
    while !peer.wire.held().is_empty() || !peer.wire.silent_for(Duration::from_millis(1)) {
        let frame = peer.receive();
        assert!(is_own(&frame), "{frame:?}");
        pong(peer, &frame);
    }
}
