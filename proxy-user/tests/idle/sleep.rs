//! A laptop that sleeps: what was before it keeps its time.
//!
//! The machine stays awake; the proxy's clocks are told that it slept, by a library in front of libc's.

use std::process::Command;

use serde_json::Value;

use crate::harness::app::App;
use crate::harness::scratch::Scratch;
use crate::harness::setup::Setup;
use crate::harness::wait::eventually;
use crate::scene::{demo, visit};

/// Adds the seconds that stand in a file to the clocks that go on while a machine sleeps.
const CLOCKS: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
int clock_gettime(clockid_t clock, struct timespec *to) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
    int result = real(clock, to);
    if (clock == CLOCK_REALTIME || clock == CLOCK_BOOTTIME) {
        FILE *file = fopen(getenv("SLEPT"), "r");
        long slept = 0;
        if (file && fscanf(file, "%ld", &slept) == 1) to->tv_sec += slept;
        if (file) fclose(file);
    }
    return result;
}
"#;
const NIGHT: u64 = 8 * 3600;
const DAY: u64 = 24 * 3600;

/// Seconds of the day, of a time as the API writes it.
fn seconds(time: &Value) -> u64 {
    let time = time.as_str().unwrap();
    let (_, clock) = time.split_once('T').unwrap();
    let parts: Vec<u64> = clock[..8].split(':').map(|part| part.parse().unwrap()).collect();
    parts[0] * 3600 + parts[1] * 60 + parts[2]
}

/// How far `later` is behind `earlier`, both within a day.
fn distance(earlier: &Value, later: &Value) -> u64 {
    (seconds(later) + DAY - seconds(earlier)) % DAY
}

#[test]
fn an_activity_before_a_night_keeps_its_time() {
    let scratch = Scratch::new();
    let source = scratch.file("clocks.c", CLOCKS);
    let slept = scratch.file("slept", "0");
    let library = source.with_extension("so");
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&source).arg("-ldl");
    assert!(compiler.status().unwrap().success());

    let app = App::listen();
    let preload = format!("LD_PRELOAD={}", library.display());
    let told = format!("SLEPT={}", slept.display());
    let proxy = Setup::demo(app.address()).wrapper(&["env", &preload, &told]).start();
    visit(&proxy, &app, "/evening");
    let before = demo(&proxy);
    // The proxy looks at its clocks once a second: the night must not begin in the same one.
    eventually("a second", || {
        (demo(&proxy)["last_activity"]["ago_seconds"].as_f64()? > 2.0).then_some(())
    });
    std::fs::write(&slept, NIGHT.to_string()).unwrap();
    let after = demo(&proxy);
    let last = &after["last_activity"];
    assert!(distance(&before["now"], &after["now"]) >= NIGHT, "{after}");
    let moved = distance(&before["last_activity"]["at"], &last["at"]);
    // A second earlier is nearly a day later.
    assert!((moved + 60) % DAY < 120, "moved by {moved} s: {last}");
    assert!(last["ago_seconds"].as_f64().is_some_and(|ago| ago >= NIGHT as f64), "{last}");
    assert_eq!(last["path"], "/evening");
    visit(&proxy, &app, "/morning");
    let morning = demo(&proxy);
    let last = &morning["last_activity"];
    assert_eq!(last["path"], "/morning");
    assert!(distance(&before["now"], &last["at"]) >= NIGHT, "{last}");
    assert!(last["ago_seconds"].as_f64().is_some_and(|ago| ago < 60.0), "{last}");
}
