//! What plain HTTP costs where it does not flow, and how fast it is where it has far to go.
//!
//!     cargo build --release && cargo run --release --example plain_http
//!
//! Needs root, `ip` and `ss`: all of it happens in network namespaces of its own. The result is Markdown on
//! standard output.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::disallowed_methods,
    reason = "a measurement, not part of the proxy"
)]

mod app;
mod delay_line;
mod held;
#[path = "../kernel_cost/machine.rs"]
mod machine;
mod subject;
mod throughput;

use clap::Parser;

use crate::{app::App, subject::Subject};

#[derive(Parser)]
struct Args {
    /// The `ebbtide` binary
    #[arg(long, default_value = "target/release/ebbtide")]
    ebbtide: String,
    /// Connections that do not read
    #[arg(long, default_value_t = 300)]
    connections: usize,
    /// Runs of each transfer, of which the median is shown
    #[arg(long, default_value_t = 3)]
    runs: usize,
}

fn main() {
    let args = Args::parse();
    delay_line::unshare();
    println!("{}", machine::describe());
    println!(
        "| connections that do not flow | resident KiB each | send queues KiB each | receive queues KiB each |"
    );
    println!("| --- | ---: | ---: | ---: |");
    for way in held::Way::ALL {
        let app = App::start();
        let proxy = Subject::start(&args.ebbtide, app.address());
        held::measure(&proxy, way, args.connections);
    }
    println!("\n| transfer | round trip | link | MB/s | proxy's CPU s per GB |");
    println!("| --- | ---: | ---: | ---: | ---: |");
    let app = App::start();
    let proxy = Subject::start(&args.ebbtide, app.address());
    throughput::measure(&proxy, args.runs);
}
