//! Sockets that the service manager opened for us: `LISTEN_FDS` of sd_listen_fds(3). They stay open when
//! this process ends, so that new connections wait for the next one.

use std::io;
use std::net::TcpListener;
use std::os::fd::FromRawFd;

use socket2::SockRef;

/// The name (`FileDescriptorName=`) of the socket for the admin address.
const ADMIN: &str = "admin";

/// The same of the sockets that send browsers to `https`.
const REDIRECT: &str = "redirect";

/// The sockets by their use.
#[derive(Debug, Default)]
pub struct Passed {
    /// They replace `listen`, unless there are none.
    pub proxy: Vec<TcpListener>,
    /// They replace `redirect`, unless there are none.
    pub redirect: Vec<TcpListener>,
    /// It replaces `admin`.
    pub admin: Option<TcpListener>,
}

impl Passed {
    /// Takes the sockets that were passed to this process. To be called once.
    ///
    /// # Errors
    /// The variables are invalid, or a descriptor is not a listening TCP socket.
    pub fn take() -> io::Result<Passed> {
        let mut passed = Passed::default();
        for (number, name) in sd_notify::listen_fds_with_names()? {
            // SAFETY: the service manager opened this descriptor for this process (the call has compared
            // LISTEN_PID), and nothing else in the process knows of it.
            let socket = unsafe { TcpListener::from_raw_fd(number) };
            if !SockRef::from(&socket).is_listener().unwrap_or(false)
                || socket.local_addr().is_err()
            {
                let message = format!(
                    "the socket \"{name}\" that was passed is not one that listens for TCP; give the \
                     socket unit ListenStream= with an address and a port"
                );
                return Err(io::Error::other(message));
            }
            socket.set_nonblocking(true)?;
            match name.as_str() {
                REDIRECT => passed.redirect.push(socket),
                ADMIN => passed.admin = Some(socket),
                _ => passed.proxy.push(socket),
            }
        }
        Ok(passed)
    }
}
