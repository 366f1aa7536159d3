//! Names of apps and packs.

use crate::toml_file::{Fixed, Kind, ValueError, quote};

/// As long as a DNS label and a Kubernetes label value.
const LONGEST: usize = 63;

pub(crate) const APP_NAME: Fixed<String> =
    Kind { wants: "a name", example: "\"demo\"", parse: app_name };

pub(crate) const PACK_NAME: Fixed<String> =
    Kind { wants: "the name of a pack", example: "\"streamlit\"", parse: app_name };

/// A name that needs no escaping in a metric label or a URL segment.
pub(crate) fn app_name(text: &str) -> Result<String, ValueError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    // Clients and proxies remove these two path segments.
    let dots = text == "." || text == "..";
    if (1..=LONGEST).contains(&text.len()) && text.bytes().all(plain) && !dots {
        return Ok(text.to_owned());
    }
    Err(ValueError::new(
        format!("{} is not a name", quote(text)),
        format!("write 1 to {LONGEST} of the letters a-z and A-Z, digits, \".\", \"_\" and \"-\""),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_labels_and_segments_as_they_are() {
        for name in ["a", "Demo-1_x.y", "...", &"a".repeat(63)] {
            assert!(app_name(name).is_ok(), "{name}");
        }
        for name in ["", ".", "..", "a/b", "a b", "é", "a%", &"a".repeat(64)] {
            assert!(app_name(name).is_err(), "{name}");
        }
    }
}
