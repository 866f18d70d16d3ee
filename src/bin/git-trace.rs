//! The program `git-trace`: what hooks call, and what git runs for `git trace`.
//!
//! It begins where C does. What std does before a `main` of Rust, most of all to tell an overflow of the
//! stack from another fault, has the C library read the list of all that is mapped, a twelfth of a hook.
//! [`trace::cli::git_trace`] does what is of use of the rest.
#![no_main]

use std::ffi::{CStr, OsStr, c_char, c_int};
use std::os::unix::ffi::OsStrExt;

// SAFETY: nothing else in the program has this name, and its type is that of the `main` of C.
#[unsafe(no_mangle)]
extern "C" fn main(count: c_int, words: *const *const c_char) -> c_int {
    let word = |at: usize| {
        // SAFETY: at `words` are `count` pointers to strings, each with a zero at its end, which live as
        // long as the program does (C11, 5.1.2.2.1); `at` is less than `count`.
        let word = unsafe { CStr::from_ptr(*words.add(at)) };
        OsStr::from_bytes(word.to_bytes()).to_owned()
    };
    let arguments: Vec<_> = (1..usize::try_from(count).unwrap_or(0)).map(word).collect();
    trace::cli::git_trace::main(&arguments)
}
