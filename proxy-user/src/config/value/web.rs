//! What HTTP defines: URLs, methods and bodies for control planes, paths and path prefixes.

use http::uri::PathAndQuery;
use http::{Method, Uri};

use super::template::{is_json, placeholders};
use crate::toml_file::{Fixed, Kind, ValueError, quote, quote_url};

/// The placeholder for an app's name in a URL.
pub(in super::super) const APP: &str = "{app}";

pub(in super::super) const URL: Fixed<String> =
    Kind { wants: "a URL", example: "\"http://control.internal/apps/{app}\"", parse: url };

/// A URL without placeholders.
pub(in super::super) const SERVICE: Fixed<String> =
    Kind { wants: "a URL", example: "\"http://auth.internal/verify\"", parse: service };

pub(in super::super) const METHOD: Fixed<Method> =
    Kind { wants: "an HTTP method", example: "\"PATCH\"", parse: method };

pub(in super::super) const PREFIX: Fixed<String> =
    Kind { wants: "a path", example: "\"/\"", parse: prefix };

pub(in super::super) const TARGET: Fixed<String> =
    Kind { wants: "a path", example: "\"/healthz\"", parse: target };

pub(in super::super) const BODY: Fixed<String> =
    Kind { wants: "JSON", example: "'{\"wanted\":\"running\"}'", parse: body };

fn url(text: &str) -> Result<String, ValueError> {
    let wrong = |why: &str, fix: &str| ValueError::new(format!("{} {why}", quote_url(text)), fix);
    let form = "write a URL such as \"http://control.internal/apps/{app}\"";
    let scheme = text.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase());
    if !matches!(scheme.as_deref(), Some("http" | "https")) {
        return Err(wrong("is neither http nor https", form));
    }
    // Any app name will do here: all consist of the same harmless characters.
    let sample = text.replace(APP, "app");
    if sample.contains(['{', '}']) {
        return Err(wrong("has a placeholder that is not known", "the only one is {app}"));
    }
    let uri: Uri = sample.parse().map_err(|_| wrong("is not a URL", form))?;
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    if authority.contains('@') {
        return Err(wrong("carries a password", "leave it out and use `token_file`"));
    }
    let place = text.split("://").nth(1).and_then(|rest| rest.split(['/', '?']).next());
    if place.is_some_and(|place| place.contains(APP)) {
        return Err(wrong("has {app} in its host", "move it into the path or query"));
    }
    Ok(text.to_owned())
}

fn service(text: &str) -> Result<String, ValueError> {
    let form = "write a URL such as \"http://auth.internal/verify\"";
    let text = url(text).map_err(|error| ValueError::new(error.why, form))?;
    if text.contains(APP) {
        return Err(ValueError::new(format!("{} has a placeholder", quote_url(&text)), form));
    }
    Ok(text)
}

fn method(text: &str) -> Result<Method, ValueError> {
    let form = "write a method such as \"PATCH\", \"POST\" or \"PUT\"";
    let wrong = |why: &str, fix: &str| ValueError::new(format!("{} {why}", quote(text)), fix);
    let method =
        Method::from_bytes(text.as_bytes()).map_err(|_| wrong("is no HTTP method", form))?;
    // RFC 9110 section 9.1: methods are case-sensitive, so this would be an unknown method.
    if text != text.to_ascii_uppercase() {
        let upper = format!("write \"{}\"", text.to_ascii_uppercase());
        return Err(wrong("is in lower case", &upper));
    }
    if method == Method::CONNECT || method == Method::TRACE {
        return Err(wrong("cannot be used here", form));
    }
    Ok(method)
}

/// A request target: a path, optionally with a query.
fn target(text: &str) -> Result<String, ValueError> {
    let wrong = |why: &str, fix: &str| ValueError::new(format!("{} {why}", quote_url(text)), fix);
    if !text.starts_with('/') || text.starts_with("//") {
        return Err(wrong("does not start with one /", "write a path such as \"/healthz\""));
    }
    let plain = text.bytes().all(|byte| byte.is_ascii_graphic()) && !text.contains('#');
    if !plain || text.parse::<PathAndQuery>().is_err() {
        return Err(wrong("has characters that no path has", "write it percent-encoded"));
    }
    Ok(text.to_owned())
}

/// The body of a request to a control plane: JSON, with `{app}`.
fn body(text: &str) -> Result<String, ValueError> {
    if let Some(unknown) = placeholders(text).find(|found| *found != APP) {
        let why = format!("{} is no placeholder", quote(unknown));
        return Err(ValueError::new(why, "the only one is {app}"));
    }
    is_json(&text.replace(APP, "app")).map(|()| text.to_owned())
}

/// A prefix in whole segments, kept without a trailing slash.
pub(super) fn prefix(text: &str) -> Result<String, ValueError> {
    let wrong = |why: &str, fix: &str| ValueError::new(format!("{} {why}", quote(text)), fix);
    if !text.starts_with('/') {
        return Err(wrong("does not start with /", "write \"/\" or \"/some/prefix\""));
    }
    if text.contains(['?', '#', '*', '\\']) || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(wrong(
            "has characters that no path has",
            "write the path as a request carries it, percent-encoded, without query or pattern",
        ));
    }
    let plain = text.trim_end_matches('/');
    if plain.split('/').skip(1).any(|segment| matches!(segment, "" | "." | "..")) {
        return Err(wrong("has an empty, \".\" or \"..\" segment", "leave that segment out"));
    }
    Ok(if plain.is_empty() { "/".to_owned() } else { plain.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls() {
        for text in ["http://c/apps/{app}", "https://c:1/x?a={app}", "http://c", "HTTP://[::1]/"] {
            assert_eq!(url(text).as_deref(), Ok(text));
        }
        for text in ["", "c/x", "ftp://c", "http://", "http://c/{name}", "http://c/{", "http://a b"]
        {
            assert!(url(text).is_err(), "{text}");
        }
        assert!(url("http://u:p@c/").unwrap_err().why.contains("password"));
        assert!(url("http://{app}.c/").unwrap_err().why.contains("host"));
        assert!(service("https://auth.internal:9091/api/authz/forward-auth?x=1").is_ok());
        for text in ["auth.internal", "http://u:p@a/", "http://a/{app}", "unix:/run/auth"] {
            assert!(service(text).is_err(), "{text}");
        }
    }

    #[test]
    fn methods() {
        assert_eq!(method("PATCH"), Ok(Method::PATCH));
        assert!(method("REPORT").is_ok());
        for text in ["", "PA TCH", "patch", "CONNECT", "TRACE", "é"] {
            assert!(method(text).is_err(), "{text}");
        }
    }

    #[test]
    fn targets_and_bodies() {
        for text in ["/", "/api/kernels?x=1", "/a%20b"] {
            assert_eq!(target(text).as_deref(), Ok(text));
        }
        for text in ["", "a", "//a", "http://a/", "/a b", "/a#b", "/é"] {
            assert!(target(text).is_err(), "{text}");
        }
        assert!(body("{\"app\":\"{app}\",\"on\":true}").is_ok());
        for text in ["", "on", "{\"app\":{app}}", "{\"a\":\"{name}\"}"] {
            assert!(body(text).is_err(), "{text}");
        }
    }

    #[test]
    fn prefixes() {
        for (text, read) in [("/", "/"), ("/a", "/a"), ("/a/b/", "/a/b"), ("/a%20b", "/a%20b")] {
            assert_eq!(prefix(text).as_deref(), Ok(read), "{text}");
        }
        for text in ["", "a", "/a?b", "/a b", "/é", "/a//b", "/a/../b", "/*", "//a"] {
            assert!(prefix(text).is_err(), "{text}");
        }
    }
}
