//! The kernel writer's table: which of its rows are lent, and to which sockets.
//!
//! It hands out rows and takes them back; what the figures in a row mean is `leg`'s affair.

use std::{
    collections::VecDeque,
    io,
    os::fd::{AsFd, OwnedFd},
    sync::{Mutex, MutexGuard, PoisonError},
};

use aya::{
    Ebpf, Pod,
    maps::{Array, HashMap, Map, MapData, MapError},
};
use proxy_common::Row;

use super::{
    load::{LEGS, LoadError, Object, ROWS},
    mapping::Mapping,
    table::AtomicRow,
};

/// `BPF_NOEXIST`: a socket that is registered already keeps its row.
const NO_EXIST: u64 = 1;

#[derive(Clone, Copy)]
#[repr(transparent)]
struct Value(Row);
// SAFETY: a row is integers only, without padding (its fields fill its 64 bytes).
unsafe impl Pod for Value {}

/// Why a row was not lent.
#[derive(Debug, thiserror::Error)]
pub(super) enum LendError {
    /// All rows are lent.
    #[error("all {0} rows of the kernel table are taken")]
    Full(u32),
    /// The kernel refused the entry.
    #[error("the kernel table refused an entry")]
    Map(#[from] MapError),
}

/// The loaded object and the rows it writes.
pub(super) struct Kernel {
    mapping: Mapping,
    tables: Mutex<Tables>,
    /// Owns the program.
    ebpf: Mutex<Ebpf>,
    /// Holds the program on the cgroup until it is closed.
    _link: Option<OwnedFd>,
}

struct Tables {
    rows: Array<MapData, Value>,
    legs: HashMap<MapData, u64, u32>,
    limit: u32,
    /// Rows from here on were never lent.
    fresh: u32,
    /// Rows that came back, the oldest first: a callback that runs on another CPU while its row is
    /// taken back has ended long before that row is lent again.
    returned: VecDeque<u32>,
}

impl Kernel {
    /// Takes over an object that is loaded and attached.
    ///
    /// # Errors
    /// [`LoadError::Mapping`] where the kernel knows no mmapable arrays; [`LoadError::Missing`] and
    /// [`LoadError::Kind`] for an object that is not this build's.
    pub(super) fn new(object: Object, max_legs: u32) -> Result<Kernel, LoadError> {
        let (mut ebpf, link) = (object.ebpf, object.link);
        let rows = ebpf.take_map(ROWS).ok_or(LoadError::Missing(ROWS))?;
        let legs = ebpf.take_map(LEGS).ok_or(LoadError::Missing(LEGS))?;
        let mapping = map_rows(&rows, max_legs)?;
        let tables = Tables {
            rows: Array::try_from(rows).map_err(LoadError::Kind)?,
            legs: HashMap::try_from(legs).map_err(LoadError::Kind)?,
            limit: max_legs,
            fresh: 0,
            returned: VecDeque::new(),
        };
        Ok(Kernel { mapping, tables: Mutex::new(tables), ebpf: Mutex::new(ebpf), _link: link })
    }

    /// Lends a row to the socket with this cookie. From then on the kernel may write it.
    ///
    /// # Errors
    /// See [`LendError`]; the table is then as it was.
    pub(super) fn lend(&self, cookie: u64) -> Result<u32, LendError> {
        let mut tables = self.tables();
        let index = tables.free().ok_or(LendError::Full(tables.limit))?;
        // The row first, then the entry that leads the kernel to it: the kernel must find the cookie.
        let row = Value(Row { cookie, ..Row::default() });
        let entered = tables
            .rows
            .set(index, row, 0)
            .and_then(|()| tables.legs.insert(cookie, index, NO_EXIST));
        if let Err(error) = entered {
            tables.take_back(index);
            return Err(error.into());
        }
        Ok(index)
    }

    /// Takes a lent row back: its socket's callbacks no longer find it.
    pub(super) fn give_back(&self, cookie: u64, index: u32) {
        let mut tables = self.tables();
        if let Err(error) = tables.legs.remove(&cookie) {
            tracing::debug!(%error, cookie, "a leg was not in the kernel table");
        }
        tables.take_back(index);
    }

    /// A lent row.
    pub(super) fn row(&self, index: u32) -> Option<&AtomicRow> {
        self.mapping.row(index)
    }

    /// Rows lent, and entries that the kernel holds for them (counted by walking its table).
    pub(super) fn held(&self) -> io::Result<(usize, usize)> {
        let tables = self.tables();
        let lent = tables.fresh as usize - tables.returned.len();
        let mut entries = 0;
        for key in tables.legs.keys() {
            key.map_err(io::Error::other)?;
            entries += 1;
        }
        Ok((lent, entries))
    }

    /// The loaded object, for its log.
    pub(super) fn ebpf(&self) -> MutexGuard<'_, Ebpf> {
        self.ebpf.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        // Every change below leaves the tables consistent before it can unwind.
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Maps the object's table of rows.
///
/// # Errors
/// [`LoadError::Mapping`], or [`LoadError::Missing`] for another kind of map.
pub(super) fn map_rows(rows: &Map, max_legs: u32) -> Result<Mapping, LoadError> {
    let Map::Array(data) = rows else { return Err(LoadError::Missing(ROWS)) };
    Mapping::new(data.fd().as_fd(), max_legs).map_err(LoadError::Mapping)
}

impl Tables {
    fn free(&mut self) -> Option<u32> {
        if self.fresh < self.limit {
            self.fresh += 1;
            return Some(self.fresh - 1);
        }
        self.returned.pop_front()
    }

    fn take_back(&mut self, index: u32) {
        // Without a cookie the row is nobody's. It is written whole again before it is lent.
        if let Err(error) = self.rows.set(index, Value(Row::default()), 0) {
            tracing::debug!(%error, index, "a row could not be cleared");
        }
        self.returned.push_back(index);
    }
}
