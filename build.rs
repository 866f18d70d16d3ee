//! Links the unwinder into the programs where the C compiler has it as an archive.
//!
//! Every hook is a process of its own. Without `libgcc_s` the loader has one library less to find, map
//! and start, which is a tenth of what a hook takes. Where there is no archive, it is linked as ever.

#![allow(clippy::disallowed_macros, reason = "this is how cargo is told")]

use std::env;
use std::path::PathBuf;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let target = |name: &str| env::var(format!("CARGO_CFG_TARGET_{name}")).unwrap_or_default();
    // For another machine, this compiler's archive is not the right one.
    let native = env::var_os("HOST") == env::var_os("TARGET");
    let found = if native && target("OS") == "linux" && target("ENV") == "gnu" { archive() } else { None };
    if let Some(dir) = found.as_ref().and_then(|path| path.parent()) {
        println!("cargo::rustc-link-search=native={}", dir.display());
        println!("cargo::rustc-link-lib=static:-bundle,+verbatim=libgcc_eh.a");
    }
}

/// Where the compiler that links has the archive.
fn archive() -> Option<PathBuf> {
    let answer = Command::new("cc").arg("-print-file-name=libgcc_eh.a").output().ok()?;
    let path = PathBuf::from(String::from_utf8(answer.stdout).ok()?.trim());
    // It repeats the bare name of what it does not have.
    (path.is_absolute() && path.is_file()).then_some(path)
}
