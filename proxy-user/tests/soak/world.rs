//! What the clients live in: one proxy and its app, and networks that behave or do not.

use std::time::Duration;

use crate::GRACE;
use crate::harness::app::App;
use crate::harness::cgroup::Cgroup;
use crate::harness::namespace::Namespace;
use crate::harness::proxy::Proxy;
use crate::harness::session::{Peer, open_over};
use crate::harness::setup::Setup;
use crate::harness::wait::pause;
use crate::harness::wire::Wire;
use crate::monitor::Monitor;
use crate::network::Switch;

const SERVER: &str = "10.112.0.1";
const FLAPPING: &str = "flapping";
const HALF_OPEN: &str = "half-open";
/// `SO_RCVBUF` of the app's ends; the kernel doubles it.
pub(crate) const APP_BUFFER: usize = 16 * 1024;
/// How long the flapping path is away, in hundredths of the grace. TCP tries again at intervals that
/// double, so that a path is used again only up to about twice as long after it was lost: an absence
/// of more than half the grace may already be a whole grace without progress.
const AWAY: [u32; 4] = [10, 20, 30, 40];
/// How long it is there in between.
const THERE: u32 = 200;

/// The cgroup comes last: it can only be removed after the proxy in it has ended.
pub(crate) struct World {
    pub(crate) proxy: Proxy,
    pub(crate) app: App,
    switch: Switch,
    steady: Namespace,
    flapping: Namespace,
    half_open: Namespace,
    _near: Namespace,
    _cgroup: Option<Cgroup>,
}

/// Where a client is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Steady,
    Flapping,
    HalfOpen,
}

impl World {
    pub(crate) fn create(source: &str) -> Result<World, String> {
        let switch = Switch::create()?;
        let [near, steady, flapping, half_open] = [
            Namespace::create()?,
            Namespace::create()?,
            Namespace::create()?,
            Namespace::create()?,
        ];
        switch.plug(&near, "server", SERVER)?;
        switch.plug(&steady, "steady", "10.112.0.2")?;
        switch.plug(&flapping, FLAPPING, "10.112.0.3")?;
        switch.plug(&half_open, HALF_OPEN, "10.112.0.4")?;
        let app = near.inside(|| App::listen_narrow(APP_BUFFER));
        let mut setup = Setup::demo(app.address())
            .section(&format!("[stall]\ngrace = \"{}s\"", GRACE.as_secs()))
            .source(source)
            .listen(&format!("{SERVER}:0"))
            .namespace(&near);
        let cgroup = if source == "ebpf" { Some(Cgroup::create()?) } else { None };
        if let Some(cgroup) = &cgroup {
            setup = setup.cgroup(cgroup);
        }
        let proxy = setup.start();
        assert_eq!(proxy.source().0, source, "the source in use");
        let _near = near;
        Ok(World { proxy, app, switch, steady, flapping, half_open, _near, _cgroup: cgroup })
    }

    /// A session of a client at this place. `buffer` is its `SO_RCVBUF`, which the kernel doubles;
    /// `None` = the default, which grows.
    pub(crate) fn open(&self, place: Place, buffer: Option<usize>) -> (Peer, Peer) {
        let namespace = match place {
            Place::Steady => &self.steady,
            Place::Flapping => &self.flapping,
            Place::HalfOpen => &self.half_open,
        };
        self.open_in(namespace, buffer)
    }

    /// The same in any namespace that is plugged in.
    pub(crate) fn open_in(&self, namespace: &Namespace, buffer: Option<usize>) -> (Peer, Peer) {
        let wire = namespace.inside(|| match buffer {
            Some(bytes) => self.proxy.connect_narrow(bytes),
            None => Wire::connect(self.proxy.address()),
        });
        open_over(wire, &self.app, "", "")
    }

    /// A namespace to be deleted, on a port of this name. Its address is used once in a soak: whoever
    /// had it later would answer for it.
    pub(crate) fn plug_in(&self, port: &str, number: usize) -> Result<Namespace, String> {
        let namespace = Namespace::create()?;
        let address = format!("10.112.{}.{}", 1 + number / 250, 1 + number % 250);
        self.switch.plug(&namespace, port, &address)?;
        Ok(namespace)
    }

    pub(crate) fn cut(&self, port: &str) {
        self.switch.cut(port).expect("cut a port");
    }

    /// The network of [`Place::HalfOpen`] loses everything, or is there again.
    pub(crate) fn set_half_open(&self, cut: bool) {
        let done = if cut { self.switch.cut(HALF_OPEN) } else { self.switch.mend(HALF_OPEN) };
        done.expect("switch the half-open port");
    }

    /// Lets the flapping path come and go until the soak ends; how often it went.
    pub(crate) fn flap(&self, monitor: &Monitor) -> usize {
        let part = |hundredths: u32| GRACE * hundredths / 100;
        let mut count = 0;
        for away in AWAY.into_iter().cycle() {
            if !monitor.goes_on_for(part(THERE)) {
                break;
            }
            self.cut(FLAPPING);
            pause(part(away));
            self.switch.mend(FLAPPING).expect("mend the flapping port");
            count += 1;
        }
        // What waits for the path gets through before anybody is judged.
        pause(GRACE.min(Duration::from_secs(3)));
        count
    }
}
