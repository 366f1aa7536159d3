//! Whether bytes of requests that count have moved lately.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use parking_lot::Mutex;

use crate::core::history::Kind;

/// Bodies of requests that count, and of their answers, as they pass. Told for every piece, asked once a
/// second.
#[derive(Debug, Default)]
pub(super) struct Transfers {
    /// Something has moved since this was last asked.
    moved: AtomicBool,
    /// What.
    newest: Mutex<Option<Kind>>,
}

impl Transfers {
    /// Bytes of such a body have moved. After the first time in a second this is one load.
    pub(super) fn moved(&self, what: impl FnOnce() -> Kind) {
        if !self.moved.load(Relaxed) {
            *self.newest.lock() = Some(what());
            self.moved.store(true, Relaxed);
        }
    }

    /// What has moved since this was last asked; `None` = nothing.
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
