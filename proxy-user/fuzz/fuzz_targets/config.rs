//! Whatever a configuration says: no panic, and either a configuration or at least one mistake.
#![no_main]

use std::path::Path;

use ebbtide::config::Config;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Err(mistakes) = Config::parse(text, Path::new("fuzz.toml")) {
        assert!(mistakes.iter().count() > 0);
    }
});
