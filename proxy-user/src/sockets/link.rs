//! Attaches a program to a cgroup by a link, which goes with its descriptor.
//!
//! aya would do it, but it asks the kernel's version string whether links exist, and one that it
//! cannot read (Debian's `7.3~rc7-1`, without a third number) counts as a kernel without them. It
//! then attaches the older way: the program replaces another instance's on the same cgroup, and
//! stays when the process is killed. Every kernel that the loader takes has links.

use std::{
    io,
    os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd},
};

/// `BPF_LINK_CREATE` of `enum bpf_cmd` in `include/uapi/linux/bpf.h`.
const BPF_LINK_CREATE: libc::c_long = 28;
/// `BPF_CGROUP_SOCK_OPS` of `enum bpf_attach_type`.
const BPF_CGROUP_SOCK_OPS: u32 = 3;

/// The part of `union bpf_attr` that the command uses; the kernel takes the rest for zero.
#[repr(C)]
struct LinkCreate {
    prog_fd: RawFd,
    target_fd: RawFd,
    attach_type: u32,
    flags: u32,
}

/// Attaches a loaded sockops program to a cgroup's folder, beside whatever is attached there, for as
/// long as the returned descriptor is open.
///
/// # Errors
/// What the kernel says.
pub(super) fn attach_sock_ops(
    program: BorrowedFd<'_>,
    cgroup: BorrowedFd<'_>,
) -> io::Result<OwnedFd> {
    let attributes = LinkCreate {
        prog_fd: program.as_raw_fd(),
        target_fd: cgroup.as_raw_fd(),
        attach_type: BPF_CGROUP_SOCK_OPS,
        flags: 0,
    };
    // SAFETY: the kernel reads the given number of bytes of a live structure of integers.
    let link = unsafe {
        libc::syscall(
            libc::SYS_bpf,
            BPF_LINK_CREATE,
            &raw const attributes,
            size_of::<LinkCreate>(),
        )
    };
    let link = RawFd::try_from(link).map_err(io::Error::other)?;
    if link < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has just made this descriptor (close-on-exec) for us alone.
    Ok(unsafe { OwnedFd::from_raw_fd(link) })
}
