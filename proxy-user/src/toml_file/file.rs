//! Reads a file into its table.

use std::path::Path;

use toml::de::DeTable;

use super::log::Log;
use super::mistake::{Mistake, Mistakes};
use super::table::Table;

/// The text of a file.
///
/// # Errors
///
/// If the file cannot be read, or is not UTF-8.
pub(crate) fn text(file: &Path) -> Result<String, Mistakes> {
    let bytes = std::fs::read(file).map_err(|error| {
        Mistakes::one(
            file,
            None,
            format!("cannot be read: {error}; check the path and its permissions"),
        )
    })?;
    String::from_utf8(bytes).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = valid.iter().filter(|byte| **byte == b'\n').count() + 1;
        Mistakes::one(file, Some(line), "not UTF-8; save the file in that encoding".to_owned())
    })
}

/// The result of `read` for the top level of the file, with warnings sorted by line. `file` names it in
/// messages.
///
/// # Errors
///
/// Every mistake in the text at once. If the text is not valid TOML, only the syntax errors: what follows
/// from a broken line would be guesswork.
pub(crate) fn parse<T>(
    text: &str,
    file: &Path,
    read: impl FnOnce(&mut Table<'_>) -> T,
) -> Result<(T, Vec<Mistake>), Mistakes> {
    let mut log = Log::new(text, file);
    let (document, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        log.syntax(error);
    }
    if !errors.is_empty() {
        return log.fail();
    }
    let result = Table::read(&mut log, document.get_ref(), "", 1, read);
    log.finish(result)
}
