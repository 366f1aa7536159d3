//! The credentials of a request: `Authorization: Basic` (RFC 7617).

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::AUTHORIZATION;

/// The longest field in bytes: nobody types a longer name and password.
const LONGEST: usize = 8 * 1024;

/// A name and a password, as bytes: browsers send UTF-8, as the challenge asks them to.
pub struct Credentials {
    /// Has no colon.
    pub name: Vec<u8>,
    /// May be empty.
    pub password: Vec<u8>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credentials(…)")
    }
}

impl Credentials {
    /// The credentials of a request with these headers. `None`: there are none or several, the scheme is another
    /// one, or RFC 7617 does not allow them.
    #[must_use]
    pub fn of(headers: &HeaderMap) -> Option<Credentials> {
        let mut fields = headers.get_all(AUTHORIZATION).into_iter();
        let (Some(field), None) = (fields.next(), fields.next()) else { return None };
        let field = field.as_bytes();
        let end = field.iter().position(|byte| *byte == b' ')?;
        let (scheme, token) = field.split_at(end);
        if field.len() > LONGEST || !scheme.eq_ignore_ascii_case(b"basic") {
            return None;
        }
        let plain = STANDARD.decode(token.trim_ascii()).ok()?;
        // Forbidden by RFC 7617 section 2. Also, bcrypt reads a password only up to a NUL.
        if plain.iter().any(u8::is_ascii_control) {
            return None;
        }
        let colon = plain.iter().position(|byte| *byte == b':')?;
        Some(Credentials { name: plain[..colon].to_vec(), password: plain[colon + 1..].to_vec() })
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::*;

    fn read(fields: &[&str]) -> Option<(String, String)> {
        let headers =
            fields.iter().map(|field| (AUTHORIZATION, HeaderValue::from_str(field).unwrap()));
        let Credentials { name, password } = Credentials::of(&headers.collect())?;
        Some((String::from_utf8(name).ok()?, String::from_utf8(password).ok()?))
    }

    #[test]
    fn only_one_field_of_the_right_form_is_read() {
        let aladdin = ("Aladdin".to_owned(), "open sesame".to_owned());
        for field in ["Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "bASIC  QWxhZGRpbjpvcGVuIHNlc2FtZQ=="] {
            assert_eq!(read(&[field]), Some(aladdin.clone()), "{field}");
        }
        // RFC 7617 section 2.1: "test", "123" and the pound sign.
        let pound = ("test".to_owned(), "123\u{a3}".to_owned());
        assert_eq!(read(&["Basic dGVzdDoxMjPCow=="]), Some(pound));
        assert_eq!(read(&["Basic OmE6Yg=="]), Some((String::new(), "a:b".to_owned())));
        for fields in [
            &[][..],
            &["Basic"],
            &["Basic "],
            &["Basic !"],
            &["BasicQWxhZGRpbjpvcGVuIHNlc2FtZQ=="],
            &["Bearer QWxhZGRpbjpvcGVuIHNlc2FtZQ=="],
            // No colon; a NUL; a line feed.
            &["Basic QWxhZGRpbg=="],
            &["Basic YTpiAGM="],
            &["Basic YTpiCg=="],
            &["Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="],
        ] {
            assert_eq!(read(fields), None, "{fields:?}");
        }
    }

    proptest! {
        #[test]
        fn what_was_sent_is_read(name in "[^:\\p{Cc}]{0,20}", password in "[^\\p{Cc}]{0,20}") {
            let field = format!("Basic {}", STANDARD.encode(format!("{name}:{password}")));
            prop_assert_eq!(read(&[&field]), Some((name, password)));
        }
    }
}
