//! Two sides of which one does not do its part.

use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use super::channel::{Channel, Predecessor};
use super::give;
use super::take::settle;
use super::wire::Message;
use crate::drivers::process::pidfd;

const SHORT: Duration = Duration::from_millis(50);
const LONG: Duration = Duration::from_secs(60);

/// The old side and the new side, of which the one or the other has little patience.
fn sides(old: Duration, new: Duration) -> (Channel, Channel) {
    let (one, other) = Socket::pair(Domain::UNIX, Type::SEQPACKET, None).unwrap();
    (Channel::new(one, old).unwrap(), Channel::new(other, new).unwrap())
}

/// A process that runs until it is killed, and its pidfd.
fn process() -> (Child, OwnedFd) {
    let child = Command::new("sleep").arg("1000").stdin(Stdio::null()).spawn().unwrap();
    let process = pidfd::open(i32::try_from(child.id()).unwrap()).unwrap();
    (child, process)
}

fn kind<T: std::fmt::Debug>(result: io::Result<T>) -> ErrorKind {
    result.unwrap_err().kind()
}

fn take() -> Message {
    Message::Take(vec!["demo".to_owned()])
}

#[test]
fn an_old_side_that_does_not_answer_keeps_its_apps() {
    let (old, channel) = sides(LONG, SHORT);
    let (mut child, process) = process();
    let predecessor = Predecessor { channel, process };
    assert_eq!(kind(settle(&predecessor, SHORT)), ErrorKind::TimedOut);
    // It comes too late with it, and is told so.
    assert_eq!(kind(old.send(&Message::Given, &[])), ErrorKind::BrokenPipe);
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn an_old_side_that_has_given_up_keeps_its_apps() {
    let (old, channel) = sides(LONG, LONG);
    let (mut child, process) = process();
    drop(old);
    assert_eq!(kind(settle(&Predecessor { channel, process }, SHORT)), ErrorKind::UnexpectedEof);
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn the_apps_of_an_old_side_that_has_ended_are_free() {
    let (old, channel) = sides(LONG, LONG);
    let (mut child, process) = process();
    drop(old);
    child.kill().unwrap();
    settle(&Predecessor { channel, process }, LONG).unwrap();
    child.wait().unwrap();
}

#[test]
fn what_was_given_in_the_last_moment_is_had() {
    let (old, new) = sides(LONG, LONG);
    old.send(&Message::Given, &[]).unwrap();
    assert!(matches!(new.close_reading(), Some(Message::Given)));
    assert!(new.close_reading().is_none());
}

#[test]
fn nothing_is_given_to_a_new_side_that_takes_nothing() {
    let (old, new) = sides(SHORT, LONG);
    assert_eq!(kind(give::talk(&old, &[])), ErrorKind::TimedOut);
    drop(old);
    assert_eq!(kind(new.send(&take(), &[])), ErrorKind::BrokenPipe);
}

#[test]
fn nothing_is_given_to_a_new_side_that_has_left() {
    let (old, new) = sides(LONG, LONG);
    let asked = std::thread::spawn(move || give::talk(&old, &[]));
    assert!(matches!(new.receive().unwrap().0, Message::All));
    // It waits no more before it has the answer to this.
    new.close_reading();
    new.send(&take(), &[]).unwrap();
    assert_eq!(kind(asked.join().unwrap()), ErrorKind::BrokenPipe);
}

#[test]
fn what_is_taken_is_given() {
    let (old, new) = sides(LONG, LONG);
    new.send(&take(), &[]).unwrap();
    assert!(give::talk(&old, &[]).unwrap().contains("demo"));
    assert!(matches!(new.receive().unwrap().0, Message::All));
    assert!(matches!(new.receive().unwrap().0, Message::Given));
}
