//! Names and values of header fields.

use http::header::{CONNECTION, CONTENT_LENGTH, HOST, TRANSFER_ENCODING, UPGRADE};
use http::{HeaderName, HeaderValue};

use crate::toml_file::{Fixed, Kind, ValueError, quote};

pub(in super::super) const NAME: Fixed<HeaderName> =
    Kind { wants: "a header name", example: "\"X-Token\"", parse: name };

/// A field of the authentication service's answer that the app gets.
pub(in super::super) const ANSWERED: Fixed<HeaderName> =
    Kind { wants: "a header name", example: "\"X-User\"", parse: answered };

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

/// What says how a message is sent, or where a request came from, is not for an authentication service to say.
fn answered(text: &str) -> Result<HeaderName, ValueError> {
    let name = name(text)?;
    let folded = name.as_str().replace('_', "-");
    let starts = [
        "x-forwarded-f",
        "x-forwarded-h",
        "x-forwarded-p",
        "x-forwarded-m",
        "x-ebbtide-",
        "sec-websocket-",
    ];
    let whole = [
        "cdn-loop",
        "expect",
        "forwarded",
        "keep-alive",
        "proxy-connection",
        "set-cookie",
        "te",
        "trailer",
        "x-forwarded-uri",
        "x-real-ip",
    ];
    if starts.iter().any(|start| folded.starts_with(start)) || whole.contains(&&*folded) {
        let why = format!("{} is a header that Ebbtide or HTTP sets", quote(text));
        return Err(ValueError::new(why, "choose another one"));
    }
    Ok(name)
}

/// A field that is set in requests, or removed from them. What says how a message is sent, or starts a
/// WebSocket, is not the configuration's to say; where a request came from is.
pub(in super::super) fn of_request(text: &str) -> Result<HeaderName, ValueError> {
    changed(text, &["cdn-loop", "expect", "host"])
}

/// The same for answers.
pub(in super::super) fn of_answer(text: &str) -> Result<HeaderName, ValueError> {
    changed(text, &[])
}

fn changed(text: &str, others: &[&str]) -> Result<HeaderName, ValueError> {
    let wrong = |why: &str, fix: &str| ValueError::new(format!("{} {why}", quote(text)), fix);
    let name = HeaderName::from_bytes(text.as_bytes()).map_err(|_| {
        wrong("is no header name", "write letters, digits and \"-\", such as \"X-Token\"")
    })?;
    // Some apps cannot tell the two spellings apart.
    let folded = name.as_str().replace('_', "-");
    let whole = [
        "connection",
        "content-length",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    ];
    let is_set = folded.starts_with("x-ebbtide-") || folded.starts_with("sec-websocket-");
    if folded == "host" && others.contains(&"host") {
        let fix = "apps get the Host that the browser asked for, and compare it with its Origin";
        return Err(wrong("cannot be changed", fix));
    }
    match is_set || whole.contains(&&*folded) || others.contains(&&*folded) {
        true => Err(wrong("is a header that Ebbtide or HTTP sets", "choose another one")),
        false => Ok(name),
    }
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
        for text in
            ["X-User", "Remote-User", "Authorization", "X-Forwarded-User", "X-Forwarded-Groups"]
        {
            assert!(answered(text).is_ok(), "{text}");
        }
        for text in
            ["X-Forwarded-For", "x_forwarded_proto", "X-Real-IP", "Set-Cookie", "Host", "TE"]
        {
            assert!(answered(text).is_err(), "{text}");
        }
        for text in ["X-Env", "Authorization", "X-Forwarded-Proto", "Origin", "Cookie"] {
            assert!(of_request(text).is_ok(), "{text}");
        }
        for text in ["Server", "Set-Cookie", "X-Frame-Options", "Host"] {
            assert!(of_answer(text).is_ok(), "{text}");
        }
        for text in [
            "",
            "X Y",
            "X:Y",
            "X\r\nY",
            "Host",
            "TE",
            "Trailer",
            "content_length",
            "Transfer-Encoding",
            "Sec-WebSocket-Key",
            "X-Ebbtide-Reason",
            "CDN-Loop",
        ] {
            assert!(of_request(text).is_err(), "{text}");
        }
        for text in ["Connection", "upgrade", "X_Ebbtide_Wake", "Content-Length", "Keep-Alive"] {
            assert!(of_answer(text).is_err(), "{text}");
        }
        for text in ["a\r\nb", "a\nb", "\r", "\0", "\u{7f}"] {
            assert!(value(text).is_err(), "{text:?}");
        }
        assert!(!value("s3cret\n").unwrap_err().to_string().contains("s3cret"));
    }
}
