//! Files and directories.
//!
//! A relative path starts at the directory of the configuration file, so that a file means the same
//! wherever the process is started. Token files are opened to check that they are readable, but their
//! content is not kept; a waiting page's is.

use std::path::{Path, PathBuf};

use crate::config::WaitingPage;
use crate::toml_file::{Fixed, Kind, ValueError, quote};

/// A path, relative to `base`.
pub(in super::super) fn path(base: &Path) -> Kind<impl Fn(&str) -> Result<PathBuf, ValueError>> {
    let parse = move |text: &str| {
        if text.is_empty() || text.contains('\0') {
            return Err(ValueError::new(format!("{} is no path", quote(text)), "write one"));
        }
        Ok(base.join(text))
    };
    Kind { wants: "a path", example: "\"/run/secrets/token\"", parse }
}

/// A file with a token in it, relative to `base`.
pub(in super::super) fn token_file(
    base: &Path,
) -> Kind<impl Fn(&str) -> Result<PathBuf, ValueError>> {
    let path = path(base);
    let parse = move |text: &str| {
        let file = (path.parse)(text)?;
        match readable(&file) {
            Ok(()) => Ok(file),
            Err(error) => {
                // The value may be the token itself, written in place of its file's name.
                let is_path = text.contains('/') && file.parent().is_some_and(Path::is_dir);
                let named = if is_path { quote(text) } else { "the file".to_owned() };
                Err(ValueError::new(
                    format!("{named} cannot be used: {error}"),
                    "write the path of a file with the token in it that this process may read",
                ))
            }
        }
    };
    Kind { wants: path.wants, example: path.example, parse }
}

fn readable(file: &Path) -> std::io::Result<()> {
    // Checked before opening: opening a pipe would wait for its writer.
    let about = std::fs::metadata(file)?;
    if !about.is_file() {
        return Err(std::io::Error::other("not a regular file"));
    }
    if std::fs::read_to_string(file)?.trim().is_empty() {
        return Err(std::io::Error::other("the file is empty"));
    }
    Ok(())
}

/// A user's own waiting page, relative to `base`.
pub(in super::super) fn page(
    base: &Path,
) -> Kind<impl Fn(&str) -> Result<WaitingPage, ValueError>> {
    let path = path(base);
    let parse = move |text: &str| {
        let file = (path.parse)(text)?;
        let html = page_text(&file).map_err(|error| {
            ValueError::new(
                format!("{} cannot be used: {error}", quote(text)),
                "write the path of an HTML file in UTF-8 that this process may read",
            )
        })?;
        WaitingPage::compile(file, &html).map_err(|error| {
            ValueError::new(format!("{} {error}", quote(text)), "mend it, or leave this key out")
        })
    };
    Kind { wants: path.wants, example: "\"page.html\"", parse }
}

fn page_text(file: &Path) -> std::io::Result<String> {
    let other = std::io::Error::other;
    let about = std::fs::metadata(file)?;
    if !about.is_file() {
        return Err(other("not a regular file"));
    }
    if about.len() > WaitingPage::LARGEST {
        return Err(other("it is larger than 256 KiB"));
    }
    String::from_utf8(std::fs::read(file)?).map_err(|_| other("it is not UTF-8"))
}

/// A cgroup v2 directory, or "auto" for the process's own.
pub(in super::super) const CGROUP: Fixed<Option<PathBuf>> =
    Kind { wants: "a cgroup directory", example: "\"auto\"", parse: cgroup };

fn cgroup(text: &str) -> Result<Option<PathBuf>, ValueError> {
    if text == "auto" {
        return Ok(None);
    }
    if !text.starts_with('/') || text.contains('\0') {
        return Err(ValueError::new(
            format!("{} is not an absolute path", quote(text)),
            "write \"auto\", or a directory such as \"/sys/fs/cgroup/ebbtide\"",
        ));
    }
    Ok(Some(PathBuf::from(text)))
}
