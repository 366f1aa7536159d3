//! A proxy with a short grace, in a cgroup of its own where the source needs it.

use libtest_mimic::Failed;

use crate::harness::app::App;
use crate::harness::cgroup::Cgroup;
use crate::harness::frame::Frame;
use crate::harness::proxy::Proxy;
use crate::harness::setup::Setup;
pub(crate) use crate::harness::source::Source;
use crate::harness::wait::eventually;
use crate::harness::wire::Wire;

/// The cgroup comes last: it can only be removed after the proxy in it has ended.
pub(crate) struct Scene {
    pub(crate) proxy: Proxy,
    pub(crate) app: App,
    _cgroup: Option<Cgroup>,
}

/// Seconds without progress that the tests allow.
pub(crate) const GRACE: u64 = 3;

/// The usual scene: one app on loopback, further lines for its table.
pub(crate) fn set(source: Source, lines: &str) -> Result<Scene, Failed> {
    set_with(source, App::listen(), lines, |setup| setup)
}

/// Any scene: `more` may add to the configuration.
pub(crate) fn set_with(
    source: Source,
    app: App,
    lines: &str,
    more: impl FnOnce(Setup) -> Setup,
) -> Result<Scene, Failed> {
    let cgroup = match source {
        Source::TcpInfo => None,
        Source::Ebpf => Some(Cgroup::create()?),
    };
    let mut setup = Setup::new()
        .app("demo", app.address(), lines)
        .section(&format!("[stall]\ngrace = \"{GRACE}s\""))
        .source(source.name());
    if let Some(cgroup) = &cgroup {
        setup = setup.cgroup(cgroup);
    }
    let proxy = more(setup).start();
    assert_eq!(proxy.source().0, source.name(), "the source in use");
    Ok(Scene { proxy, app, _cgroup: cgroup })
}

impl Scene {
    /// Reaped legs by leg and reason; an empty reason stands for all.
    pub(crate) fn reaped(&self, leg: &str, reason: &str) -> u64 {
        let mut labels = vec![("app", "demo"), ("leg", leg)];
        if !reason.is_empty() {
            labels.push(("reason", reason));
        }
        self.proxy.metrics().count("ebbtide_reaped_total", &labels)
    }

    pub(crate) fn assert_nobody_reaped(&self, sessions: usize) {
        assert_eq!(
            (self.reaped("client", ""), self.reaped("app", "")),
            (0, 0),
            "nobody was reaped"
        );
        assert_eq!(self.proxy.sessions().len(), sessions);
    }

    /// Fails when a leg is read by another source than the one that was asked for.
    pub(crate) fn assert_source(&self, source: Source) {
        // A client may have its 101 before its session is listed.
        let sessions = eventually("a session is listed", || {
            Some(self.proxy.sessions()).filter(|sessions| !sessions.is_empty())
        });
        for session in sessions {
            for leg in ["client", "app"] {
                assert_eq!(session["legs"][leg]["source"], source.name(), "{session}");
            }
        }
    }
}

/// What an app streams: frames of four kilobytes.
pub(crate) fn output() -> Vec<u8> {
    Frame::binary(vec![0x5A; 4096]).encode()
}

/// What a client sends: the same, masked.
pub(crate) fn input() -> Vec<u8> {
    Frame::binary(vec![0x5A; 4096]).masked([1, 2, 3, 4]).encode()
}

pub(crate) fn await_reset(wire: &Wire) {
    eventually("the client leg is reset", || wire.was_reset().then_some(()));
}
