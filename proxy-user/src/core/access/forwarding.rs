//! The header fields of `forward_auth`: those that are sent to the authentication service, and those of its
//! answer that go to the app and to the client.

use std::net::IpAddr;

use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::uri::Authority;
use http::{Method, StatusCode, Uri};

use super::allow::forwarded_from;
use crate::core::headers::{alike, strip_answer, strip_hop_by_hop};

const METHOD: HeaderName = HeaderName::from_static("x-forwarded-method");
const URI: HeaderName = HeaderName::from_static("x-forwarded-uri");
const HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
const FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const REAL_IP: HeaderName = HeaderName::from_static("x-real-ip");

/// Fields of a request that are about its body, its connection, or the app's resource. With `If-None-Match`
/// the service might answer 304 in place of 2xx.
const NOT_ASKED: [HeaderName; 17] = [
    header::HOST,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::CONTENT_ENCODING,
    header::CONTENT_LANGUAGE,
    header::CONTENT_LOCATION,
    header::CONTENT_RANGE,
    header::EXPECT,
    header::TE,
    header::RANGE,
    header::IF_MATCH,
    header::IF_NONE_MATCH,
    header::IF_MODIFIED_SINCE,
    header::IF_UNMODIFIED_SINCE,
    header::IF_RANGE,
    header::SEC_WEBSOCKET_KEY,
    header::SEC_WEBSOCKET_EXTENSIONS,
];

/// Fields in which other proxies tell a service the original request. A service that believes them must not get
/// them from a client.
const OTHER_ORIGINALS: [&str; 4] =
    ["x-original-url", "x-original-uri", "x-original-method", "x-rewrite-url"];

/// Removes the fields that only the authentication service may set, also in spellings that some apps cannot tell
/// apart: see [`alike`].
pub fn strip_trusted(headers: &mut HeaderMap, trusted: &[HeaderName]) {
    let is_trusted =
        |name: &HeaderName| trusted.iter().any(|trusted| alike(name.as_str(), trusted.as_str()));
    let found: Vec<HeaderName> = headers.keys().filter(|name| is_trusted(name)).cloned().collect();
    for name in found {
        headers.remove(name);
    }
}

/// The header fields of a question. `headers`: those of the request as the app will see it, with the
/// `X-Forwarded-*` fields of this proxy, but before [`strip_trusted`]. `client`: whom it comes from.
///
/// The service decides about the host that the request was routed by, and about this client. What proxies before
/// this one say of them is at most what the client has told them.
#[must_use]
pub fn question(
    method: &Method,
    uri: &Uri,
    client: IpAddr,
    headers: &HeaderMap,
    trusted: &[HeaderName],
) -> HeaderMap {
    let mut asked = headers.clone();
    // These identify the client to the service, even if the service also sets them for the app.
    let own = |name: &HeaderName| [header::AUTHORIZATION, header::COOKIE].contains(name);
    let others: Vec<_> = trusted.iter().filter(|name| !own(name)).cloned().collect();
    strip_trusted(&mut asked, &others);
    strip_hop_by_hop(&mut asked);
    // `strip_hop_by_hop` may have set it.
    asked.remove(header::CONNECTION);
    for name in NOT_ASKED {
        asked.remove(name);
    }
    asked.remove(header::SEC_WEBSOCKET_VERSION);
    let is_other =
        |name: &HeaderName| OTHER_ORIGINALS.iter().any(|other| alike(name.as_str(), other));
    let found: Vec<HeaderName> = asked.keys().filter(|name| is_other(name)).cloned().collect();
    for name in found {
        asked.remove(name);
    }
    // `OPTIONS *` goes to the app with this path.
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    let target = if target == "*" { "/" } else { target };
    let real_ip = asked.contains_key(REAL_IP).then(|| client.to_string());
    for (name, value) in [
        (METHOD, Some(method.as_str())),
        (URI, Some(target)),
        (HOST, headers.get(header::HOST).and_then(routed_host).as_deref()),
        (FOR, Some(&*forwarded_from(client, headers))),
        (REAL_IP, real_ip.as_deref()),
        (header::FORWARDED, None),
    ] {
        asked.remove(&name);
        if let Some(Ok(value)) = value.map(HeaderValue::from_str) {
            asked.insert(name, value);
        }
    }
    asked
}

/// A host and port in the one spelling that a rule of the service has.
fn routed_host(field: &HeaderValue) -> Option<String> {
    let authority: Authority = field.to_str().ok()?.parse().ok()?;
    let (host, port) = authority.as_str().split_at(authority.host().len());
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    Some(host + port)
}

/// The header fields for the app, from an answer that lets the request pass.
#[must_use]
pub fn told(answer: &HeaderMap, trusted: &[HeaderName]) -> Vec<(HeaderName, HeaderValue)> {
    let mut told = Vec::new();
    for name in trusted {
        told.extend(answer.get_all(name).iter().map(|value| (name.clone(), value.clone())));
    }
    told
}

/// The header fields of an answer that goes to the client in place of the app's.
pub fn refusal(status: StatusCode, headers: &mut HeaderMap) {
    strip_answer(status, headers);
    for name in [header::CONTENT_LENGTH, header::TRAILER, header::UPGRADE, header::CONNECTION] {
        headers.remove(name);
    }
    let own = |name: &&HeaderName| name.as_str().starts_with("x-ebbtide-");
    let found: Vec<HeaderName> = headers.keys().filter(own).cloned().collect();
    for name in found {
        headers.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn map(fields: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in fields {
            headers
                .append(HeaderName::from_bytes(name.as_bytes()).unwrap(), value.parse().unwrap());
        }
        headers
    }

    fn names(headers: &HeaderMap) -> Vec<&str> {
        let mut names: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        names
    }

    fn trusted(names: &[&str]) -> Vec<HeaderName> {
        names.iter().map(|name| HeaderName::from_bytes(name.as_bytes()).unwrap()).collect()
    }

    #[test]
    fn nobody_else_sets_a_trusted_field() {
        let mut headers = map(&[
            ("X-User", "1"),
            ("x_user", "2"),
            ("X.User", "3"),
            ("X-User", "4"),
            ("x-user-name", "5"),
            ("xuser", "6"),
        ]);
        strip_trusted(&mut headers, &trusted(&["x-user"]));
        assert_eq!(names(&headers), ["x-user-name", "xuser"]);
        let mut headers = map(&[("X-User", "1")]);
        strip_trusted(&mut headers, &trusted(&["x_user"]));
        assert!(headers.is_empty());
    }

    proptest! {
        /// Any spelling that differs only in case, or in characters other than letters and digits, is removed.
        #[test]
        fn no_spelling_gets_through(
            name in "[a-z0-9]{1,4}(-[a-z0-9]{1,4}){0,3}",
            marks in prop::collection::vec("[-_.!#$%&'*+^`|~]", 4),
            upper in any::<bool>(),
        ) {
            let mut marks = marks.into_iter();
            let spelt: String = name.chars().map(|letter| match letter {
                '-' => marks.next().unwrap(),
                letter if upper => letter.to_ascii_uppercase().to_string(),
                letter => letter.to_string(),
            }).collect();
            let mut headers = map(&[(&spelt, "1")]);
            strip_trusted(&mut headers, &trusted(&[&name]));
            prop_assert!(headers.is_empty(), "{} {}", name, spelt);
        }
    }

    #[test]
    fn the_question_is_about_the_request() {
        let headers = map(&[
            ("host", "A.test.:81"),
            ("x-forwarded-host", "public.test"),
            ("forwarded", "for=192.0.2.1;host=public.test"),
            ("x-real-ip", "192.0.2.1"),
            ("cookie", "s=1"),
            ("authorization", "Bearer t"),
            ("accept", "text/html"),
            ("content-length", "7"),
            ("content-type", "text/plain"),
            ("if-none-match", "\"x\""),
            ("range", "bytes=0-1"),
            ("upgrade", "websocket"),
            ("connection", "upgrade, x-hop"),
            ("x-hop", "1"),
            ("sec-websocket-key", "k"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-protocol", "p"),
            ("x-forwarded-method", "DELETE"),
            ("x-forwarded-uri", "/public"),
            ("x-forwarded-for", "192.0.2.1, 203.0.113.9, 10.0.0.1"),
            ("x_original_url", "/public"),
            ("x-user", "root"),
        ]);
        let uri = "/a?b=c".parse().unwrap();
        let client = "203.0.113.9".parse().unwrap();
        let trusted = trusted(&["x-user", "authorization"]);
        let asked = question(&Method::POST, &uri, client, &headers, &trusted);
        let expected = [
            "accept",
            "authorization",
            "cookie",
            "sec-websocket-protocol",
            "x-forwarded-for",
            "x-forwarded-host",
            "x-forwarded-method",
            "x-forwarded-uri",
            "x-real-ip",
        ];
        assert_eq!(names(&asked), expected);
        assert_eq!(asked[METHOD], "POST");
        assert_eq!(asked[URI], "/a?b=c");
        assert_eq!(asked[HOST], "a.test:81");
        assert_eq!(asked[FOR], "203.0.113.9, 10.0.0.1");
        assert_eq!(asked[REAL_IP], "203.0.113.9");
    }

    #[test]
    fn the_app_is_told_what_the_service_says() {
        let answer =
            map(&[("x-user", "ann"), ("x-groups", "a"), ("x-groups", "b"), ("x-other", "1")]);
        let told = told(&answer, &trusted(&["x-user", "x-groups", "x-mail"]));
        let told: Vec<_> =
            told.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
        assert_eq!(told, [("x-user", "ann"), ("x-groups", "a"), ("x-groups", "b")]);
    }

    #[test]
    fn a_refusal_keeps_what_is_for_the_client() {
        let mut headers = map(&[
            ("location", "https://sso.test/"),
            ("set-cookie", "a=b"),
            ("set-cookie", "c=d"),
            ("www-authenticate", "Basic"),
            ("content-length", "3"),
            ("content-type", "text/html"),
            ("connection", "close, x-hop"),
            ("x-hop", "1"),
            ("x-ebbtide-reason", "x"),
        ]);
        refusal(StatusCode::FOUND, &mut headers);
        assert_eq!(names(&headers), ["content-type", "location", "set-cookie", "www-authenticate"]);
    }
}
