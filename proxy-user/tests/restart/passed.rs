//! `LISTEN_FDS`: the service manager holds the sockets, and whoever connects between the end of one
//! process and the start of the next waits in their queue.

use std::net::TcpListener;
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use libtest_mimic::Failed;

use crate::harness::app::App;
use crate::harness::command::{ebbtide_behind, finish};
use crate::harness::http::{Message, request};
use crate::harness::proxy::Proxy;
use crate::harness::scratch::Scratch;
use crate::harness::session::open;
use crate::harness::setup::Setup;
use crate::harness::wait::{eventually, pause};
use crate::harness::wire::Wire;
use crate::load::{self, Load};

/// SD_LISTEN_FDS_START of sd_listen_fds(3).
const FIRST: i32 = 3;
/// Far from all that are open.
const AWAY: i32 = 200;
/// What only the started process can know of itself.
const SELF: &str = "LISTEN_PID=$$ exec \"$0\" \"$@\"";

/// The proxy with these sockets, as systemd would start it.
fn command(config: &Path, sockets: &[(&TcpListener, &str)]) -> Command {
    let words = ["/bin/sh", "-c", SELF].map(str::to_owned);
    let mut command = ebbtide_behind(&words);
    command.args(["run", "--log-format", "json", "--config"]).arg(config);
    let names: Vec<_> = sockets.iter().map(|(_, name)| *name).collect();
    command.env("LISTEN_FDS", sockets.len().to_string()).env("LISTEN_FDNAMES", names.join(":"));
    let places: Vec<_> =
        (FIRST..).zip(sockets.iter().map(|(socket, _)| socket.as_raw_fd())).collect();
    let copy = |from, to| {
        // SAFETY: dup2 takes plain numbers, and is async-signal-safe. The copy does not close on exec.
        match unsafe { libc::dup2(from, to) } {
            0.. => Ok(()),
            _ => Err(std::io::Error::last_os_error()),
        }
    };
    let place = move || {
        // Out of the way first: one of them may stand where another is to go.
        places.iter().try_for_each(|(to, from)| copy(*from, AWAY + to))?;
        places.iter().try_for_each(|(to, _)| copy(AWAY + to, *to))?;
        for (to, _) in &places {
            // SAFETY: as above.
            unsafe { libc::close(AWAY + to) };
        }
        Ok(())
    };
    // SAFETY: between fork and exec only async-signal-safe calls are made.
    unsafe { command.pre_exec(place) };
    command
}

fn start(config: &Path, sockets: &[(&TcpListener, &str)]) -> Proxy {
    Proxy::spawn(&mut command(config, sockets), None)
}

pub(crate) fn the_queue_outlives_a_restart() -> Result<(), Failed> {
    let (app, load_app) = (App::listen(), load::app());
    let listen = || TcpListener::bind("127.0.0.1:0").unwrap();
    let (web, admin) = (listen(), listen());
    let scratch = Scratch::new();
    let setup = Setup::new().key("drain = \"1s\"");
    let setup = setup.app("demo", app.address(), "hosts = [\"demo.test\"]");
    let config = scratch.file("ebbtide.toml", &setup.app("load", load_app.address(), "").toml());
    let sockets = [(&web, "web"), (&admin, "admin")];
    let mut proxy = start(&config, &sockets);
    assert_eq!(proxy.address(), web.local_addr().unwrap());
    assert_eq!(proxy.admin_address(), admin.local_addr().unwrap());
    let load = Load::start(proxy.address());
    for _ in 0..3 {
        let (mut client, mut server) = open(&proxy, &app);
        proxy.terminate();
        client.expect_close(1012);
        server.expect_close(1012);
        client.finish(1012);
        server.finish(1012);
        assert_eq!(proxy.exit_code(), Some(0));
        // Nobody accepts; whoever connects now is served by the next one.
        pause(std::time::Duration::from_millis(500));
        proxy = start(&config, &sockets);
        load.go_on();
    }
    load.assert_whole("three restarts under a service manager");
    Ok(())
}

/// What `check` says of `admin` holds for the socket that comes in its place.
pub(crate) fn an_open_admin_socket_needs_a_token() -> Result<(), Failed> {
    let (app, scratch) = (App::listen(), Scratch::new());
    let admin = TcpListener::bind("0.0.0.0:0").unwrap();
    let web = TcpListener::bind("127.0.0.1:0").unwrap();
    let sockets = [(&web, "web"), (&admin, "admin")];
    let setup = Setup::demo(app.address());
    let config = scratch.file("ebbtide.toml", &setup.toml());
    let outcome = finish(&mut command(&config, &sockets));
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(outcome.stderr.contains("admin_token_file"), "{outcome:?}");
    let token = scratch.file("token", "s3cret\n").display().to_string();
    let with_token = setup.clone().key(&format!("admin_token_file = {token:?}"));
    scratch.file("ebbtide.toml", &with_token.toml());
    let proxy = start(&config, &sockets);
    assert_eq!(proxy.admin("/api/apps", "").status(), 401);
    scratch.file("ebbtide.toml", &setup.toml());
    eventually("the reload is refused", || {
        proxy.log().text().contains("stays in force").then_some(())
    });
    assert!(proxy.log().text().contains("admin_token_file"));
    assert_eq!(proxy.admin("/api/apps", "").status(), 401);
    Ok(())
}

/// A socket that sends browsers to `https` is held by the service manager like the others.
pub(crate) fn a_redirect_socket_needs_tls() -> Result<(), Failed> {
    let (app, scratch) = (App::listen(), Scratch::new());
    let listen = || TcpListener::bind("127.0.0.1:0").unwrap();
    let (web, admin, redirect) = (listen(), listen(), listen());
    let sockets = [(&redirect, "redirect"), (&web, "web"), (&admin, "admin")];
    let setup = Setup::demo(app.address()).key("drain = \"1s\"");
    let config = scratch.file("ebbtide.toml", &setup.toml());
    let outcome = finish(&mut command(&config, &sockets));
    assert_eq!(outcome.code, Some(1), "{outcome:?}");
    assert!(outcome.stderr.contains("[tls]"), "{outcome:?}");
    let file = |name| Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tls").join(name);
    let (cert, key) = (file("one.pem"), file("one.key"));
    let with_tls = setup.clone().section(&format!("[tls]\ncert = {cert:?}\nkey = {key:?}"));
    scratch.file("ebbtide.toml", &with_tls.toml());
    let mut proxy = start(&config, &sockets);
    assert_eq!(proxy.address(), web.local_addr()?);
    let ask = || {
        let mut wire = Wire::connect(redirect.local_addr().unwrap());
        wire.send(request("GET", "demo.test", "/", ""));
        wire
    };
    let expect = |mut wire| Message::read_response(&mut wire, "GET").assert_own(308).to_owned();
    assert_eq!(expect(ask()), "https");
    scratch.file("ebbtide.toml", &setup.toml());
    eventually("the reload is refused", || {
        proxy.log().text().contains("stays in force").then_some(())
    });
    assert_eq!(expect(ask()), "https");
    scratch.file("ebbtide.toml", &with_tls.toml());
    proxy.terminate();
    assert_eq!(proxy.exit_code(), Some(0));
    let waiting = ask();
    let _proxy = start(&config, &sockets);
    assert_eq!(expect(waiting), "https");
    Ok(())
}
