//! The same program under the name that hooks and `git trace` call.

fn main() -> std::process::ExitCode {
    trace::cli::main()
}
