//! The kernel's table of rows as read-only memory. Reading a row is a load, not a system call.

use std::{
    io,
    mem::size_of,
    os::fd::{AsRawFd, BorrowedFd},
    ptr::NonNull,
};

use super::row::AtomicRow;

/// An array map with `BPF_F_MMAPABLE`, mapped `PROT_READ`.
#[derive(Debug)]
pub(super) struct Mapping {
    rows: NonNull<AtomicRow>,
    count: usize,
    bytes: usize,
}

// SAFETY: the memory is shared, only read, and only through atomics.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Maps `count` rows of the array map behind `map`.
    ///
    /// # Errors
    /// Those of `mmap`; `EINVAL` if the map is not mmapable or has fewer rows.
    pub(super) fn new(map: BorrowedFd<'_>, count: u32) -> io::Result<Mapping> {
        let count = usize::try_from(count).map_err(|_| io::ErrorKind::InvalidInput)?;
        let bytes = count.checked_mul(size_of::<AtomicRow>()).ok_or(io::ErrorKind::InvalidInput)?;
        // SAFETY: a new mapping at an address chosen by the kernel touches no memory in use.
        let at = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                bytes,
                libc::PROT_READ,
                libc::MAP_SHARED,
                map.as_raw_fd(),
                0,
            )
        };
        if at == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        let rows = NonNull::new(at.cast()).ok_or(io::ErrorKind::InvalidData)?;
        Ok(Mapping { rows, count, bytes })
    }

    /// The row at `index`, if the table has that many.
    #[inline]
    pub(super) fn row(&self, index: usize) -> Option<&AtomicRow> {
        if index >= self.count {
            return None;
        }
        // SAFETY: the index is within the mapping, which is page-aligned, holds `count` rows whose layout
        // `row` asserts, and lives as long as `self`. The kernel writes each field with one aligned store,
        // and every bit pattern is valid.
        Some(unsafe { self.rows.add(index).as_ref() })
    }

    /// The number of rows.
    pub(super) fn count(&self) -> usize {
        self.count
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: the mapping was created with this address and length, and no reference into it outlives
        // `self`.
        unsafe { libc::munmap(self.rows.as_ptr().cast(), self.bytes) };
    }
}
