//! HTTP/1.1 messages as bytes (RFC 9112): what a client or an app reads from the wire.

use super::wire::{End, Wire};

pub type Fields = Vec<(String, String)>;

/// A start line and its header fields, in their order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    pub start: String,
    pub fields: Fields,
}

impl Head {
    pub fn read(wire: &mut Wire) -> Head {
        let bytes = wire.through(b"\r\n\r\n");
        // Field values may hold any byte above 0x7F: read them as Latin-1.
        let text: String = bytes.iter().map(|b| char::from(*b)).collect();
        let mut lines = text.split("\r\n");
        let start = lines.next().unwrap().to_owned();
        Head { start, fields: lines.filter(|l| !l.is_empty()).map(field).collect() }
    }

    pub fn status(&self) -> u16 {
        let word = self.start.split(' ').nth(1).unwrap_or_default();
        word.parse().unwrap_or_else(|_| panic!("not a status line: {:?}", self.start))
    }

    pub fn method(&self) -> &str {
        self.start.split(' ').next().unwrap()
    }

    pub fn target(&self) -> &str {
        self.start.split(' ').nth(1).unwrap()
    }

    pub fn all(&self, name: &str) -> Vec<&str> {
        let same = |(n, _): &&(String, String)| n.eq_ignore_ascii_case(name);
        self.fields.iter().filter(same).map(|(_, v)| v.as_str()).collect()
    }

    /// The field's only value.
    pub fn get(&self, name: &str) -> Option<&str> {
        let all = self.all(name);
        assert!(all.len() < 2, "{name} more than once: {:?}", self.fields);
        all.first().copied()
    }

    /// The members of a list field (RFC 9110 section 5.6.1), in lower case.
    pub fn tokens(&self, name: &str) -> Vec<String> {
        let joined = self.all(name).join(",").to_ascii_lowercase();
        joined.split(',').map(|t| t.trim().to_owned()).filter(|t| !t.is_empty()).collect()
    }

    fn is_chunked(&self) -> bool {
        self.tokens("transfer-encoding").last().is_some_and(|t| t == "chunked")
    }
}

fn field(line: &str) -> (String, String) {
    let (name, value) = line.split_once(':').unwrap_or_else(|| panic!("not a field: {line:?}"));
    (name.to_owned(), value.trim().to_owned())
}

/// A whole message; `trailers` only after a chunked body.
#[derive(Clone, Debug)]
pub struct Message {
    pub head: Head,
    pub body: Vec<u8>,
    pub trailers: Fields,
}

impl Message {
    pub fn read_request(wire: &mut Wire) -> Message {
        let head = Head::read(wire);
        Message::with_body(wire, head, false)
    }

    /// The final answer to a request of this method; interim (1xx) answers are skipped.
    pub fn read_response(wire: &mut Wire, method: &str) -> Message {
        let head = loop {
            let head = Head::read(wire);
            if head.status() >= 200 || head.status() == 101 {
                break head;
            }
        };
        if method == "HEAD" || matches!(head.status(), 101 | 204 | 304) {
            return Message { head, body: Vec::new(), trailers: Vec::new() };
        }
        Message::with_body(wire, head, true)
    }

    fn with_body(wire: &mut Wire, head: Head, until_end: bool) -> Message {
        let (mut body, mut trailers) = (Vec::new(), Vec::new());
        if head.is_chunked() {
            while let Some(chunk) = read_chunk(wire) {
                body.extend_from_slice(&chunk);
            }
            trailers = read_trailers(wire);
        } else if let Some(length) = head.get("content-length") {
            body = wire.exactly(length.parse().unwrap());
        } else if until_end {
            let (bytes, end) = wire.rest();
            assert_eq!(end, End::Fin, "a body without a length must end with FIN");
            body = bytes;
        }
        Message { head, body, trailers }
    }

    pub fn status(&self) -> u16 {
        self.head.status()
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    /// Fails unless this is the proxy's own answer with this status; gives its reason word.
    pub fn assert_own(&self, status: u16) -> &str {
        assert_eq!(self.status(), status, "{self:?}");
        let reason = self.head.get("x-ebbtide-reason");
        reason.filter(|r| !r.is_empty()).unwrap_or_else(|| panic!("no reason: {self:?}"))
    }
}

/// One chunk's data; `None` at the last chunk, whose trailers are still to be read.
pub fn read_chunk(wire: &mut Wire) -> Option<Vec<u8>> {
    let line = wire.through(b"\r\n");
    let digits = std::str::from_utf8(&line).unwrap().trim().split(';').next().unwrap().to_owned();
    let length = usize::from_str_radix(&digits, 16).unwrap_or_else(|_| panic!("size {digits:?}"));
    if length == 0 {
        return None;
    }
    let mut chunk = wire.exactly(length + 2);
    assert!(chunk.ends_with(b"\r\n"), "a chunk must end with CRLF");
    chunk.truncate(length);
    Some(chunk)
}

pub fn read_trailers(wire: &mut Wire) -> Fields {
    let mut trailers = Vec::new();
    loop {
        let line = String::from_utf8(wire.through(b"\r\n")).unwrap();
        match line.trim_end() {
            "" => return trailers,
            line => trailers.push(field(line)),
        }
    }
}

pub fn chunk(data: impl AsRef<[u8]>) -> Vec<u8> {
    let data = data.as_ref();
    let mut bytes = format!("{:x}\r\n", data.len()).into_bytes();
    bytes.extend_from_slice(data);
    bytes.extend_from_slice(b"\r\n");
    bytes
}

/// A request head; `fields` are whole lines, each ended by CRLF.
pub fn request(method: &str, host: &str, target: &str, fields: &str) -> String {
    format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\n{fields}\r\n")
}

/// A whole plain answer.
pub fn ok(body: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}
