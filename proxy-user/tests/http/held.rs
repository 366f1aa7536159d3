//! What is held for connections whose peer takes nothing: by the proxy, and by the kernel for it.

use std::collections::HashSet;
use std::time::Duration;

use crate::harness::app::{App, HttpApp};
use crate::harness::http::request;
use crate::harness::proxy::Proxy;
use crate::harness::setup::Setup;
use crate::harness::wait::{eventually, pause};
use crate::harness::wire::{Wire, is_timeout};

const CONNECTIONS: usize = 100;
const KIB: u64 = 1024;

/// Bytes that the kernel has queued on the proxy's own sockets.
fn queued(proxy: &Proxy) -> u64 {
    let links = std::fs::read_dir(format!("/proc/{}/fd", proxy.id())).unwrap().flatten();
    let links = links.filter_map(|entry| std::fs::read_link(entry.path()).ok());
    let sockets: HashSet<String> = links
        .filter_map(|link| {
            let inode = link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?;
            Some(inode.to_owned())
        })
        .collect();
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let rows = table.lines().skip(1).map(|row| row.split_whitespace().collect::<Vec<_>>());
    // 0A is a listener, whose queue is one of connections.
    let rows = rows.filter(|row| row[3] != "0A" && sockets.contains(row[9]));
    rows.map(|row| {
        let (send, receive) = row[4].split_once(':').unwrap();
        [send, receive].map(|queue| u64::from_str_radix(queue, 16).unwrap()).iter().sum::<u64>()
    })
    .sum()
}

/// Opens connections, waits until nothing grows any more, and checks what each of them costs.
fn check(proxy: &Proxy, open: impl Fn(&Proxy) -> Wire) {
    let before = proxy.resident_bytes();
    let clients: Vec<_> = (0..CONNECTIONS).map(|_| open(proxy)).collect();
    let mut last = 0;
    eventually("nothing moves any more", || {
        pause(Duration::from_millis(300));
        let now = queued(proxy) + proxy.resident_bytes();
        (now == std::mem::replace(&mut last, now)).then_some(())
    });
    let count = CONNECTIONS as u64;
    let resident = proxy.resident_bytes().saturating_sub(before) / count / KIB;
    let queued = queued(proxy) / count / KIB;
    assert!(queued > 0, "nothing is queued: this measures nothing");
    assert!(resident <= 128, "{resident} KiB resident for each");
    assert!(queued <= 192, "{queued} KiB queued for each");
    drop(clients);
}

#[test]
fn a_download_that_the_client_does_not_read_costs_little() {
    let app = HttpApp::start(|_| {
        let mut answer = b"HTTP/1.1 200 OK\r\nContent-Length: 8000000\r\n\r\n".to_vec();
        answer.resize(answer.len() + 8_000_000, b'x');
        answer
    });
    check(&Setup::demo(app.address()).start(), |proxy| {
        let mut client = proxy.connect();
        client.send(request("GET", "a.test", "/big", ""));
        client
    });
}

#[test]
fn an_upload_that_the_app_does_not_read_costs_little() {
    let app = App::listen();
    check(&Setup::demo(app.address()).start(), |proxy| {
        let mut client = proxy.connect();
        client.send(request("POST", "a.test", "/big", "Content-Length: 1000000000\r\n"));
        client.stream().set_write_timeout(Some(Duration::from_millis(100))).unwrap();
        loop {
            match client.try_send([b'x'; 65_536]) {
                Ok(()) => {}
                Err(error) if is_timeout(&error) => return client,
                Err(error) => panic!("{error}"),
            }
        }
    });
}
