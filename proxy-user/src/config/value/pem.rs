//! Certificates and private keys.

use std::path::{Path, PathBuf};

use super::place::path;
use crate::tls::{Chain, Key, PemError};
use crate::toml_file::{Kind, ValueError, quote};

/// A PEM file with a certificate and those that it was signed with, relative to `base`.
pub(in super::super) fn chain(base: &Path) -> Kind<impl Fn(&str) -> Result<Chain, ValueError>> {
    let parse = |text: &str| file(base, text, Chain::read);
    Kind { wants: "a path", example: "\"tls.crt\"", parse }
}

/// A PEM file with a private key, relative to `base`.
pub(in super::super) fn key(base: &Path) -> Kind<impl Fn(&str) -> Result<Key, ValueError>> {
    let parse = |text: &str| file(base, text, Key::read);
    Kind { wants: "a path", example: "\"tls.key\"", parse }
}

fn file<T>(
    base: &Path,
    text: &str,
    read: impl Fn(&Path) -> Result<T, PemError>,
) -> Result<T, ValueError> {
    // Not to be quoted: it may be a key.
    if text.contains("-----BEGIN") || text.contains('\n') {
        let fix = "save it as a file that only this process's user may read, and write its path";
        return Err(ValueError::new("this is what belongs into a PEM file", fix));
    }
    let file: PathBuf = (path(base).parse)(text)?;
    read(&file).map_err(|error| {
        let why = format!("{} cannot be used: {error}", quote(text));
        ValueError::new(why, error.fix())
    })
}
