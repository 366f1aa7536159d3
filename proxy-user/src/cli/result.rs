//! Writes a command's result to standard output. Messages to the user go to standard error instead.

use std::fmt::Display;
use std::io::{ErrorKind, Write};

use anyhow::Context;

use super::Failure;

/// Writes the result. A reader that stops early (`ebbtide doctor | head -1`) is not a failure.
///
/// # Errors
/// Standard output fails for another reason, such as a full disk.
pub(super) fn write(result: impl Display) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match write!(out, "{result}").and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(error).context("cannot write to standard output").map_err(Failure::Run)
        }
        _ => Ok(()),
    }
}
