//! What the kernel's account of the sockets costs on this machine. `cargo xtask kernel-cost` builds and
//! runs it as root; the result is Markdown on standard output, progress goes to standard error.
//!
//! `kernel_cost measure SECONDS ROUNDS` measures; `kernel_cost hold ADDRESS COUNT` is the child that
//! holds the far ends of connections, so that the near ends may use all of a process's descriptors.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a measurement, not part of the proxy"
)]

mod callbacks;
mod cgroup;
mod far;
mod look;
mod machine;
mod median;
mod stream;

use std::time::Duration;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    far::raise_limit();
    match words[..] {
        ["hold", address, count] => far::hold(address.parse().unwrap(), count.parse().unwrap()),
        ["measure", seconds, rounds] => {
            let time = Duration::from_secs_f64(seconds.parse().unwrap());
            let cgroup = cgroup::Cgroup::enter();
            println!("{}", measure(time, rounds.parse().unwrap()));
            drop(cgroup);
        }
        _ => eprintln!("run `cargo xtask kernel-cost` instead"),
    }
}

fn measure(time: Duration, rounds: usize) -> String {
    let parts =
        [machine::describe(), callbacks::table(rounds), stream::table(time, rounds), look::table()];
    parts.join("\n")
}
