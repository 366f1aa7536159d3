//! The kernel writer's table: leads the kernel from a socket to its row, and stops leading it there.
//!
//! Whose turn a row is others decide (`places`), and what its figures mean (`view`).

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

/// `BPF_NOEXIST`: a socket that is registered already keeps its row.
const NO_EXIST: u64 = 1;

#[derive(Clone, Copy)]
#[repr(transparent)]
struct Value(Row);
// SAFETY: a row is integers only, without padding (its fields fill its 64 bytes).
unsafe impl Pod for Value {}

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
        };
        Ok(Kernel { mapping, tables: Mutex::new(tables), ebpf: Mutex::new(ebpf), _link: link })
    }

    /// Gives a row to the socket with this cookie. From then on the kernel may write it.
    ///
    /// # Errors
    /// The kernel refused; the row is then nobody's.
    pub(super) fn enter(&self, cookie: u64, index: u32) -> Result<(), MapError> {
        let mut tables = self.tables();
        // The row first, then the entry that leads the kernel to it: the kernel must find the cookie.
        tables.rows.set(index, Value(Row { cookie, ..Row::default() }), 0)?;
        tables.legs.insert(cookie, index, NO_EXIST)
    }

    /// Takes a socket's row from it: its callbacks no longer find it. The row keeps its last figures,
    /// and its cookie, by which nobody else takes it for theirs.
    pub(super) fn leave(&self, cookie: u64) {
        if let Err(error) = self.tables().legs.remove(&cookie) {
            tracing::debug!(%error, cookie, "a leg was not in the kernel table");
        }
    }

    /// The row at this index, if the table has so many.
    #[inline]
    pub(super) fn row(&self, index: usize) -> Option<&AtomicRow> {
        self.mapping.row(index)
    }

    /// How many rows there are.
    pub(super) fn rows(&self) -> usize {
        self.mapping.count()
    }

    /// Entries that the kernel holds, counted by walking its table.
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
        // Nothing is half done in the process's own memory when a change unwinds.
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
