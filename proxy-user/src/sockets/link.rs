//! Attaches a program to a cgroup with a link that lives as long as its descriptor.
//!
//! aya could do this, but it decides by the kernel's version string whether links exist, and takes a version
//! that it cannot parse (Debian's `7.3~rc7-1`, without a third number) for a kernel without them. Then it
//! attaches the older way: the program replaces that of another instance on the same cgroup, and stays when
//! the process is killed. Every kernel that the loader accepts has links.

use std::{
    io,
    os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd},
};

/// `BPF_LINK_CREATE` of `enum bpf_cmd` in `include/uapi/linux/bpf.h`.
const BPF_LINK_CREATE: libc::c_long = 28;
/// `BPF_CGROUP_SOCK_OPS` of `enum bpf_attach_type`.
const BPF_CGROUP_SOCK_OPS: u32 = 3;

/// The part of `union bpf_attr` that the command uses; the kernel takes the rest as zero.
#[repr(C)]
struct LinkCreate {
    prog_fd: RawFd,
    target_fd: RawFd,
    attach_type: u32,
    flags: u32,
}

/// Attaches a loaded sockops program to the directory of a cgroup, in addition to whatever is attached there,
/// for as long as the returned descriptor is open.
///
/// # Errors
/// The kernel's error.
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
    // SAFETY: the kernel has just created this descriptor (close-on-exec), and nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(link) })
}
