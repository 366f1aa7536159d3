//! The kernel's socket list (sock_diag(7)): sockets of any process, by port, with their `TCP_INFO`.
//!
//! `wire` encodes and decodes messages, `netlink` exchanges them. Nothing here keeps results, and no socket
//! is destroyed unless it was identified by its cookie.

mod netlink;
mod wire;

use std::io;

pub(crate) use self::{
    netlink::Diag,
    wire::{Entry, Family, SocketId},
};

/// Why the kernel's list is not available.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The netlink socket failed.
    #[error("the sock_diag socket failed")]
    Socket(#[source] io::Error),
    /// The kernel refused the request.
    #[error("the kernel refused the request")]
    Refused(#[source] io::Error),
    /// An answer that is truncated or malformed.
    #[error("the kernel's answer is malformed")]
    Malformed,
}

/// Whether sockets of other processes can be listed here, and whether they can be destroyed, each with a
/// remark or the reason why not. Nothing is destroyed: the check uses a socket that does not exist.
pub(crate) fn examine() -> (Result<String, String>, Result<String, String>) {
    let sentence = |error: &Error| super::load::sentence(error);
    let mut diag = match Diag::open() {
        Ok(diag) => diag,
        Err(error) => {
            let reason = sentence(&error);
            return (Err(reason), Err("not tried: sockets cannot be listed".to_owned()));
        }
    };
    let list = match diag.dump(Family::V4, &[1], |_| {}) {
        Ok(_) => Ok("sock_diag answers".to_owned()),
        Err(error) => Err(format!("CONFIG_INET_DIAG: {}", sentence(&error))),
    };
    let destroy = match diag.can_destroy() {
        Ok(true) => Ok("SOCK_DESTROY is supported (it needs CAP_NET_ADMIN)".to_owned()),
        Ok(false) => Err("the kernel is built without CONFIG_INET_DIAG_DESTROY".to_owned()),
        Err(error) => Err(sentence(&error)),
    };
    (list, destroy)
}
