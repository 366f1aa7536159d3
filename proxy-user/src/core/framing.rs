//! Where the body of a message ends (RFC 9112 section 6). Messages that two parsers could read differently
//! are not passed on.

use http::header::{self, HeaderMap, HeaderValue};

use super::headers::tokens;

/// What `Transfer-Encoding` says about a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// Nothing, or exactly `chunked`.
    Understood,
    /// `chunked` more than once, which is forbidden (RFC 9112 section 6.1).
    Repeated,
    /// Another coding. The proxy decodes `chunked` and would have to decode the other coding too.
    Unknown,
}

/// Parses `Transfer-Encoding`.
#[must_use]
pub fn coding(headers: &HeaderMap) -> Coding {
    let values = || headers.get_all(header::TRANSFER_ENCODING).into_iter();
    if values().next().is_none() {
        return Coding::Understood;
    }
    let readable = values().all(|value| value.to_str().is_ok());
    let mut codings = tokens(headers, &header::TRANSFER_ENCODING);
    if !readable || codings.any(|coding| !coding.eq_ignore_ascii_case("chunked")) {
        return Coding::Unknown;
    }
    match tokens(headers, &header::TRANSFER_ENCODING).count() {
        0 => Coding::Unknown,
        1 => Coding::Understood,
        _ => Coding::Repeated,
    }
}

/// Leaves at most one `Content-Length` with one number. Repeated equal values are merged; conflicting values
/// are all removed, as none can be trusted (RFC 9112 section 6.3).
pub fn settle_length(headers: &mut HeaderMap) {
    let is_number = |length: &str| !length.is_empty() && length.bytes().all(|b| b.is_ascii_digit());
    let mut values = headers.get_all(header::CONTENT_LENGTH).into_iter();
    match (values.next().map(HeaderValue::to_str), values.next()) {
        (None, _) => return,
        (Some(Ok(length)), None) if is_number(length) => return,
        _ => {}
    }
    let lengths: Vec<_> = tokens(headers, &header::CONTENT_LENGTH).collect();
    let agreed =
        lengths.first().filter(|first| is_number(first) && lengths.iter().all(|n| n == *first));
    let agreed = agreed.and_then(|length| HeaderValue::from_str(length).ok());
    headers.remove(header::CONTENT_LENGTH);
    headers.extend(agreed.map(|length| (header::CONTENT_LENGTH, length)));
}

#[cfg(test)]
mod tests {
    use http::header::{CONTENT_LENGTH, HeaderName, TRANSFER_ENCODING};

    use super::*;

    fn map(name: HeaderName, values: &[&[u8]]) -> HeaderMap {
        let values = values.iter().map(|value| HeaderValue::from_bytes(value).unwrap());
        values.map(|value| (name.clone(), value)).collect()
    }

    #[test]
    fn chunks_alone_are_understood() {
        let coding = |values: &[&[u8]]| coding(&map(TRANSFER_ENCODING, values));
        assert_eq!(coding(&[]), Coding::Understood);
        assert_eq!(coding(&[b"Chunked"]), Coding::Understood);
        for values in [&[&b"chunked, chunked"[..]][..], &[b"chunked", b"CHUNKED"]] {
            assert_eq!(coding(values), Coding::Repeated, "{values:?}");
        }
        for values in [&[&b"gzip, chunked"[..]][..], &[b"identity"], &[b""], &[b"\xff", b"chunked"]]
        {
            assert_eq!(coding(values), Coding::Unknown, "{values:?}");
        }
    }

    #[test]
    fn one_length_is_left_or_none() {
        for (values, left) in [
            (&[&b"5"[..]][..], &[&b"5"[..]][..]),
            (&[b"5, 5"], &[b"5"]),
            (&[b"5", b"5"], &[b"5"]),
            (&[b"5, 6"], &[]),
            (&[b"5", b"6"], &[]),
            (&[b"+5"], &[]),
            (&[b"\xff", b"5"], &[b"5"]),
            (&[], &[]),
        ] {
            let mut headers = map(CONTENT_LENGTH, values);
            settle_length(&mut headers);
            assert_eq!(headers, map(CONTENT_LENGTH, left), "{values:?}");
        }
    }
}
