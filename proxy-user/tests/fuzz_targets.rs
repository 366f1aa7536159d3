//! The fuzz targets, built by the stable compiler and run on their corpora: what a fuzzer once found stays
//! found, and a target that no longer fits the library is seen at once.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may stop where it stands")]
#![allow(
    unused_attributes,
    reason = "`no_main` is for the binaries that the targets are elsewhere"
)]

extern crate self as libfuzzer_sys;

use std::fs;
use std::path::Path;

#[path = "../fuzz/fuzz_targets/config.rs"]
mod config;
#[path = "../fuzz/fuzz_targets/decoder.rs"]
mod decoder;
#[path = "../fuzz/fuzz_targets/frames.rs"]
mod frames;
#[path = "../fuzz/fuzz_targets/htpasswd.rs"]
mod htpasswd;
#[path = "../fuzz/fuzz_targets/messages.rs"]
mod messages;
#[path = "../fuzz/fuzz_targets/packs.rs"]
mod packs;
#[path = "../fuzz/fuzz_targets/streams.rs"]
mod streams;

/// Stands for libfuzzer-sys's macro. It comes behind the targets, which import it.
#[macro_export]
macro_rules! fuzz_target {
    (|$text:ident: &str| $body:block) => {
        pub(crate) fn run(bytes: &[u8]) {
            if let Ok($text) = std::str::from_utf8(bytes) {
                $body
            }
        }
    };
    (|$data:ident: &[u8]| $body:block) => {
        pub(crate) fn run($data: &[u8]) {
            $body
        }
    };
}

/// A target's name and what it does with an input.
type Target = (&'static str, fn(&[u8]));

const TARGETS: [Target; 7] = [
    ("config", config::run),
    ("decoder", decoder::run),
    ("frames", frames::run),
    ("htpasswd", htpasswd::run),
    ("messages", messages::run),
    ("packs", packs::run),
    ("streams", streams::run),
];

#[test]
fn no_input_of_a_corpus_breaks_its_target() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    for (name, run) in TARGETS {
        let mut inputs = 0;
        for entry in fs::read_dir(folder.join("corpus").join(name)).unwrap() {
            let path = entry.unwrap().path();
            println!("{}", path.display());
            run(&fs::read(&path).unwrap());
            inputs += 1;
        }
        assert!(inputs > 0, "{name} has no corpus");
    }
}

#[test]
fn every_target_is_here() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/fuzz_targets");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<_> = files.map(|name| name.into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, TARGETS.map(|(name, _)| format!("{name}.rs")));
}
