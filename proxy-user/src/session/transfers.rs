//! Whether bytes of requests that count have moved lately.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use parking_lot::Mutex;

use crate::core::history::Kind;

/// Watches bodies of requests that count, and of their answers. Called for every piece, read once a second.
#[derive(Debug, Default)]
pub(super) struct Transfers {
    /// Something has moved since the last read.
    moved: AtomicBool,
    /// The request that it belonged to.
    newest: Mutex<Option<Kind>>,
}

impl Transfers {
    /// Bytes of such a body have moved. Costs one load, except for the first call in each second.
    pub(super) fn moved(&self, what: impl FnOnce() -> Kind) {
        if !self.moved.load(Relaxed) {
            *self.newest.lock() = Some(what());
            self.moved.store(true, Relaxed);
        }
    }

    /// What has moved since the last call; `None` = nothing.
    pub(super) fn take(&self) -> Option<Kind> {
        if !self.moved.swap(false, Relaxed) {
            return None;
        }
        self.newest.lock().clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::history::{Method, Path};

    #[test]
    fn what_moved_is_told_once() {
        let transfers = Transfers::default();
        let get = |path| Kind::Request(Method::named("GET"), Path::shown(path));
        assert_eq!(transfers.take(), None);
        transfers.moved(|| get("/one"));
        transfers.moved(|| get("/two"));
        assert_eq!(transfers.take(), Some(get("/one")));
        assert_eq!(transfers.take(), None);
        transfers.moved(|| get("/two"));
        assert_eq!(transfers.take(), Some(get("/two")));
    }
}
