//! The kernel writer's table: adds and removes the entries by which the kernel finds a socket's row.
//!
//! Which row is free is decided in `places`, and what the values mean in `view`.

use std::{
    io,
    os::fd::{AsFd, OwnedFd},
};

use aya::{
    Ebpf, Pod,
    maps::{Array, HashMap, Map, MapData, MapError},
};
use parking_lot::{Mutex, MutexGuard};
use proxy_common::Row;

use super::{
    load::{LEGS, LoadError, Object, ROWS},
    mapping::Mapping,
    row::AtomicRow,
};

/// `BPF_NOEXIST`: a socket that is already registered keeps its row.
const NO_EXIST: u64 = 1;

#[derive(Clone, Copy)]
#[repr(transparent)]
struct Value(Row);
// SAFETY: a row consists of integers only, without padding (its fields fill its 64 bytes).
unsafe impl Pod for Value {}

/// The loaded object and the rows it writes.
pub(super) struct Kernel {
    mapping: Mapping,
    tables: Mutex<Tables>,
    /// Owns the program.
    ebpf: Mutex<Ebpf>,
    /// Keeps the program attached to the cgroup until it is closed.
    _link: Option<OwnedFd>,
}

struct Tables {
    rows: Array<MapData, Value>,
    legs: HashMap<MapData, u64, u32>,
}

impl Kernel {
    /// Takes over an object that has been loaded and attached.
    ///
    /// # Errors
    /// [`LoadError::Mapping`] if the kernel does not support mmapable arrays; [`LoadError::Missing`] and
    /// [`LoadError::Kind`] if the object is not from this build.
    pub(super) fn new(object: Object, max_legs: u32) -> Result<Kernel, LoadError> {
        let (mut ebpf, link) = (object.ebpf, object.link);
        let rows = ebpf.take_map(ROWS).ok_or(LoadError::Missing(ROWS))?;
        let legs = ebpf.take_map(LEGS).ok_or(LoadError::Missing(LEGS))?;
        let mapping = map_rows(&rows, max_legs)?;
        let tables = Tables {
            rows: Array::try_from(rows).map_err(LoadError::Kind)?,
            legs: HashMap::try_from(legs).map_err(LoadError::Kind)?,
        };
        Ok(Kernel { mapping, tables: Mutex::new(tables), ebpf: Mutex::new(ebpf), _link: link })
    }

    /// Assigns a row to the socket with this cookie. From then on the kernel may write it.
    ///
    /// # Errors
    /// If the kernel refuses; the row is then unassigned.
    pub(super) fn enter(&self, cookie: u64, index: u32) -> Result<(), MapError> {
        let mut tables = self.tables();
        // The row first, then the entry that leads the kernel to it, because the kernel must find the cookie
        // there.
        tables.rows.set(index, Value(Row { cookie, ..Row::default() }), 0)?;
        tables.legs.insert(cookie, index, NO_EXIST)
    }

    /// Removes a socket's entry, so that its callbacks no longer find the row. The row keeps its last values
    /// and its cookie, so nobody takes it for another socket's.
    pub(super) fn leave(&self, cookie: u64) {
        if let Err(error) = self.tables().legs.remove(&cookie) {
            tracing::debug!(%error, cookie, "a leg was not in the kernel table");
        }
    }

    /// The row at this index, if the table is that large.
    #[inline]
    pub(super) fn row(&self, index: usize) -> Option<&AtomicRow> {
        self.mapping.row(index)
    }

    /// How many rows there are.
    pub(super) fn rows(&self) -> usize {
        self.mapping.count()
    }

    /// The number of entries in the kernel, counted by walking its table.
    pub(super) fn entries(&self) -> io::Result<usize> {
        let tables = self.tables();
        let mut entries = 0;
        for key in tables.legs.keys() {
            key.map_err(io::Error::other)?;
            entries += 1;
        }
        Ok(entries)
    }

    /// The loaded object, for its log.
    pub(super) fn ebpf(&self) -> MutexGuard<'_, Ebpf> {
        self.ebpf.lock()
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        // A panic cannot leave the process's own memory half modified.
        self.tables.lock()
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
