//! The program `git-trace`: what hooks call, and what git runs for `git trace`.

fn main() -> std::process::ExitCode {
    trace::cli::git_trace::main()
}
