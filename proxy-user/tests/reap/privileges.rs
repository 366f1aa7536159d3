//! Which capabilities the proxy needs to start, and which it has left when it serves.

use libtest_mimic::Failed;

use crate::harness::app::App;
use crate::harness::session::open;
use crate::harness::traffic::{self, STEADY};

use super::scene::{self, Source, await_reset, output};

/// Where the program lies: a shell may have one of the same name built in, which knows less.
fn program(name: &str) -> Result<String, Failed> {
    let folders = std::env::var("PATH")?;
    let mut places = folders.split(':').map(|folder| format!("{folder}/{name}"));
    let found = places.find(|place| std::path::Path::new(place).exists());
    Ok(found.ok_or_else(|| format!("no {name} in PATH"))?)
}

/// The first two numbers of the running kernel's version.
fn kernel() -> Result<(u32, u32), Failed> {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(str::parse::<u32>);
    let mut next = || numbers.next().ok_or("no version")?.map_err(|_| "no version");
    Ok((next()?, next()?))
}

/// With the three capabilities of the kernel writer and no other it starts, gives them up, and does
/// all its work: rows are lent, read and given back, and a frozen client is reaped.
pub(crate) fn three_are_enough_and_none_is_kept(source: Source) -> Result<(), Failed> {
    let setpriv = program("setpriv")?;
    // Before 5.11 tables are charged to the limit of locked memory.
    let three = format!(
        "ulimit -l unlimited; exec {setpriv} --inh-caps=-all \
         --bounding-set=-all,+bpf,+net_admin,+perfmon \"$0\" \"$@\""
    );
    let three = ["sh", "-c", &three];
    let scene = scene::set_with(source, App::listen(), "", |setup| setup.wrapper(&three))?;
    for entry in std::fs::read_dir(format!("/proc/{}/task", scene.proxy.id()))? {
        let status = std::fs::read_to_string(entry?.path().join("status"))?;
        for set in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
            let line = status.lines().find(|line| line.starts_with(set)).ok_or("no such line")?;
            let none = line.ends_with("\t0000000000000000");
            // Before 5.19 the kernel asks for CAP_BPF (bit 39) whenever the table is changed.
            let bpf = line.ends_with("\t0000008000000000") && kernel()? < (5, 19);
            assert!(none || (bpf && ["CapPrm", "CapEff"].contains(&set)), "{line}");
        }
    }
    let (client, server) = open(&scene.proxy, &scene.app);
    scene.assert_source(source);
    let _stream = traffic::send(&server.wire, output(), STEADY);
    await_reset(&client.wire);
    scene.proxy.await_sessions(0);
    assert_eq!(scene.reaped("client", "stalled"), 1);
    Ok(())
}
