//! Pages of `docs/` of which a part is measured: it stands between two markers.

use std::{fs, path::Path};

use anyhow::{Context, Result};

/// Puts `text` between the markers that name `part`. The opening one ends its line.
///
/// # Errors
/// A page that cannot be read or written, or that lacks the markers.
pub(crate) fn put(root: &Path, page: &str, part: &str, text: &str) -> Result<()> {
    let path = root.join(page);
    let old = fs::read_to_string(&path).with_context(|| format!("reading {page}"))?;
    let new = replaced(&old, part, text).with_context(|| format!("{page} lacks a part {part}"))?;
    fs::write(&path, new).with_context(|| format!("writing {page}"))?;
    eprintln!("wrote {page}");
    Ok(())
}

fn replaced(page: &str, part: &str, text: &str) -> Option<String> {
    let (before, rest) = page.split_once(&format!("<!-- {part}: begin"))?;
    let (marker, rest) = rest.split_once('\n')?;
    let (_, after) = rest.split_once(&format!("<!-- {part}: end -->"))?;
    let text = text.trim();
    Some(format!("{before}<!-- {part}: begin{marker}\n\n{text}\n\n<!-- {part}: end -->{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_take_the_place_of_the_old_ones() {
        let page = "a\n<!-- b: begin (how) -->\nold\n<!-- b: end -->\nc\n";
        let new = replaced(page, "b", "new\n").unwrap();
        assert_eq!(new, "a\n<!-- b: begin (how) -->\n\nnew\n\n<!-- b: end -->\nc\n");
        assert_eq!(replaced(&new, "b", "new").unwrap(), new);
        assert!(replaced(page, "d", "new").is_none());
    }
}
