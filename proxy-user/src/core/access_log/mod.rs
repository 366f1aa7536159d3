//! The lines of the access log: what is known about a request or a session goes in, one line comes out.
//!
//! Clients choose the method, the path, the host, the referrer and the user agent. Whatever they send, a line
//! has no control character and no quote of theirs ends a value; and it holds no query, cookie or credential.

mod client_text;
mod json;
mod text;

use std::net::IpAddr;
use std::time::Duration;

use http::{HeaderMap, Method, Uri, Version, header};
use jiff::Timestamp;

pub use self::client_text::ClientText;
use super::history::Path;

/// No line is longer, its line break included. Linux writes so much to a pipe in one piece (`PIPE_BUF`), so
/// that lines of two processes do not mix.
pub const LONGEST: usize = 4096;

/// How a line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// The combined format of Apache and nginx, followed by `key=value`.
    Text,
    /// A JSON object.
    Json,
}

/// What a client asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    method: ClientText,
    path: Path,
    protocol: &'static str,
    host: Option<ClientText>,
    referrer: Option<ClientText>,
    user_agent: Option<ClientText>,
}

impl Head {
    /// What may be shown of a request, with its headers as they arrived.
    #[must_use]
    pub fn of(method: &Method, uri: &Uri, version: Version, headers: &HeaderMap) -> Head {
        let field = |name| headers.get(name).map(http::HeaderValue::as_bytes);
        let authority = uri.authority().map(|authority| authority.as_str().as_bytes());
        Head {
            method: ClientText::shown(method.as_str().as_bytes()),
            path: Path::shown(uri.path()),
            protocol: match version {
                Version::HTTP_09 => "HTTP/0.9",
                Version::HTTP_10 => "HTTP/1.0",
                Version::HTTP_2 => "HTTP/2.0",
                Version::HTTP_3 => "HTTP/3.0",
                _ => "HTTP/1.1",
            },
            host: authority.or_else(|| field(header::HOST)).map(ClientText::host),
            referrer: field(header::REFERER).map(ClientText::referrer),
            user_agent: field(header::USER_AGENT).map(ClientText::shown),
        }
    }
}

/// A request that is over.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// When it ended.
    pub at: Timestamp,
    /// `None` = unknown.
    pub client: Option<IpAddr>,
    /// `None` = it could not be read.
    pub head: Option<&'a Head>,
    /// The code of its answer; 499 if the client left before that.
    pub status: u16,
    /// Bytes of the answer's body that were passed to the connection.
    pub bytes: u64,
    /// Whether these are all of them.
    pub complete: bool,
    /// `None` = no app has this host and path.
    pub app: Option<&'a str>,
    /// The state of the app when the request arrived.
    pub state: Option<&'a str>,
    /// The `X-Ebbtide-Reason` of an own answer.
    pub reason: Option<&'a str>,
    /// How long it waited for its app to wake, if it did.
    pub wake: Option<Duration>,
    /// From its head to the end of its answer; `None` = not measured.
    pub took: Option<Duration>,
}

/// A session that is over.
#[derive(Clone, Copy, Debug)]
pub struct Session<'a> {
    /// When it ended.
    pub at: Timestamp,
    /// Its number.
    pub id: u64,
    /// `None` = unknown.
    pub client: Option<IpAddr>,
    /// The path of its handshake.
    pub path: &'a Path,
    /// The app's name.
    pub app: &'a str,
    /// The state of the app now.
    pub state: &'a str,
    /// Why it ended.
    pub cause: &'a str,
    /// From its opening to its end.
    pub took: Duration,
    /// What came from the client.
    pub input: Traffic,
    /// What came from the app.
    pub output: Traffic,
}

/// The traffic of one direction of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Traffic {
    /// Frames of every kind.
    pub frames: u64,
    /// Bytes of their payloads.
    pub bytes: u64,
}

impl Request<'_> {
    /// Appends its line.
    pub fn write(&self, format: Format, line: &mut Vec<u8>) {
        match format {
            Format::Text => text::request(self, line),
            Format::Json => json::request(self, line),
        }
    }
}

impl Session<'_> {
    /// Appends its line.
    pub fn write(&self, format: Format, line: &mut Vec<u8>) {
        match format {
            Format::Text => text::session(self, line),
            Format::Json => json::session(self, line),
        }
    }
}

#[cfg(test)]
mod tests;
