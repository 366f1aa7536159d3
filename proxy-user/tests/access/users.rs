//! The file of users changes, or is wrong.

use crate::harness::app::HttpApp;
use crate::harness::command::ebbtide;
use crate::harness::scratch::Scratch;
use crate::harness::setup::Setup;
use crate::harness::wait::eventually;
use crate::passwords::users;
use crate::scene::{ANN, BOB, PASSWORD, SECRET, get, setup};

#[test]
fn it_is_read_again_when_it_changes() {
    let app = HttpApp::named("app");
    let (scratch, line) = users(&format!("ann:{SECRET}\n"));
    let proxy = setup(app.address(), &line).start();
    let opens = |fields: &str| get(&proxy, fields).status() == 200;
    assert!(opens(ANN) && !opens(BOB));
    scratch.file("htpasswd", &format!("bob:{PASSWORD}\n"));
    eventually("bob may come", || opens(BOB).then_some(()));
    assert!(!opens(ANN), "a password is not remembered for a user who has gone");
    // The same user with another password.
    scratch.file("htpasswd", &format!("ann:{PASSWORD}\nbob:{PASSWORD}\n"));
    eventually("ann has another password", || {
        opens("Authorization: Basic YW5uOnBhc3N3b3Jk\r\n").then_some(())
    });
    assert!(!opens(ANN));
    // A bad file changes nothing.
    let reloads =
        |result| proxy.metrics().count("ebbtide_config_reloads_total", &[("result", result)]);
    scratch.file("htpasswd", "ann:s3cret\n");
    eventually("it was read", || (reloads("failure") == 1).then_some(()));
    assert!(opens(BOB));
    let log = proxy.log().text();
    assert!(log.contains("htpasswd:1: the hash is neither"), "{log}");
    assert!(!log.contains("s3cret"), "{log}");
    std::fs::remove_file(scratch.path().join("htpasswd")).unwrap();
    eventually("it was looked for", || (reloads("failure") == 2).then_some(()));
    assert!(opens(BOB));
}

/// The configuration in force does not name the file, so it is not watched as one of its files.
#[test]
fn a_mistake_in_a_new_file_can_be_mended_there() {
    let app = HttpApp::named("app");
    let (scratch, line) = users("ann:s3cret\n");
    let proxy = Setup::demo(app.address()).start();
    let reloads =
        |result| proxy.metrics().count("ebbtide_config_reloads_total", &[("result", result)]);
    proxy.reconfigure(&setup(app.address(), &line));
    eventually("it was refused", || (reloads("failure") == 1).then_some(()));
    assert_eq!(get(&proxy, "").status(), 200);
    scratch.file("htpasswd", &format!("ann:{SECRET}\n"));
    eventually("it is in force", || (get(&proxy, "").status() == 401).then_some(()));
    assert_eq!(get(&proxy, ANN).status(), 200);
    assert_eq!((reloads("failure"), reloads("success")), (1, 1), "tries in between do not count");
}

#[test]
fn check_tells_every_mistake_with_its_file_and_line() {
    let scratch = Scratch::new();
    scratch.file("htpasswd", "ann:$apr1$lZL6V/ci$eIMz/iKDkbtys/uU7LEK00\n\nbob:plain\nzoe\n");
    let config = scratch.file(
        "ebbtide.toml",
        "[access]\nusers_file = \"htpasswd\"\nallow = []\n[[app]]\nname = \"demo\"\nupstream = \"http://127.0.0.1:1\"\n",
    );
    let output = ebbtide().arg("check").arg("--config").arg(&config).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let told = String::from_utf8(output.stderr).unwrap();
    let starts: Vec<_> =
        told.lines().map(|line| line.rsplit('/').next().unwrap_or_default()).collect();
    assert_eq!(starts.len(), 4, "{told}");
    for start in [
        "ebbtide.toml:3: `allow`",
        "htpasswd:1: the hash is Apache's MD5",
        "htpasswd:3: the hash is neither",
        "htpasswd:4: the line is not NAME:HASH",
    ] {
        assert!(told.contains(start), "{start}: {told}");
    }
    assert!(!told.contains("plain"), "{told}");
}
