//! Names and values of header fields.

use http::header::{CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderName, HeaderValue};

use crate::toml_file::{Fixed, Kind, ValueError, quote};

pub(in super::super) const NAME: Fixed<HeaderName> =
    Kind { wants: "a header name", example: "\"X-Token\"", parse: name };

pub(in super::super) const VALUE: Fixed<HeaderValue> =
    Kind { wants: "a header value", example: "\"text/plain\"", parse: value };

pub(in super::super) fn name(text: &str) -> Result<HeaderName, ValueError> {
    let wrong = |why: &str, fix: &str| ValueError::new(format!("{} {why}", quote(text)), fix);
    let name = HeaderName::from_bytes(text.as_bytes()).map_err(|_| {
        wrong("is no header name", "write letters, digits and \"-\", such as \"X-Token\"")
    })?;
    if [CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING, UPGRADE].contains(&name) {
        return Err(wrong("is a header that HTTP itself needs", "choose another one"));
    }
    Ok(name)
}

/// It may be a secret, so it is never quoted.
fn value(text: &str) -> Result<HeaderValue, ValueError> {
    HeaderValue::from_str(text).map_err(|_| {
        ValueError::new("this cannot stand in a header", "write one line of visible ASCII")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        assert_eq!(name("X-Auth-Token").unwrap(), "x-auth-token");
        for text in ["", "X Y", "é", "Host", "content-length"] {
            assert!(name(text).is_err(), "{text}");
        }
        assert!(!value("s3cret\n").unwrap_err().to_string().contains("s3cret"));
    }
}
