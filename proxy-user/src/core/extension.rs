//! What the extensions in a 101 mean for the frames after it (RFC 6455 section 9, RFC 7692 section 7). Does
//! not validate the handshake: an answer that a browser will refuse only makes messages unreadable.

use http::header::{HeaderMap, SEC_WEBSOCKET_EXTENSIONS};

use super::headers::tokens;

/// The only supported extension.
const DEFLATE: &str = "permessage-deflate";

/// How one direction compresses its messages (RFC 7692 section 7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deflate {
    /// Base-2 logarithm of the LZ77 window in bytes, 8 to 15.
    pub window_bits: u8,
    /// A message may refer to the ones before it.
    pub takeover: bool,
}

impl Default for Deflate {
    fn default() -> Deflate {
        Deflate { window_bits: 15, takeover: true }
    }
}

/// The negotiated extensions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extensions {
    /// Reserved bits that data frames may set, as the bits 4 = RSV1, 2, 1. An unknown extension may use any.
    pub rsv: u8,
    /// How the client's messages are compressed. `None`: not at all, or in an unsupported way. Messages with
    /// a reserved bit cannot be read then.
    pub client: Option<Deflate>,
    /// The same for the app's messages.
    pub server: Option<Deflate>,
}

/// Parses `Sec-WebSocket-Extensions` of a 101.
#[must_use]
pub fn negotiated(headers: &HeaderMap) -> Extensions {
    let mut extensions = tokens(headers, &SEC_WEBSOCKET_EXTENSIONS);
    let Some(first) = extensions.next() else { return Extensions::default() };
    let rsv = extensions.fold(reserved(first), |rsv, extension| rsv | reserved(extension));
    let alone = tokens(headers, &SEC_WEBSOCKET_EXTENSIONS).nth(1).is_none();
    match alone.then(|| parameters(first)).flatten() {
        Some([client, server]) => Extensions { rsv, client: Some(client), server: Some(server) },
        None => Extensions { rsv, client: None, server: None },
    }
}

fn name(extension: &str) -> &str {
    extension.split(';').next().unwrap_or_default().trim()
}

/// RFC 7692 section 6: permessage-deflate uses RSV1.
fn reserved(extension: &str) -> u8 {
    if name(extension) == DEFLATE { 4 } else { 7 }
}

/// The parameters for the client's and the server's messages; `None` if this is not a valid
/// permessage-deflate response (RFC 7692 section 7: unknown, repeated and invalid parameters are refused).
fn parameters(extension: &str) -> Option<[Deflate; 2]> {
    if name(extension) != DEFLATE {
        return None;
    }
    let mut ways = [Deflate::default(); 2];
    let mut seen = Vec::new();
    for parameter in extension.split(';').skip(1) {
        let (key, value) = match parameter.split_once('=') {
            Some((key, value)) => (key.trim(), Some(value.trim())),
            None => (parameter.trim(), None),
        };
        if seen.contains(&key) {
            return None;
        }
        seen.push(key);
        let [client, server] = &mut ways;
        match (key, value) {
            ("client_no_context_takeover", None) => client.takeover = false,
            ("server_no_context_takeover", None) => server.takeover = false,
            ("client_max_window_bits", Some(bits)) => client.window_bits = window_bits(bits)?,
            ("server_max_window_bits", Some(bits)) => server.window_bits = window_bits(bits)?,
            _ => return None,
        }
    }
    Some(ways)
}

/// RFC 7692 section 7.1.2: 8 to 15 without leading zeros; RFC 6455 section 9.1 allows quotes.
fn window_bits(value: &str) -> Option<u8> {
    let quoted = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    match quoted.unwrap_or(value) {
        "8" => Some(8),
        "9" => Some(9),
        "10" => Some(10),
        "11" => Some(11),
        "12" => Some(12),
        "13" => Some(13),
        "14" => Some(14),
        "15" => Some(15),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(fields: &[&'static str]) -> Extensions {
        let mut headers = HeaderMap::new();
        for field in fields {
            headers.append(SEC_WEBSOCKET_EXTENSIONS, http::HeaderValue::from_static(field));
        }
        negotiated(&headers)
    }

    #[test]
    fn extensions_give_reserved_bits_a_meaning() {
        assert_eq!(of(&[]), Extensions::default());
        assert_eq!(of(&["permessage-deflate; client_max_window_bits=15"]).rsv, 4);
        let both = of(&["x-own, permessage-deflate"]);
        assert_eq!(both, Extensions { rsv: 7, client: None, server: None });
        assert_eq!(of(&["permessage-deflate", "x-own"]), both, "in fields of their own");
    }

    #[test]
    fn each_direction_has_its_own_parameters() {
        let found = of(&["permessage-deflate; server_max_window_bits=10; \
                          client_no_context_takeover; client_max_window_bits = \"12\""]);
        assert_eq!(found.client, Some(Deflate { window_bits: 12, takeover: false }));
        assert_eq!(found.server, Some(Deflate { window_bits: 10, takeover: true }));
        let found = of(&["permessage-deflate;server_no_context_takeover"]);
        assert_eq!(found.client, Some(Deflate::default()));
        assert_eq!(found.server, Some(Deflate { window_bits: 15, takeover: false }));
    }

    #[test]
    fn an_answer_that_a_browser_refuses_cannot_be_followed() {
        for answer in [
            "permessage-deflate; client_max_window_bits",
            "permessage-deflate; client_max_window_bits=7",
            "permessage-deflate; client_max_window_bits=08",
            "permessage-deflate; server_max_window_bits=16",
            "permessage-deflate; server_max_window_bits=\"15",
            "permessage-deflate; server_no_context_takeover=1",
            "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
            "permessage-deflate; mystery",
            "permessage-deflate;",
            "permessage-deflate, permessage-deflate",
            "x-webkit-deflate-frame",
        ] {
            let found = of(&[answer]);
            assert_eq!((found.client, found.server), (None, None), "{answer}");
            assert!(found.rsv >= 4, "{answer}");
        }
    }
}
