//! Header rules, case by case.

use super::*;

fn map(fields: &[(&str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers.append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
    }
    headers
}

#[test]
fn connection_and_what_it_names_stay_behind() {
    let mut headers = map(&[
        ("connection", "keep-alive, X-Private"),
        ("connection", "close, host"),
        ("x-private", "1"),
        ("keep-alive", "timeout=5"),
        ("te", "gzip"),
        ("transfer-encoding", "chunked"),
        ("content-length", "5"),
        ("upgrade", "h2c"),
        ("proxy-connection", "close"),
        ("host", "demo"),
        ("x-public", "2"),
    ]);
    strip_hop_by_hop(&mut headers);
    assert_eq!(headers, map(&[("host", "demo"), ("x-public", "2")]));
}

#[test]
fn trailers_are_asked_for_anew() {
    let mut headers = map(&[("te", "deflate, Trailers"), ("connection", "TE")]);
    strip_hop_by_hop(&mut headers);
    assert_eq!(headers, map(&[("te", "trailers"), ("connection", "te")]));
}

#[test]
fn upgrade_is_found_in_token_lists() {
    let yes = map(&[("connection", "keep-alive, Upgrade"), ("upgrade", "WebSocket")]);
    let get = |version, headers: &HeaderMap| asks_websocket(&Method::GET, version, headers);
    assert!(get(Version::HTTP_11, &yes));
    assert!(!get(Version::HTTP_10, &yes));
    assert!(!asks_websocket(&Method::POST, Version::HTTP_11, &yes));
    let split =
        map(&[("connection", "x"), ("connection", "UPGRADE"), ("upgrade", "h2c, websocket")]);
    assert!(get(Version::HTTP_11, &split));
    assert!(!get(Version::HTTP_11, &map(&[("connection", "upgraded"), ("upgrade", "websocket")])));
    assert!(!get(Version::HTTP_11, &map(&[("upgrade", "websocket")])));
}

#[test]
fn forwarded_is_replaced_or_continued() {
    let peer = Peer::new("2001:db8::1".parse().unwrap());
    let hop = |trusted| Hop { peer: &peer, trusted, scheme: "http", host: Some("demo:8080") };
    let claimed = map(&[
        ("x-forwarded-for", "1.2.3.4"),
        ("x-forwarded-for", "5.6.7.8"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-prefix", "/evil"),
        ("x_forwarded_for", "6.6.6.6"),
        ("x-real-ip", "6.6.6.6"),
        ("forwarded", "for=1.2.3.4"),
    ]);
    let mut headers = claimed.clone();
    add_forwarded(&mut headers, hop(false));
    let own = "for=\"[2001:db8::1]\";host=\"demo:8080\";proto=http";
    assert_eq!(headers["x-forwarded-for"], "2001:db8::1");
    assert_eq!(headers["x-forwarded-proto"], "http");
    assert_eq!(headers["x-forwarded-host"], "demo:8080");
    assert_eq!(headers["forwarded"], own);
    assert_eq!(headers.len(), 4, "no other claim remains: {headers:?}");

    let mut headers = claimed;
    add_forwarded(&mut headers, hop(true));
    assert_eq!(headers["x-forwarded-for"], "1.2.3.4, 5.6.7.8, 2001:db8::1");
    assert_eq!(headers.get_all("x-forwarded-for").iter().count(), 1);
    assert_eq!(headers["x-forwarded-proto"], "https");
    assert_eq!(headers["x-forwarded-host"], "demo:8080");
    assert_eq!(headers["forwarded"], format!("for=1.2.3.4, {own}"));
    assert_eq!(headers["x-real-ip"], "6.6.6.6");
    assert!(!headers.contains_key("x_forwarded_for"), "no peer is trusted with that");
}

#[test]
fn look_alikes_are_known_in_any_mix() {
    let like = |name: &'static str| is_look_alike(&HeaderName::from_static(name));
    for name in [
        "x_forwarded_for",
        "x-forwarded_for",
        "x_forwarded-anything",
        "x_real-ip",
        "content_length",
        "transfer_encoding",
        "cdn_loop",
        "x_ebbtide_reason",
        "x.forwarded.uri",
        "x!forwarded!for",
        "x-forwarded~for",
        "x'real|ip",
        "content.length",
    ] {
        assert!(like(name), "{name}");
    }
    for name in [
        "x-forwarded-for",
        "x_private",
        "x-forwarded",
        "x.private",
        "session_id",
        "content_length_2",
    ] {
        assert!(!like(name), "{name}");
    }
}

#[test]
fn a_request_that_names_no_host_says_nothing_of_one() {
    let mut headers = HeaderMap::new();
    let peer = Peer::new("192.0.2.1".parse().unwrap());
    add_forwarded(&mut headers, Hop { peer: &peer, trusted: false, scheme: "http", host: None });
    assert_eq!(headers["forwarded"], "for=192.0.2.1;proto=http");
    assert!(!headers.contains_key("x-forwarded-host"));
}
