//! The `ebbtide` binary.

fn main() -> std::process::ExitCode {
    ebbtide::cli::main()
}
