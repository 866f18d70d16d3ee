//! The printed scripts in real shells: what is recorded, what is not, and what of the user's stays.

/// Makes one test per shell of a function that takes the shell.
macro_rules! in_each_shell {
    ($($name:ident: $($shell:ident)+;)+) => {$(
        mod $name {
            $(#[test]
            #[allow(non_snake_case)]
            fn $shell() {
                if !crate::shells::driver::skipped(trace::capture::init::Shell::$shell) {
                    super::$name(trace::capture::init::Shell::$shell);
                }
            })+
        }
    )+};
}

pub mod driver;
mod patterns;
mod real;
mod users;

use driver::{Place, Rc, Sitting, name, wait_for};
use trace::capture::init::Shell;
use trace::model::id::Half;
use trace::wire::shell::Record;

in_each_shell! {
    everything_typed_is_recorded_once_with_its_exit_code: Bash Zsh Fish;
    a_pipeline_has_the_codes_of_its_parts: Bash Zsh Fish;
    ctrl_c_is_130: Bash Zsh Fish;
    both_directories_of_a_cd_are_recorded: Bash Zsh Fish;
    long_texts_arrive: Bash Zsh Fish;
    a_suspicious_text_goes_through_the_binary: Bash Zsh Fish;
    a_leading_space_hides: Bash Zsh Fish;
    trace_off_before_a_command_hides_it: Bash Zsh Fish;
    sourced_a_hundred_times_is_once: Bash Zsh Fish;
    a_nested_shell_is_a_session_of_its_own: Bash Zsh Fish;
    trace_off_is_off: Bash Zsh Fish;
    an_epoch_that_changed_makes_it_ask_again: Bash Zsh Fish;
    a_deleted_journal_is_asked_for_again: Bash Zsh Fish;
    outside_a_repository_nothing_is_asked_or_recorded: Bash Zsh Fish;
    a_missing_binary_is_not_noticed: Bash Zsh Fish;
    a_flush_is_asked_for_each_tenth_command_and_at_the_end: Bash Zsh Fish;
    options_of_the_user_do_not_break_it: Bash Zsh;
    starts_are_recorded_before_ends: Bash Zsh;
}

fn sitting(place: &Place, shell: Shell) -> Sitting {
    Sitting::start(place, shell, Rc::default())
}

/// Text and exit code of every finished command.
fn told(records: &[Record]) -> Vec<(String, i32)> {
    records.iter().map(|record| (record.text.lossy().into_owned(), record.exit.unwrap())).collect()
}

fn everything_typed_is_recorded_once_with_its_exit_code(shell: Shell) {
    let place = Place::new();
    let before = if shell == Shell::Zsh { "setopt interactive_comments" } else { "" };
    let mut sitting = Sitting::start(&place, shell, Rc { before, ..Rc::default() });
    let mut cases = vec![
        ("true", Some(("true", 0))),
        ("false", Some(("false", 1))),
        ("", None),
        ("# a comment", None),
        ("echo 'two\nlines'", Some(("echo 'two\nlines'", 0))),
        ("echo 日本 🦀 é", Some(("echo 日本 🦀 é", 0))),
        ("true", Some(("true", 0))),
        ("true &", Some(("true &", 0))),
        ("wait", Some(("wait", 0))),
        ("sh -c 'exit 7'", Some(("sh -c 'exit 7'", 7))),
        ("no-such-command-here", Some(("no-such-command-here", 127))),
    ];
    if shell != Shell::Fish {
        // bash has it from its history, which puts a command of several lines on one.
        let (looped, joined) = match shell {
            Shell::Bash => ("for i in 1 2; do :; done", "echo ab"),
            _ => ("for i in 1 2\ndo :\ndone", "echo a\\\nb"),
        };
        cases.extend([
            ("(exit 3)", Some(("(exit 3)", 3))),
            ("cat <<E\na  b\nE", Some(("cat <<E\na  b\nE", 0))),
            ("for i in 1 2\ndo :\ndone", Some((looped, 0))),
            ("f() { return 4; }", Some(("f() { return 4; }", 0))),
            ("f", Some(("f", 4))),
            ("echo a\\\nb", Some((joined, 0))),
        ]);
    } else {
        cases.extend([
            ("function f; return 4; end", Some(("function f; return 4; end", 0))),
            ("f", Some(("f", 4))),
            ("begin; false; end", Some(("begin; false; end", 1))),
        ]);
    }
    let mut expected = Vec::new();
    for (typed, recorded) in cases {
        // fish shows a comment as a command; bash and zsh never tell of one.
        if shell == Shell::Fish && typed.starts_with('#') {
            continue;
        }
        let status = sitting.line(typed);
        if let Some((text, exit)) = recorded {
            assert_eq!(status, exit, "the user's hook after {typed:?}");
            expected.push((text.to_owned(), exit));
            place.wait_finished(expected.len());
        }
    }
    assert_eq!(told(&place.finished()), expected);
    let records = place.finished();
    assert!(records.iter().all(|record| record.start <= record.end && record.start.is_some()), "{records:?}");
    assert!(records.windows(2).all(|pair| pair[0].seq < pair[1].seq), "a number is never used twice");
    sitting.end();
}

fn a_pipeline_has_the_codes_of_its_parts(shell: Shell) {
    let place = Place::new();
    let mut sitting = sitting(&place, shell);
    sitting.line("sh -c 'exit 3' | sh -c 'exit 4' | true");
    let record = &place.wait_finished(1)[0];
    assert_eq!((record.exit, record.pipestatus.as_slice()), (Some(0), &[3, 4, 0][..]));
    if shell != Shell::Fish {
        sitting.line("IFS=,");
        sitting.line("false | true");
        assert_eq!(place.wait_finished(3)[2].pipestatus, [1, 0], "whatever the user's IFS");
    }
}

fn ctrl_c_is_130(shell: Shell) {
    let place = Place::new();
    let mut sitting = sitting(&place, shell);
    sitting.keys("sh -c 'touch ../begun; exec sleep 60'\r");
    wait_for("the command", || place.path("begun").exists(), || sitting.screen());
    sitting.keys("\x03");
    assert_eq!(sitting.line(""), 130);
    assert_eq!(place.wait_finished(1)[0].exit, Some(130));
}

fn both_directories_of_a_cd_are_recorded(shell: Shell) {
    let place = Place::new();
    let mut sitting = sitting(&place, shell);
    sitting.line("cd sub");
    let record = &place.wait_finished(1)[0];
    assert_eq!(record.cwd.lossy(), place.path("repo").to_string_lossy());
    assert_eq!(record.cwd_after.as_ref().unwrap().lossy(), place.path("repo/sub").to_string_lossy());
    sitting.line("cd ../../outside");
    assert_eq!(
        place.wait_finished(2)[1].cwd_after.as_ref().unwrap().lossy(),
        place.path("outside").to_string_lossy()
    );
}

fn long_texts_arrive(shell: Shell) {
    let place = Place::new();
    let mut sitting = sitting(&place, shell);
    for (count, bytes) in [(1, 900), (2, 4_000), (3, 9_000), (4, 100_000)] {
        let text = format!(": {}", "word ".repeat(bytes / 5).trim_end());
        sitting.paste(&text);
        let record = &place.wait_finished(count)[count - 1];
        let cut = shell == Shell::Fish && bytes > 30_000;
        let whole = if cut { &text[..30_000] } else { text.as_str() };
        assert!(record.text.lossy() == whole, "{bytes}: {} bytes arrived", record.text.as_bytes().len());
        assert_eq!(record.flags, if cut { "t" } else { "" });
    }
    assert!(
        place.calls("shell-event").len() >= 2,
        "what a builtin cannot write whole goes through the binary"
    );
}

fn a_suspicious_text_goes_through_the_binary(shell: Shell) {
    let place = Place::new();
    let mut sitting = sitting(&place, shell);
    sitting.line("echo harmless");
    place.wait_finished(1);
    let before = place.calls("shell-event").len();
    assert_eq!(before, usize::from(shell == Shell::Fish), "a builtin writes what looks harmless");
    sitting.line("echo my-token=1234");
    assert_eq!(place.wait_finished(2)[1].text.lossy(), "echo my-token=1234");
    assert!(place.calls("shell-event").len() > before);
    assert!(!place.read("stub/calls").contains("1234"), "no text on a command line");
}

fn a_leading_space_hides(shell: Shell) {
    let place = Place::new();
    let mut sitting = sitting(&place, shell);
    sitting.line("echo one");
    sitting.line(" echo hidden");
    sitting.line("echo two");
    place.wait_finished(2);
    sitting.end();
    let texts: Vec<_> = place.finished().iter().map(|record| record.text.lossy().into_owned()).collect();
    assert_eq!(texts[..2], ["echo one", "echo two"]);
    assert!(!place.read("stub/journal").contains("hidden"));
}

fn trace_off_before_a_command_hides_it(shell: Shell) {
    let place = Place::new();
    let mut sitting = sitting(&place, shell);
    sitting.line("echo one");
    sitting.line("TRACE_OFF=1 echo hidden");
    sitting.line("TRACE_OFF= echo on");
    sitting.line("echo TRACE_OFF=1");
    place.wait_finished(3);
    sitting.end();
    let texts: Vec<_> = place.finished().iter().map(|record| record.text.lossy().into_owned()).collect();
    assert_eq!(texts[..3], ["echo one", "TRACE_OFF= echo on", "echo TRACE_OFF=1"]);
    assert!(!place.read("stub/journal").contains("hidden"));
}

fn sourced_a_hundred_times_is_once(shell: Shell) {
    let place = Place::new();
    let mut sitting = Sitting::start(&place, shell, Rc { times: 100, ..Rc::default() });
    sitting.line("echo one");
    sitting.line("echo two");
    place.wait_finished(2);
    assert_eq!(told(&place.finished()), [("echo one".into(), 0), ("echo two".into(), 0)]);
    assert_eq!(place.calls("shell-open").len(), 1);
}

fn a_nested_shell_is_a_session_of_its_own(shell: Shell) {
    let place = Place::new();
    let mut sitting = sitting(&place, shell);
    let told = |file: &str| place.read(file).trim().to_owned();
    sitting.line("echo $TRACE_SHELL_SESSION > ../outer");
    sitting.nest(match shell {
        Shell::Bash => "bash --rcfile ~/.bashrc -i",
        Shell::Zsh => "zsh -d -i",
        Shell::Fish => "fish -i",
    });
    sitting.line("echo $TRACE_SHELL_SESSION > ../inner");
    sitting.leave();
    sitting.line("echo $TRACE_SHELL_SESSION > ../again");
    let (outer, inner) = (told("outer"), told("inner"));
    assert_eq!(outer, told("again"));
    assert_ne!(outer, inner);
    for uuid in [&outer, &inner] {
        let session = trace::model::id::SessionId::of_key("shell", uuid.as_bytes());
        assert_eq!(session.uuid(), uuid, "a UUID of version 7");
    }
    let opened = place.calls("shell-open");
    assert_eq!(opened.len(), 2, "{opened:?}");
    assert!(opened[0].starts_with(&format!("hook shell-open {} ", name(shell))), "{opened:?}");
    assert!(opened[0].trim_end().ends_with("/repo"), "no parent: {opened:?}");
    assert!(opened[1].ends_with(&format!("/repo {outer}")), "the parent: {opened:?}");
}

fn trace_off_is_off(shell: Shell) {
    let place = Place::new();
    let mut sitting = sitting(&place, shell);
    let (off, on) = match shell {
        Shell::Fish => ("set -gx TRACE_OFF 1", "set -e TRACE_OFF"),
        _ => ("export TRACE_OFF=1", "unset TRACE_OFF"),
    };
    for line in [off, "echo quiet", "rm -f quiet", on, "echo loud"] {
        sitting.line(line);
    }
    place.wait_finished(2);
    assert_eq!(told(&place.finished()), [(off.into(), 0), ("echo loud".into(), 0)]);
    assert!(place.calls("shell-guard").is_empty());
    let starts = place.records().iter().filter(|record| record.half == Half::Started).count();
    assert!(shell == Shell::Fish || starts == 2, "no half is alone");
}

fn an_epoch_that_changed_makes_it_ask_again(shell: Shell) {
    let place = Place::new();
    place.write("stub/off", "");
    let mut sitting = sitting(&place, shell);
    sitting.line("echo before");
    assert_eq!(place.calls("shell-open").len(), 1, "asked once");
    std::fs::remove_file(place.path("stub/off")).unwrap();
    place.write("state/trace/epoch", "1\n");
    sitting.line("");
    sitting.line("echo enabled");
    place.wait_finished(1);
    place.write("stub/off", "");
    place.write("state/trace/epoch", "2\n");
    sitting.line("");
    sitting.line("echo disabled");
    sitting.end();
    assert_eq!(told(&place.finished()), [("echo enabled".into(), 0)]);
}

fn a_deleted_journal_is_asked_for_again(shell: Shell) {
    let place = Place::new();
    let mut sitting = sitting(&place, shell);
    sitting.line("echo one");
    place.wait_finished(1);
    std::fs::remove_file(place.path("stub/journal")).unwrap();
    sitting.line("");
    sitting.line("echo two");
    assert_eq!(told(&place.wait_finished(1)), [("echo two".into(), 0)]);
    assert_eq!(place.calls("shell-open").len(), 2);
}

fn outside_a_repository_nothing_is_asked_or_recorded(shell: Shell) {
    let place = Place::new();
    let mut sitting = sitting(&place, shell);
    for line in ["cd ../outside", "echo outside", "rm -f x", "cd ../repo/sub", "echo inside"] {
        sitting.line(line);
    }
    let texts = told(&place.wait_finished(2));
    assert_eq!(texts, [("cd ../outside".into(), 0), ("echo inside".into(), 0)]);
    assert_eq!(place.calls("shell-open").len(), 1, "the answer for a repository is kept");
    assert!(place.calls("shell-guard").is_empty());
}

fn a_missing_binary_is_not_noticed(shell: Shell) {
    let place = Place::new();
    let mut sitting = sitting(&place, shell);
    sitting.line("echo one");
    place.wait_finished(1);
    std::fs::remove_file(place.path("bin/git-trace")).unwrap();
    for line in ["echo token=1", "rm -f x", "echo two", ""] {
        sitting.line(line);
    }
    let screen = sitting.end();
    assert!(!screen.contains("git-trace") && !screen.contains("not found"), "{screen}");
}

fn a_flush_is_asked_for_each_tenth_command_and_at_the_end(shell: Shell) {
    let place = Place::new();
    let mut sitting = sitting(&place, shell);
    let flushes = |count: usize| {
        wait_for("a flush", || place.calls("shell-flush").len() == count, || place.read("stub/calls"));
    };
    for _ in 0..10 {
        assert!(place.calls("shell-flush").is_empty());
        sitting.line("true");
    }
    flushes(1);
    if shell != Shell::Fish {
        sitting.line("(exit 3)");
        assert_eq!(place.calls("shell-flush").len(), 1, "a subshell's end is not the shell's");
    }
    sitting.end();
    flushes(2);
}

fn options_of_the_user_do_not_break_it(shell: Shell) {
    let options: &[&str] = match shell {
        Shell::Bash => &[
            "set -u",
            "set -e",
            "set -f",
            "set -C",
            "shopt -s nullglob failglob extglob nocasematch",
            "IFS=0123456789",
            "set -o posix",
            "set -a",
        ],
        _ => &[
            "setopt no_clobber",
            "setopt ksh_arrays",
            "setopt sh_word_split glob_subst",
            "setopt no_unset",
            "setopt err_exit",
            "setopt hist_ignore_space",
            "setopt all_export",
            "setopt extended_glob no_bare_glob_qual",
            "IFS=0123456789",
        ],
    };
    for option in options {
        for rc in [Rc { before: option, ..Rc::default() }, Rc { after: option, ..Rc::default() }] {
            let place = Place::new();
            let mut sitting = Sitting::start(&place, shell, rc);
            sitting.line("echo one");
            sitting.line("true | echo token");
            sitting.line("");
            sitting.line("echo two");
            let expected = ["echo one", "true | echo token", "echo two"];
            let texts = place.wait_finished(3);
            assert_eq!(
                texts.iter().map(|record| record.text.lossy()).collect::<Vec<_>>(),
                expected,
                "{option}"
            );
            let screen = sitting.end();
            for word in ["unbound", "not set", "parameter", "bad ", "error", "__trace"] {
                assert!(!screen.contains(word), "{option}: {word} in {screen}");
            }
        }
    }
}

fn starts_are_recorded_before_ends(shell: Shell) {
    let place = Place::new();
    let mut sitting = sitting(&place, shell);
    sitting.keys("sh -c 'touch ../begun; while [ ! -e ../go ]; do sleep 0.01; done'\r");
    wait_for("the command", || place.path("begun").exists(), || sitting.screen());
    let records = place.records();
    assert_eq!(records.len(), 1);
    assert_eq!((records[0].half, records[0].exit), (Half::Started, None));
    place.write("go", "");
    sitting.line("");
    let records = place.records();
    assert_eq!(records.len(), 2, "an empty line has no halves");
    assert_eq!((records[0].seq, &records[0].text), (records[1].seq, &records[1].text));
}
