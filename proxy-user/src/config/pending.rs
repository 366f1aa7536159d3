//! Keys of the contract that this version does not act on yet. To be removed here as they are built.
//!
//! Such a section is refused, as it would be dangerous to ignore.

use crate::toml_file::Table;

/// A section that is refused, with the keys it will have.
struct Section {
    key: &'static str,
    place: &'static str,
    keys: &'static [&'static str],
    fix: &'static str,
}

const KUBERNETES: Section = Section {
    key: "kubernetes",
    place: "[kubernetes]",
    keys: &["discover"],
    fix: "remove it and list each app as [[app]]",
};

/// Refuses top-level sections that are not built.
pub(super) fn document(table: &mut Table<'_>) {
    refuse(table, &KUBERNETES);
}

fn refuse(table: &mut Table<'_>, section: &Section) {
    let Section { key, place, keys, fix } = section;
    table.table(key, place, |inner| {
        for key in *keys {
            inner.know(key);
        }
        inner.mistake_here(format!("{place} is not built in this version; {fix}"));
    });
}
