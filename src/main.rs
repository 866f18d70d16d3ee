//! The program `trace`.

fn main() -> std::process::ExitCode {
    trace::cli::main()
}
