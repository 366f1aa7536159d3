//! `kind = "http"`: what a control plane may do, and what becomes of the app's state then.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail")]

mod harness;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ebbtide::config::{self, Config};
use ebbtide::core::lifecycle::Observed;
use ebbtide::drivers::http::HttpDriver;
use ebbtide::drivers::{Driver, DriverError};
use harness::app::{App, HttpApp};
use harness::http::Message;
use harness::scratch::Scratch;
use harness::wait::PATIENCE;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// The driver of this `[app.driver]`.
fn driver(lines: &str) -> HttpDriver {
    let text = format!(
        "[[app]]\nname = \"demo\"\nupstream = \"http://127.0.0.1:1\"\n[app.driver]\nkind = \"http\"\n{lines}\n"
    );
    let parsed = Config::parse(&text, "t.toml".as_ref()).unwrap();
    let Some(config::Driver::Http(driver)) = parsed.config.apps[0].driver.clone() else {
        panic!("{text}")
    };
    HttpDriver::new("demo", *driver)
}

fn answer(status: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes()
}

fn state(word: &str) -> Vec<u8> {
    answer("200 OK", &format!("{{\"state\":\"{word}\"}}"))
}

/// A control plane with the shape that Ebbtide expects, whose app does what it is told.
struct ControlPlane {
    app: HttpApp,
    state: Arc<Mutex<&'static str>>,
}

impl ControlPlane {
    fn start() -> ControlPlane {
        let state = Arc::new(Mutex::new("suspended"));
        let told = Arc::clone(&state);
        let app = HttpApp::start(move |request| {
            let mut state = told.lock().unwrap();
            match request.head.start.as_str() {
                "GET /apps/demo HTTP/1.1" => return self::state(&state),
                "POST /apps/demo/wake HTTP/1.1" => *state = "running",
                "POST /apps/demo/suspend HTTP/1.1" => *state = "suspended",
                other => return answer("404 Not Found", other),
            }
            answer("202 Accepted", "")
        });
        ControlPlane { app, state }
    }

    fn url(&self) -> String {
        format!("url = \"http://{}/apps/{{app}}\"", self.app.address())
    }

    fn is(&self, state: &'static str) {
        *self.state.lock().unwrap() = state;
    }
}

/// A control plane that answers each request by a function.
fn control_plane(
    answer: impl Fn(&Message) -> Vec<u8> + Send + Sync + 'static,
) -> (HttpApp, String) {
    let app = HttpApp::start(answer);
    let url = format!("url = \"http://{}\"\nstop_timeout = \"1s\"", app.address());
    (app, url)
}

fn said<T>(result: Result<T, DriverError>) -> String {
    result.err().expect("it failed").to_string()
}

#[tokio::test]
async fn the_default_shape() {
    let plane = ControlPlane::start();
    let driver = driver(&plane.url());
    assert_eq!(driver.observe().await.unwrap(), Observed::Suspended);
    driver.start().await.unwrap();
    assert_eq!(driver.observe().await.unwrap(), Observed::Running);
    driver.stop().await.unwrap();
    assert_eq!(driver.observe().await.unwrap(), Observed::Suspended);
    for (word, observed) in [("starting", Observed::Starting), ("disabled", Observed::Disabled)] {
        plane.is(word);
        assert_eq!(driver.observe().await.unwrap(), observed);
    }
    assert!(driver.look_every().is_some());
    let requests = plane.app.requests();
    assert!(requests.iter().all(|request| request.head.get("authorization").is_none()));
}

#[tokio::test]
async fn a_shape_of_its_own_with_a_token_that_changes() {
    let scratch = Scratch::new();
    let token = scratch.file("token", "first\n");
    let running = Arc::new(Mutex::new(false));
    let told = Arc::clone(&running);
    let app = HttpApp::start(move |request| {
        let mut running = told.lock().unwrap();
        match request.head.method() {
            "PATCH" => *running = String::from_utf8_lossy(&request.body).contains("\"Running\""),
            _ => {
                let word = if *running { "Running" } else { "Stopping" };
                return answer(
                    "200 OK",
                    &format!("{{\"status\":{{\"currentState\":\"{word}\"}}}}"),
                );
            }
        }
        answer("200 OK", "{}")
    });
    let at = app.address();
    let driver = driver(&format!(
        "token_file = {:?}\ntoken_header = \"X-Api-Key\"\n\
         state = {{ url = \"http://{at}/v2/{{app}}?full\", pointer = \"/status/currentState\", running = \"Running\", suspended = [\"Stopped\", \"Stopping\"] }}\n\
         wake = {{ method = \"PATCH\", url = \"http://{at}/v2\", body = '{{\"app\":\"{{app}}\",\"wanted\":\"Running\"}}' }}\n\
         suspend = {{ method = \"PATCH\", url = \"http://{at}/v2\", body = '{{\"app\":\"{{app}}\",\"wanted\":\"Stopped\"}}' }}",
        token.display().to_string()
    ));
    driver.start().await.unwrap();
    assert_eq!(driver.observe().await.unwrap(), Observed::Running);
    let requests = app.requests();
    assert_eq!(requests[0].head.start, "PATCH /v2 HTTP/1.1");
    assert_eq!(requests[0].body, br#"{"app":"demo","wanted":"Running"}"#);
    assert_eq!(requests[0].head.get("content-type"), Some("application/json"));
    assert_eq!(requests[1].head.start, "GET /v2/demo?full HTTP/1.1");
    assert!(requests.iter().all(|request| request.head.get("x-api-key") == Some("first")));
    std::fs::write(&token, "second\n").unwrap();
    driver.stop().await.unwrap();
    assert_eq!(app.last().head.get("x-api-key"), Some("second"));
    std::fs::remove_file(&token).unwrap();
    let before = app.requests().len();
    let error = said(driver.observe().await);
    assert!(error.contains("token file"), "{error}");
    assert_eq!(app.requests().len(), before, "nothing is asked without the token");
    let shown = format!("{driver:?}");
    assert!(!shown.contains("second") && !shown.contains("full"), "{shown}");
}

/// Each fault of a control plane, and the words that tell it. None of them is a state.
#[tokio::test]
async fn what_tells_no_state_is_an_error_and_wishes_fail() {
    let huge = format!("{{\"state\":\"running\",\"x\":\"{}\"}}", "x".repeat(1 << 20));
    let faults: Vec<(&str, Vec<u8>, &str)> = vec![
        ("500", answer("500 Internal Server Error", "{\"state\":\"suspended\"}"), "500"),
        ("404", answer("404 Not Found", "{\"state\":\"suspended\"}"), "404"),
        ("401", answer("401 Unauthorized", ""), "token_file"),
        (
            "redirect",
            b"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n".to_vec(),
            "redirects are not followed",
        ),
        ("not modified", b"HTTP/1.1 304 Not Modified\r\n\r\n".to_vec(), "304"),
        ("no HTTP", b"220 mail.example ESMTP\r\n".to_vec(), "failed"),
    ];
    for (fault, bytes, words) in faults {
        let (plane, url) = control_plane(move |_| bytes.clone());
        let driver = driver(&url);
        let looked = said(driver.observe().await);
        assert!(looked.contains(words), "{fault}: {looked}");
        assert!(looked.contains("GET \"http://127.0.0.1"), "{fault}: {looked}");
        let (started, stopped) = (said(driver.start().await), said(driver.stop().await));
        assert!(started.contains(words) && stopped.contains(words), "{fault}: {started} {stopped}");
        let asked = plane.requests();
        assert!(asked.iter().all(|request| request.head.target() != "/elsewhere"), "{fault}");
    }
    // Garbage where a wish needs no more than 2xx.
    for (body, words) in [
        ("", "no JSON"),
        ("<html>", "no JSON"),
        ("{\"status\":\"running\"}", "nothing at \"/state\""),
        ("{\"state\":\"RUNNING\"}", "does not know"),
        ("{\"state\":{}}", "no word"),
        (huge.as_str(), "more than 64 KiB"),
    ] {
        let bytes = answer("200 OK", body);
        let (_plane, url) = control_plane(move |_| bytes.clone());
        let driver = driver(&url);
        let error = said(driver.observe().await);
        assert!(error.contains(words) && error.len() < 500, "{body:.40}: {error}");
        driver.start().await.unwrap();
        let error = said(driver.stop().await);
        assert!(error.contains("was told to stop") && error.contains(words), "{body:.40}: {error}");
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off() {
    for answer in
        ["", "HTTP/1.1 200 OK\r\nContent-", "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"]
    {
        let plane = App::listen().serve(move |mut wire| {
            Message::read_request(&mut wire);
            wire.send(answer);
        });
        let error = said(driver(&format!("url = \"http://{}\"", plane.address)).observe().await);
        assert!(error.contains("failed") || error.contains("broke off"), "{answer:?}: {error}");
    }
}

#[tokio::test]
async fn nobody_there_and_there_again() {
    let address = App::listen().address();
    let driver = driver(&format!(
        "url = \"http://{address}/?key=s3cret\"\nwake.url = \"http://{address}/?key=s3cret\"\nsuspend.url = \"http://{address}/?key=s3cret\""
    ));
    for error in
        [said(driver.observe().await), said(driver.start().await), said(driver.stop().await)]
    {
        assert!(error.contains("failed") && error.contains("refused"), "{error}");
        assert!(!error.contains("s3cret"), "{error}");
    }
    let listener = std::net::TcpListener::bind(address).unwrap();
    let _served = App::on(listener).serve(|mut wire| {
        Message::read_request(&mut wire);
        wire.send(state("running"));
    });
    assert_eq!(driver.observe().await.unwrap(), Observed::Running);
}

/// One that takes the connection and is silent, one that never ends its answer, and one that sends a byte now
/// and then: each is given up on.
#[tokio::test]
async fn slow_answers_are_given_up_on() {
    let trickle = |head: &'static [u8], byte: &'static [u8]| {
        App::listen().serve(move |mut wire| {
            Message::read_request(&mut wire);
            let _ = wire.try_send(head);
            while wire.try_send(byte).is_ok() {
                std::thread::sleep(Duration::from_millis(200));
            }
        })
    };
    let planes = [
        trickle(b"", b""),
        trickle(b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n", b" "),
        trickle(b"HTTP/1.1 200 OK\r\nX: ", b"x"),
    ];
    let looks =
        planes.each_ref().map(|plane| driver(&format!("url = \"http://{}\"", plane.address)));
    let looks = looks.iter().map(async |driver| said(driver.observe().await));
    let all = futures_util::future::join_all(looks);
    let errors = tokio::time::timeout(PATIENCE * 2, all).await.expect("it is given up on");
    assert!(errors.iter().all(|error| error.contains("timed out")), "{errors:?}");
}

/// What is no TLS, and TLS by somebody whom nobody vouches for. The token is not told to either.
#[tokio::test]
async fn tls_failures() {
    let scratch = Scratch::new();
    let token = scratch.file("token", "s3cret");
    let heard = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&heard);
    let plain = App::listen().serve(move |mut wire| {
        let _ = wire.fill();
        told.lock().unwrap().extend_from_slice(wire.held());
        let _ = wire.try_send(state("suspended"));
    });
    let requests = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&requests);
    let untrusted = App::listen().serve(move |wire| {
        let mut connection = rustls::ServerConnection::new(Arc::new(untrusted())).unwrap();
        let mut stream = wire.stream().try_clone().unwrap();
        if connection.complete_io(&mut stream).is_ok() {
            seen.fetch_add(1, Ordering::Relaxed);
        }
    });
    for (served, words) in [(&plain, "failed"), (&untrusted, "certificate")] {
        let port = served.address.port();
        let driver = driver(&format!("url = \"https://localhost:{port}\"\ntoken_file = {token:?}"));
        for error in
            [said(driver.observe().await), said(driver.start().await), said(driver.stop().await)]
        {
            assert!(error.contains(words), "{error}");
        }
    }
    assert_eq!(requests.load(Ordering::Relaxed), 0);
    assert!(!String::from_utf8_lossy(&heard.lock().unwrap()).contains("s3cret"));
}

fn untrusted() -> rustls::ServerConfig {
    let file = |name: &str| format!("{}/tests/tls/{name}", env!("CARGO_MANIFEST_DIR"));
    let certificate = CertificateDer::from_pem_file(file("untrusted.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(file("untrusted.key")).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider);
    let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    config.with_single_cert(vec![certificate], key).unwrap()
}

#[tokio::test]
async fn a_state_that_never_changes() {
    let (_plane, url) = control_plane(|_| state("running"));
    let error = said(driver(&url).stop().await);
    assert!(error.contains("still running when `stop_timeout` is over"), "{error}");
    let (_plane, url) = control_plane(|_| state("suspended"));
    let driver = driver(&format!("{url}\nready_timeout = \"1s\""));
    driver.start().await.unwrap();
    // The control plane may need a while to see what it was told, and no longer than that.
    assert_eq!(driver.observe().await.unwrap(), Observed::Starting);
    let suspended = async {
        while driver.observe().await.unwrap() != Observed::Suspended {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(PATIENCE, suspended).await.expect("it is believed in the end");
}

/// Some refuse to do what is so already.
#[tokio::test]
async fn a_wish_that_is_refused_because_it_is_so_already() {
    let (_plane, url) = control_plane(|request| match request.head.method() {
        "POST" => answer("409 Conflict", ""),
        _ => state("running"),
    });
    let driver = driver(&url);
    driver.start().await.unwrap();
    let error = said(driver.stop().await);
    assert!(error.contains("409"), "{error}");
}

#[tokio::test]
async fn suspending_waits_until_the_state_says_so() {
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let app = HttpApp::start(move |request| match request.head.method() {
        "POST" => answer("200 OK", ""),
        // One that stumbles in between is asked again.
        _ => match count.fetch_add(1, Ordering::Relaxed) {
            0 => state("running"),
            1 => answer("500 Internal Server Error", ""),
            _ => state("suspended"),
        },
    });
    driver(&format!("url = \"http://{}\"", app.address())).stop().await.unwrap();
    assert_eq!(asked.load(Ordering::Relaxed), 3);
}
