//! Who has closed may still have words on their way to somebody slow. Each test lasts several times
//! the grace: nobody is reaped while the other side goes on reading, and all of it arrives.

use std::time::Duration;

use libtest_mimic::Failed;

use crate::harness::app::App;
use crate::harness::frame::Frame;
use crate::harness::payload::Random;
use crate::harness::session::{Peer, Role, open_over};
use crate::harness::wait::pause;
use crate::harness::wire::End;

use super::scene::{self, GRACE, Source};

/// More than the kernel takes off the proxy's hands at once.
const WORDS: usize = 6 << 20;
/// Slow enough for several times the grace, and quick enough to show progress within it.
const PIECE: usize = 64 * 1024;
const REST: Duration = Duration::from_millis(1000 * 3 * GRACE / (WORDS / PIECE) as u64 + 10);
/// Small, so that most of it waits in the proxy. The kernel doubles it.
const BUFFER: usize = 32 * 1024;

/// Everything that one has to say, and a Close behind it.
fn words(speaker: &mut Peer) -> Vec<u8> {
    let mut bytes = speaker.encode(&Frame::binary(Random::seeded(41).bytes(WORDS)));
    bytes.extend(speaker.encode(&Frame::close(1000, "that was all")));
    bytes
}

/// Reads all of it slowly, and then the end of the other side.
fn hear(peer: &mut Peer, words: &[u8]) {
    for (n, piece) in words.chunks(PIECE).enumerate() {
        assert!(peer.wire.exactly(piece.len()) == piece, "changed in piece {n}");
        pause(REST);
    }
    assert_eq!(peer.wire.end(), End::Fin);
}

/// One says everything and closes its side; `then` is what the two do meanwhile and after.
fn told(
    source: Source,
    speaker: Role,
    then: impl FnOnce(&mut Peer, &mut Peer, &[u8]),
) -> Result<(), Failed> {
    let scene = scene::set_with(source, App::listen_narrow(BUFFER), "", |setup| setup)?;
    let (client, server) = open_over(scene.proxy.connect_narrow(BUFFER), &scene.app, "", "");
    scene.assert_source(source);
    let (mut speaker, mut listener) = match speaker {
        Role::Client => (client, server),
        Role::App => (server, client),
    };
    let words = words(&mut speaker);
    let mut writer = speaker.wire.writer();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            writer.send(&words);
            writer.half_close();
        });
        then(&mut speaker, &mut listener, &words);
    });
    drop((speaker, listener));
    scene.proxy.await_sessions(0);
    scene.assert_nobody_reaped(0);
    Ok(())
}

fn with_an_answer(speaker: &mut Peer, listener: &mut Peer, words: &[u8]) {
    hear(listener, words);
    listener.send(&Frame::close(1000, ""));
    listener.wire.half_close();
    speaker.expect(&Frame::close(1000, ""));
    assert_eq!(speaker.wire.end(), End::Fin);
}

pub(crate) fn of_an_app(source: Source) -> Result<(), Failed> {
    told(source, Role::App, with_an_answer)
}

pub(crate) fn of_a_client(source: Source) -> Result<(), Failed> {
    told(source, Role::Client, with_an_answer)
}

/// The client has closed as well, so that the app's connection is over long before the rest has
/// been read.
pub(crate) fn after_both_have_closed(source: Source) -> Result<(), Failed> {
    told(source, Role::App, |server, client, words| {
        client.send(&Frame::close(1000, ""));
        client.wire.half_close();
        server.expect(&Frame::close(1000, ""));
        assert_eq!(server.wire.end(), End::Fin);
        hear(client, words);
    })
}
