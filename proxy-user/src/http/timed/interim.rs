//! Interim answers (1xx, RFC 9110 section 15.2), as they come from the app.

use http::header::{CONTENT_LENGTH, HeaderMap};
use http::{StatusCode, Version};

use super::Times;
use super::expect::Expectation;
use crate::core::headers::strip_hop_by_hop;
use crate::http::refusal::REASON;

/// Takes the interim answers to one request.
#[derive(Clone, Debug)]
pub(crate) struct Interim {
    times: Times,
    expectation: Option<Expectation>,
}

impl Interim {
    /// `None`: the client speaks HTTP/1.0, which has none.
    pub(super) fn new(
        times: &Times,
        version: Version,
        expectation: Option<Expectation>,
    ) -> Option<Interim> {
        (version >= Version::HTTP_11).then(|| Interim { times: times.clone(), expectation })
    }

    /// Forwards one.
    pub(crate) fn pass(&self, status: StatusCode, headers: &HeaderMap) {
        // hyper sends the 100 itself.
        if let (StatusCode::CONTINUE, Some(expectation)) = (status, &self.expectation) {
            return expectation.meet();
        }
        self.times.outgoing().add(&encoded(status, headers));
    }
}

fn encoded(status: StatusCode, headers: &HeaderMap) -> Vec<u8> {
    let mut headers = headers.clone();
    strip_hop_by_hop(&mut headers);
    headers.remove(CONTENT_LENGTH);
    headers.remove(REASON);
    let reason = status.canonical_reason().unwrap_or_default();
    let mut bytes = format!("HTTP/1.1 {} {reason}\r\n", status.as_str()).into_bytes();
    for (name, value) in &headers {
        for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            bytes.extend_from_slice(part);
        }
    }
    bytes.extend_from_slice(b"\r\n");
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_of_one_hop_stay_behind() {
        let fields =
            [("link", "</a.css>"), ("connection", "x-hop"), ("x-hop", "1"), ("link", "</b>")];
        let fields = fields.map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
        let bytes = encoded(StatusCode::EARLY_HINTS, &fields.into_iter().collect());
        let text = "HTTP/1.1 103 Early Hints\r\nlink: </a.css>\r\nlink: </b>\r\n\r\n";
        assert_eq!(String::from_utf8(bytes).unwrap(), text);
    }
}
