//! How it went, as a number, and errors as a tired person reads them.

use std::fmt;
use std::process::ExitCode;

use crate::disk::inherited::Interrupted;
use crate::store::{Busy, Damaged, Refused};

/// The exit codes of every command but hooks, which exit 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    Done,
    /// Nothing found, differences, a problem found, or any other failure.
    No,
    Usage,
    /// It needs `--yes`, or there is a conflict.
    Refused,
    /// Somebody else was at work; try again.
    Busy,
    /// The store is damaged.
    Damaged,
    /// Somebody pressed Ctrl-C.
    Interrupted,
    /// What a command that we ran for somebody said.
    Theirs(u8),
}

impl Exit {
    /// The number.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::No => 1,
            Self::Usage => 2,
            Self::Refused => 3,
            Self::Busy => 4,
            Self::Damaged => 5,
            Self::Interrupted => 130,
            Self::Theirs(code) => code,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// The caller asked for something that makes no sense. Exit code 2.
#[derive(Debug)]
pub struct Misuse(pub String);

/// It would be done if it were asked for more plainly. Exit code 3.
#[derive(Debug)]
pub struct Refusal(pub String);

macro_rules! words {
    ($($name:ident),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl std::error::Error for $name {}
    )*};
}
words!(Misuse, Refusal);

/// Prints the chain of an error and returns its exit code. A reader that went away is no error.
pub fn report(error: &anyhow::Error) -> Exit {
    if is_broken_pipe(error) {
        return Exit::Done;
    }
    super::output::say(&format!("trace: {error:#}"));
    code_of(error)
}

/// The exit code of an error: that of the first cause that has one.
pub fn code_of(error: &anyhow::Error) -> Exit {
    // A type is looked for at every depth, contexts included.
    match () {
        () if error.is::<Misuse>() => Exit::Usage,
        () if error.is::<Refusal>() || error.is::<Refused>() => Exit::Refused,
        () if error.is::<Busy>() => Exit::Busy,
        () if error.is::<Damaged>() => Exit::Damaged,
        () if error.is::<Interrupted>() => Exit::Interrupted,
        () => Exit::No,
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let io = error.chain().find_map(|cause| cause.downcast_ref::<std::io::Error>());
    io.is_some_and(|io| io.kind() == std::io::ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::anyhow;

    #[test]
    fn an_error_keeps_its_code_under_any_context() {
        let cases = [
            (anyhow!(Misuse("x".into())), 2),
            (anyhow!(Refusal("x".into())), 3),
            (anyhow!(Busy("x".into())), 4),
            (anyhow!(Damaged("x".into())), 5),
            (anyhow!("x").context(Damaged("y".into())), 5),
            (anyhow!(Interrupted), 130),
            (anyhow!("anything"), 1),
        ];
        for (error, code) in cases {
            let error = error.context("while doing something");
            assert_eq!(code_of(&error).code(), code, "{error:#}");
        }
    }
}
