//! What apps print.

use ebbtide::drivers::Driver;
use libtest_mimic::Failed;

use crate::scene::{Scene, status};

fn resident_kib() -> u64 {
    status(std::process::id(), "VmRSS").trim_end_matches(" kB").parse().unwrap()
}

pub(crate) fn a_gigabyte_is_bounded(scene: &Scene) -> Result<(), Failed> {
    const ALLOWED_KIB: u64 = 64 * 1024;
    let before = resident_kib();
    let app = scene.sh(
        "yes 'a line of an app that prints more than anybody reads' | head -c 1G; echo; echo end",
    );
    app.start();
    let said = app.exit();
    assert_eq!(said, "it exited with status 0; its last line: end");
    let after = resident_kib();
    assert!(after < before + ALLOWED_KIB, "{before} KiB became {after} KiB");
    Ok(())
}

pub(crate) fn an_endless_line_is_bounded(scene: &Scene) -> Result<(), Failed> {
    let app = scene.sh("head -c 50M /dev/zero | tr '\\0' x; echo; echo end");
    app.start();
    app.exit();
    let said = app.driver.output();
    assert_eq!(said.len(), 2);
    assert!(said[0].len() < 5000, "{} bytes", said[0].len());
    assert!(said[0].ends_with(" more bytes)"));
    Ok(())
}
