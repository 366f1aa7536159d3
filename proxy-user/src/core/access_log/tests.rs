use std::net::Ipv4Addr;

use http::HeaderValue;
use proptest::prelude::*;
use serde_json::Value;

use super::*;

fn head(path: &str, fields: &[(&'static str, &[u8])]) -> Head {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers.append(*name, HeaderValue::from_bytes(value).unwrap());
    }
    Head::of(&Method::GET, &path.parse().unwrap(), Version::HTTP_11, &headers)
}

fn request<'a>(head: Option<&'a Head>) -> Request<'a> {
    Request {
        at: Timestamp::from_millisecond(1_769_860_800_123).unwrap(),
        client: Some(Ipv4Addr::LOCALHOST.into()),
        head,
        status: 200,
        bytes: 12,
        complete: true,
        app: Some("demo"),
        state: Some("suspended"),
        reason: None,
        wake: Some(Duration::from_millis(1500)),
        took: Some(Duration::from_micros(2_000_042)),
    }
}

fn session<'a>(path: &'a Path, app: &'a str) -> Session<'a> {
    Session {
        at: Timestamp::from_millisecond(1_769_860_800_123).unwrap(),
        id: 17,
        client: None,
        path,
        app,
        state: "running",
        cause: "client-stalled",
        took: Duration::from_secs(3600),
        input: Traffic { frames: 3, bytes: 120 },
        output: Traffic { frames: 4, bytes: 9000 },
    }
}

fn line(write: impl Fn(Format, &mut Vec<u8>), format: Format) -> String {
    let mut line = Vec::new();
    write(format, &mut line);
    String::from_utf8(line).unwrap()
}

#[test]
fn a_request_is_a_line_of_the_combined_format() {
    let head = head(
        "/page?token=s3cret",
        &[
            ("host", b"demo.test"),
            ("referer", b"http://ann:s3cret@a.test/x/@me?code=s3cret#s3cret"),
            ("user-agent", b"Mozilla/5.0 \"\\\xc3\xa9"),
            ("cookie", b"s3cret"),
            ("authorization", b"Bearer s3cret"),
        ],
    );
    let request = request(Some(&head));
    assert_eq!(
        line(|format, line| request.write(format, line), Format::Text),
        "127.0.0.1 - - [31/Jan/2026:12:00:00 +0000] \"GET /page HTTP/1.1\" 200 12 \
         \"http://a.test/x/@me\" \"Mozilla/5.0 \\x22\\x5C\\xC3\\xA9\" host=\"demo.test\" \
         app=\"demo\" state=suspended reason=- wake=1.500000 time=2.000042 end=complete\n"
    );
    assert_eq!(
        line(|format, line| request.write(format, line), Format::Json),
        "{\"time\":\"2026-01-31T12:00:00.123Z\",\"kind\":\"request\",\"client\":\"127.0.0.1\",\
         \"method\":\"GET\",\"path\":\"/page\",\"protocol\":\"HTTP/1.1\",\"host\":\"demo.test\",\
         \"referer\":\"http://a.test/x/@me\",\"user_agent\":\"Mozilla/5.0 \\\"\\\\\\u00e9\",\
         \"status\":200,\"bytes\":12,\"complete\":true,\"app\":\"demo\",\"state\":\"suspended\",\
         \"wake_seconds\":1.500000,\"seconds\":2.000042}\n"
    );
}

#[test]
fn a_session_is_a_line_of_the_same_form() {
    let path = Path::shown("/stream");
    let session = session(&path, "demo");
    assert_eq!(
        line(|format, line| session.write(format, line), Format::Text),
        "- - - [31/Jan/2026:12:00:00 +0000] \"SESSION /stream -\" 101 9000 \"-\" \"-\" session=17 \
         app=\"demo\" state=running cause=client-stalled time=3600.000000 in_frames=3 in_bytes=120 \
         out_frames=4 out_bytes=9000\n"
    );
    assert_eq!(
        line(|format, line| session.write(format, line), Format::Json),
        "{\"time\":\"2026-01-31T12:00:00.123Z\",\"kind\":\"session\",\"session\":17,\
         \"path\":\"/stream\",\"app\":\"demo\",\"state\":\"running\",\"cause\":\"client-stalled\",\
         \"seconds\":3600.000000,\"input\":{\"frames\":3,\"bytes\":120},\
         \"output\":{\"frames\":4,\"bytes\":9000}}\n"
    );
}

#[test]
fn what_could_not_be_read_has_a_line_too() {
    let request = Request {
        status: 400,
        app: None,
        state: None,
        reason: Some("bad-request"),
        wake: None,
        took: None,
        complete: false,
        ..request(None)
    };
    assert_eq!(
        line(|format, line| request.write(format, line), Format::Text),
        "127.0.0.1 - - [31/Jan/2026:12:00:00 +0000] \"-\" 400 12 \"-\" \"-\" host=\"-\" app=\"-\" \
         state=- reason=bad-request wake=- time=- end=cut\n"
    );
}

#[test]
fn credentials_are_taken_off_wherever_they_stand() {
    for (value, shown) in [
        ("https://a.test", "https://a.test"),
        ("https://ann:pw@a.test", "https://a.test"),
        ("https://ann:p@w@a.test/?a=/@b", "https://a.test/"),
        ("ann:pw@a.test/x", "a.test/x"),
        ("//ann:pw@a.test/x", "//a.test/x"),
        ("#ann", ""),
    ] {
        assert_eq!(ClientText::referrer(value.as_bytes()), ClientText::shown(shown.as_bytes()));
    }
    assert_eq!(ClientText::host(b"ann:pw@a.test:80"), ClientText::shown(b"a.test:80"));
}

/// The number of quotes in a line of text is fixed: no value can end early.
const QUOTES: usize = 10;

fn is_printable(line: &str) -> bool {
    !line.chars().any(char::is_control)
}

proptest! {
    #[test]
    fn whatever_is_sent_is_one_line(
        path in any::<String>(),
        app in any::<String>(),
        values in prop::array::uniform4(prop::collection::vec(any::<u8>(), 0..300)),
    ) {
        let [method, host, referrer, user_agent] = values;
        let head = Head {
            method: ClientText::shown(&method),
            path: Path::shown(&path),
            protocol: "HTTP/1.1",
            host: Some(ClientText::host(&host)),
            referrer: Some(ClientText::referrer(&referrer)),
            user_agent: Some(ClientText::shown(&user_agent)),
        };
        let app: String = app.chars().take(63).collect();
        let request = Request { app: Some(&app), ..request(Some(&head)) };
        let session = session(&head.path, &app);
        for write in [
            &(|format, line: &mut Vec<u8>| request.write(format, line)) as &dyn Fn(Format, &mut Vec<u8>),
            &|format, line| session.write(format, line),
        ] {
            let text = line(write, Format::Text);
            let bare = text.strip_suffix('\n').unwrap();
            prop_assert!(is_printable(bare) && text.len() <= LONGEST, "{}", text);
            let quotes = bare.matches('"').count() - bare.matches("\\\"").count();
            prop_assert!(quotes == QUOTES || quotes == QUOTES - 2, "{}", text);
            let json = line(write, Format::Json);
            let bare = json.strip_suffix('\n').unwrap();
            prop_assert!(bare.is_ascii() && is_printable(bare) && json.len() <= LONGEST, "{}", json);
            let parsed: Value = serde_json::from_str(bare).unwrap();
            prop_assert_eq!(parsed["app"].as_str(), Some(&*app));
            prop_assert_eq!(parsed["path"].as_str(), Some(head.path.as_str()));
        }
    }

    #[test]
    fn no_query_is_shown(before in "[a-z/:.@]{0,40}", query in "[A-Z0-9?#@/:]{1,40}") {
        for mark in ["?", "#"] {
            let sent = format!("{before}{mark}{query}");
            let mut shown = Vec::new();
            ClientText::referrer(sent.as_bytes()).write_text(&mut shown);
            prop_assert!(!shown.iter().any(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()));
        }
    }
}
