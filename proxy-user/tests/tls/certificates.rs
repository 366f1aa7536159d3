//! Which certificate a client gets, also after its files have changed while the proxy runs.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::symlink;
use std::path::Path;

use rustls::version::{TLS12, TLS13};

use crate::client::Client;
use crate::files::{file, section};
use crate::harness::app::HttpApp;
use crate::harness::command::{ebbtide, finish};
use crate::harness::proxy::Proxy;
use crate::harness::scratch::Scratch;
use crate::harness::setup::Setup;
use crate::harness::wait::eventually;

/// `[tls]` with the files of this folder, as cert-manager names them.
pub(crate) fn with_files(app: SocketAddr, folder: &Path) -> Setup {
    let (cert, key) = (folder.join("tls.crt"), folder.join("tls.key"));
    Setup::demo(app).section(&format!("[tls]\ncert = {cert:?}\nkey = {key:?}"))
}

/// Puts a pair of the test's certificates into a folder.
pub(crate) fn put(folder: &Path, name: &str) {
    fs::create_dir_all(folder).unwrap();
    put_one(folder, "tls.crt", &format!("{name}.pem"));
    put_one(folder, "tls.key", &format!("{name}.key"));
}

/// Replaces one file by renaming another over it.
fn put_one(folder: &Path, to: &str, from: &str) {
    fs::copy(file(from), folder.join("new")).unwrap();
    fs::rename(folder.join("new"), folder.join(to)).unwrap();
}

/// A client without memory of a session, in which no certificate would be shown.
fn shown(address: SocketAddr) -> &'static str {
    Client::new(&TLS13).certificate(address, "one.example.com")
}

fn await_certificate(proxy: &Proxy, name: &str) {
    eventually("another certificate", || (shown(proxy.address()) == name).then_some(()));
}

fn refused(proxy: &Proxy) -> usize {
    proxy.log().fields("configuration refused; the one before stays in force").len()
}

#[test]
fn each_server_has_its_own() {
    let app = HttpApp::named("here");
    let more = |name: &str, lines: &str| {
        section(name, lines).replace("[tls]", "[[tls.certificate]]").to_owned()
    };
    let proxy = Setup::demo(app.address())
        .section(&section("one", ""))
        .section(&more("apps", ""))
        .section(&more("rsa", "hosts = [\"old.example.com\", \"*.old.example.com\"]"))
        .start();
    for version in [&TLS12, &TLS13] {
        let client = Client::new(version);
        for (name, expected) in [
            ("one.example.com", "one"),
            ("apps.example.com", "apps"),
            ("demo.apps.example.com", "apps"),
            ("old.example.com", "rsa"),
            ("a.old.example.com", "rsa"),
            // Its own name does not count any more.
            ("rsa.example.com", "one"),
            ("a.b.apps.example.com", "one"),
            ("nowhere.example.org", "one"),
            // No name is sent.
            ("127.0.0.1", "one"),
        ] {
            let certificate = client.certificate(proxy.address(), name);
            assert_eq!(certificate, expected, "{name} {version:?}");
        }
    }
}

#[test]
fn check_says_what_each_certificate_serves() {
    let scratch = Scratch::new();
    let setup = Setup::demo("127.0.0.1:9".parse().unwrap()).section(&section("one", ""));
    let more = section("apps", "").replace("[tls]", "[[tls.certificate]]");
    let config = scratch.file("ebbtide.toml", &setup.section(&more).toml());
    let outcome = finish(ebbtide().args(["check", "--config"]).arg(&config));
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    for line in [
        "one.pem: the certificate for one.example.com, www.one.example.com, every other name\n",
        "apps.pem: the certificate for *.apps.example.com, apps.example.com\n",
    ] {
        assert!(outcome.stdout.contains(line), "{outcome:?}");
    }
}

#[test]
fn a_mounted_secret_is_followed() {
    let (app, scratch) = (HttpApp::named("here"), Scratch::new());
    // As the kubelet lays it out: everything is exchanged by renaming one link.
    let folder = scratch.path();
    put(&folder.join("..1"), "one");
    put(&folder.join("..2"), "again");
    symlink("..1", folder.join("..data")).unwrap();
    symlink("..data/tls.crt", folder.join("tls.crt")).unwrap();
    symlink("..data/tls.key", folder.join("tls.key")).unwrap();
    let proxy = with_files(app.address(), folder).start();
    assert_eq!(shown(proxy.address()), "one");
    let mut open = Client::new(&TLS13).connect(proxy.address(), "one.example.com");
    assert_eq!(open.get(""), 200);
    symlink("..2", folder.join("..tmp")).unwrap();
    fs::rename(folder.join("..tmp"), folder.join("..data")).unwrap();
    await_certificate(&proxy, "again");
    // What was open stays so.
    assert_eq!(open.get(""), 200);
    assert_eq!((open.certificate(), refused(&proxy)), ("one", 0));
}

#[test]
fn a_pair_that_is_half_written_is_refused_and_told_once() {
    let (app, scratch) = (HttpApp::named("here"), Scratch::new());
    let folder = scratch.path();
    put(folder, "one");
    let setup = with_files(app.address(), folder);
    let proxy = setup.start();
    let failures =
        || proxy.metrics().count("ebbtide_config_reloads_total", &[("result", "failure")]);
    let says = |what: &str| proxy.log().text().contains(what);
    // The certificate without its key.
    put_one(folder, "tls.crt", "again.pem");
    eventually("the pair is refused", || (refused(&proxy) == 1).then_some(()));
    assert!(says("the private key does not belong to the certificate"));
    assert_eq!(shown(proxy.address()), "one");
    // The same mistake once more is no news.
    put_one(folder, "tls.crt", "again.pem");
    eventually("it is refused again", || (failures() == 2).then_some(()));
    assert_eq!((shown(proxy.address()), refused(&proxy)), ("one", 1));
    put_one(folder, "tls.key", "again.key");
    await_certificate(&proxy, "again");
    // Only the beginning of a file.
    let whole = fs::read(file("one.pem")).unwrap();
    fs::write(folder.join("tls.crt"), &whole[..whole.len() / 2]).unwrap();
    eventually("the file is refused", || (refused(&proxy) == 2).then_some(()));
    assert!(says("was cut off"));
    fs::remove_file(folder.join("tls.key")).unwrap();
    eventually("its absence is told", || (refused(&proxy) == 3).then_some(()));
    assert_eq!(shown(proxy.address()), "again");
    put(folder, "one");
    await_certificate(&proxy, "one");
    assert_eq!(refused(&proxy), 3);
    // Whoever asks need not wait for the next look.
    put(folder, "again");
    proxy.reconfigure(&setup);
    await_certificate(&proxy, "again");
}

#[test]
fn sessions_are_resumed_also_after_a_change() {
    let (app, scratch) = (HttpApp::named("here"), Scratch::new());
    put(scratch.path(), "one");
    let proxy = with_files(app.address(), scratch.path()).start();
    let visit = |client: &Client| {
        let mut visit = client.connect(proxy.address(), "one.example.com");
        assert_eq!(visit.get(""), 200);
        visit
    };
    let clients = [Client::new(&TLS12), Client::new(&TLS13)];
    for client in &clients {
        assert!(!visit(client).is_resumed());
        assert!(visit(client).is_resumed());
    }
    put(scratch.path(), "again");
    await_certificate(&proxy, "again");
    for client in &clients {
        assert!(visit(client).is_resumed());
    }
}

#[test]
fn tls_is_turned_on_and_off_for_new_connections() {
    let app = HttpApp::named("here");
    let plain = Setup::demo(app.address());
    let tls = plain.clone().section(&section("one", ""));
    let proxy = plain.start();
    assert_eq!(proxy.get("demo.test", "/").status(), 200);
    let address = proxy.address();
    let reload = |setup: &Setup, round: usize| {
        proxy.reconfigure(setup);
        let reloaded = || proxy.log().fields("configuration reloaded").len() >= round;
        eventually("it is reloaded", || reloaded().then_some(()));
    };
    reload(&tls, 1);
    let mut open = Client::new(&TLS13).connect(address, "one.example.com");
    assert_eq!(open.get(""), 200);
    reload(&plain, 2);
    assert_eq!(open.get(""), 200);
    assert_eq!(proxy.get("demo.test", "/").status(), 200);
}

#[test]
fn no_key_is_ever_logged() {
    let (app, scratch) = (HttpApp::named("here"), Scratch::new());
    put(scratch.path(), "one");
    let setup = with_files(app.address(), scratch.path())
        .wrapper(&["env", "EBBTIDE_LOG=trace,rustls=trace"]);
    let proxy = setup.start();
    assert_eq!(shown(proxy.address()), "one");
    // A key where the certificate belongs, then a pair that does not fit, then another pair.
    put_one(scratch.path(), "tls.crt", "again.key");
    eventually("it is refused", || (refused(&proxy) == 1).then_some(()));
    put_one(scratch.path(), "tls.crt", "again.pem");
    eventually("it is refused", || (refused(&proxy) == 2).then_some(()));
    put_one(scratch.path(), "tls.key", "again.key");
    await_certificate(&proxy, "again");
    let log = proxy.log().text();
    assert!(log.contains("\"TRACE\"") && log.contains("rustls"), "everything is logged");
    for key in ["one.key", "again.key"] {
        let key = fs::read_to_string(file(key)).unwrap();
        for line in key.lines().filter(|line| !line.starts_with("-----")) {
            assert!(!log.contains(&line[..line.len().min(40)]), "a line of a key");
        }
    }
}
