//! Adds a reason and a text to the bare answers that hyper sends by itself when it cannot read a request;
//! no service is called for those.

use http::{HeaderName, StatusCode};

/// Why Ebbtide answered by itself; answers from apps do not have it.
pub(crate) const REASON: HeaderName = HeaderName::from_static("x-ebbtide-reason");

/// The reason for a request that has passed this process before.
pub(crate) const LOOP: &str = "loop";

/// Status, reason and text of an answer.
pub(crate) type Parts = (StatusCode, &'static str, &'static str);

/// An answer to something that is not a readable request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    pub(crate) reason: &'static str,
    /// The length of its body.
    pub(crate) bytes: u64,
}

/// The request's head is larger than `limits.header_bytes`, or has more lines than `limits.headers`.
pub(crate) const HEAD_TOO_BIG: Parts = (
    StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
    "head-too-big",
    "The request's head has more bytes or lines than this proxy accepts.",
);
/// The request's target is longer than hyper reads.
const TARGET_TOO_LONG: Parts = (
    StatusCode::URI_TOO_LONG,
    "target-too-long",
    "The request's target is longer than this proxy accepts.",
);
const UNREADABLE: Parts = (StatusCode::BAD_REQUEST, "bad-request", "This is not an HTTP request.");

/// hyper's answer with a reason and a text added; `None` if it is not one of hyper's own.
pub(super) fn explain(bare: &[u8]) -> Option<(Refusal, Vec<u8>)> {
    let head = std::str::from_utf8(bare).ok()?.strip_suffix("\r\n\r\n")?;
    let mut lines = head.split("\r\n");
    let start = lines.next()?;
    let code = start.strip_prefix("HTTP/1.1 ")?.get(..3)?;
    let (status, reason, text) = match StatusCode::from_bytes(code.as_bytes()).ok()? {
        StatusCode::BAD_REQUEST => UNREADABLE,
        StatusCode::URI_TOO_LONG => TARGET_TOO_LONG,
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => HEAD_TOO_BIG,
        _ => return None,
    };
    let is_length = |line: &&str| line.to_ascii_lowercase().starts_with("content-length:");
    let kept: String =
        lines.filter(|line| !is_length(line)).map(|line| format!("{line}\r\n")).collect();
    let length = text.len() + 1;
    let explained = format!(
        "{start}\r\n{kept}Content-Type: text/plain; charset=utf-8\r\n{REASON}: {reason}\r\n\
         Content-Length: {length}\r\n\r\n{text}\n"
    );
    Some((Refusal { status, reason, bytes: length as u64 }, explained.into_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_answer_gets_a_reason() {
        let bare = b"HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\n\
                     Content-Length: 0\r\nDate: Sat, 31 Jan 2026 12:00:00 GMT\r\n\r\n";
        let (refusal, explained) = explain(bare).unwrap();
        let explained = String::from_utf8(explained).unwrap();
        let (head, text) = explained.split_once("\r\n\r\n").unwrap();
        let bytes = text.len() as u64;
        assert_eq!(refusal, Refusal { status: HEAD_TOO_BIG.0, reason: "head-too-big", bytes });
        assert!(head.starts_with("HTTP/1.1 431 Request Header Fields Too Large\r\n"), "{head}");
        for line in [
            "Connection: close",
            "Date: Sat, 31 Jan 2026 12:00:00 GMT",
            "x-ebbtide-reason: head-too-big",
            &format!("Content-Length: {}", text.len()),
        ] {
            assert_eq!(
                head.split("\r\n").filter(|found| *found == line).count(),
                1,
                "{line}: {head}"
            );
        }
        assert_eq!(head.matches("Content-Length").count(), 1);
    }

    #[test]
    fn what_is_no_such_answer_is_let_be() {
        for bytes in [
            &b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"[..],
            b"HTTP/1.1 400 Bad Request\r\nContent-Length: 4\r\n\r\nbody",
            b"HTTP/1.1 400",
            b"\xff\r\n\r\n",
            b"",
        ] {
            assert_eq!(explain(bytes), None);
        }
    }
}
