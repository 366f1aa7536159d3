//! A switch of the test's own: namespaces plugged into a bridge. A port that is cut loses every packet
//! silently, as a network far away does; the links at both ends stay up.

use crate::harness::namespace::Namespace;

pub(crate) struct Switch {
    bridge: Namespace,
}

impl Switch {
    pub(crate) fn create() -> Result<Switch, String> {
        let bridge = Namespace::create()?;
        bridge.ip(&["link", "add", "switch", "type", "bridge"])?;
        bridge.ip(&["link", "set", "switch", "up"])?;
        Ok(Switch { bridge })
    }

    /// Plugs a namespace in, under an address in 10.112.0.0/16 and a port of this name. Segments are of
    /// a wire's size: see `Namespace::join`.
    pub(crate) fn plug(&self, end: &Namespace, port: &str, address: &str) -> Result<(), String> {
        let path = name_of(end);
        let pair = ["link", "add", port, "type", "veth", "peer", "name", "wire", "netns", &path];
        self.bridge.ip(&pair)?;
        end.ip(&["address", "add", &format!("{address}/16"), "dev", "wire"])?;
        end.ip(&["link", "set", "wire", "gso_max_segs", "1", "up"])?;
        self.bridge.ip(&["link", "set", port, "gso_max_segs", "1", "master", "switch", "up"])
    }

    pub(crate) fn cut(&self, port: &str) -> Result<(), String> {
        self.bridge.ip(&["link", "set", port, "down"])
    }

    pub(crate) fn mend(&self, port: &str) -> Result<(), String> {
        self.bridge.ip(&["link", "set", port, "up"])
    }
}

/// The namespace's name, which is the last part of the path that its wrapper names.
fn name_of(namespace: &Namespace) -> String {
    let words = namespace.wrapper();
    let path = words.last().and_then(|word| word.rsplit('/').next());
    path.expect("a wrapper names its namespace").to_owned()
}
