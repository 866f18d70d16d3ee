//! What is the user's stays the user's, and what the user hides stays hidden.

use trace::capture::init::Shell;

use super::driver::{Place, Rc, Sitting, skipped};
use super::{sitting, told};

/// What one line of a table about bash's history expects: typed, and the record's flags if any.
type Typed = (&'static str, Option<&'static str>);

#[test]
fn bash_tells_hidden_lines_from_repeats_under_each_histcontrol() {
    if skipped(Shell::Bash) {
        return;
    }
    let cases: &[(&str, &[Typed])] = &[
        (
            "",
            &[
                (" echo a", None),
                ("echo b", Some("")),
                (" echo c", None),
                ("echo b", Some("")),
                ("echo b", Some("")),
            ],
        ),
        (
            "HISTCONTROL=ignorespace",
            &[
                (" echo a", None),
                ("echo b", Some("")),
                (" echo c", None),
                ("echo b", Some("")),
                ("echo b", Some("")),
            ],
        ),
        (
            "HISTCONTROL=ignoredups",
            &[
                (" echo a", None),
                ("echo b", Some("")),
                ("echo b", Some("r")),
                (" echo c", None),
                ("echo b", Some("")),
            ],
        ),
        (
            "HISTCONTROL=ignoreboth",
            &[
                (" echo a", None),
                ("echo b", Some("")),
                (" echo c", None),
                ("echo b", Some("u")),
                ("echo d", Some("")),
            ],
        ),
        (
            "HISTCONTROL=ignorespace:ignoredups",
            &[("echo b", Some("")), (" echo c", None), ("echo b", Some("u"))],
        ),
        (
            "HISTCONTROL=erasedups",
            &[("echo a", Some("")), ("echo b", Some("")), ("echo a", Some("")), ("echo a", Some("r"))],
        ),
        (
            "HISTCONTROL=ignoredups HISTIGNORE='ls*'",
            &[("echo b", Some("")), ("ls -d .", None), ("echo b", Some("u")), ("echo c", Some(""))],
        ),
        ("HISTIGNORE='ls*'", &[("echo b", Some("")), ("ls -d .", None), ("echo c", Some(""))]),
        ("set +o history", &[("echo a", None), ("echo b", None)]),
    ];
    for (rc, lines) in cases {
        let place = Place::new();
        let mut sitting = Sitting::start(&place, Shell::Bash, Rc { after: rc, ..Rc::default() });
        let mut expected = Vec::new();
        for (typed, flags) in *lines {
            sitting.line(typed);
            expected.extend(flags.map(|flags| (typed.to_string(), flags.to_owned())));
        }
        let found =
            place.finished().into_iter().map(|record| (record.text.lossy().into_owned(), record.flags));
        assert_eq!(found.collect::<Vec<_>>(), expected, "{rc}");
    }
}

#[test]
fn bash_keeps_what_is_the_users() {
    if skipped(Shell::Bash) {
        return;
    }
    for before in [
        "PS0='@mine@'; PROMPT_COMMAND='mine;'",
        "PS0='@mine@'; PROMPT_COMMAND=(mine 'touch ../array')",
        "PS0='@mine@'; trap 'touch ../left' EXIT",
        "PS0='@mine@'; trap ':' DEBUG",
    ] {
        let place = Place::new();
        let mut sitting = Sitting::start(&place, Shell::Bash, Rc { before, ..Rc::default() });
        assert_eq!(sitting.line("(exit 9)"), 9, "{before}");
        assert!(sitting.screen().contains("@mine@"), "{before}");
        sitting.line("[[ abc =~ b ]]");
        sitting.line("echo ${BASH_REMATCH[0]} > ../matched");
        assert_eq!(place.read("matched"), "b\n", "{before}");
        sitting.line("PS0=other");
        sitting.line("echo last");
        assert_eq!(place.wait_finished(5)[4].text.lossy(), "echo last", "PS0 is put back in order");
        let exits = before.contains("EXIT");
        assert_eq!(before.contains("array"), place.path("array").exists());
        sitting.end();
        assert_eq!(exits, place.path("left").exists());
    }
}

#[test]
fn bash_without_microseconds_says_so() {
    if skipped(Shell::Bash) {
        return;
    }
    let place = Place::new();
    let rc = Rc { before: "set -u; unset EPOCHREALTIME XDG_RUNTIME_DIR", ..Rc::default() };
    let mut sitting = Sitting::start(&place, Shell::Bash, rc);
    sitting.line("echo one");
    let record = place.wait_finished(1).remove(0);
    assert_eq!((record.flags.as_str(), record.text.lossy()), ("s", "echo one".into()));
    assert!(record.start.unwrap().0 > 1_500_000_000_000_000 && record.end >= record.start, "{record:?}");
    assert!(!sitting.end().contains("unbound"));
}

#[test]
fn bash_does_not_complain_of_a_broken_locale() {
    if skipped(Shell::Bash) {
        return;
    }
    let place = Place::new();
    let mut sitting =
        Sitting::start(&place, Shell::Bash, Rc { env: &[("LC_ALL", "xx_XX.UTF-8")], ..Rc::default() });
    let before = sitting.screen().matches("setlocale").count();
    sitting.line("echo caf\u{e9}");
    sitting.line("echo two");
    place.wait_finished(2);
    assert_eq!(sitting.screen().matches("setlocale").count(), before);
}

#[test]
fn exec_makes_a_new_session_in_the_same_process() {
    if skipped(Shell::Bash) {
        return;
    }
    let place = Place::new();
    let mut sitting = sitting(&place, Shell::Bash);
    sitting.nest("exec bash --rcfile ~/.bashrc -i");
    sitting.line("echo one");
    let opened = place.calls("shell-open");
    let pids: Vec<_> = opened.iter().filter_map(|call| call.split(' ').nth(3)).collect();
    assert_eq!((pids.len(), pids[0]), (2, pids[1]), "{opened:?}");
    let parent = opened[1].rsplit(' ').next().unwrap();
    assert_eq!(parent.len(), 36, "the old session is the parent: {opened:?}");
}

#[test]
fn zsh_keeps_what_is_the_users() {
    if skipped(Shell::Zsh) {
        return;
    }
    let place = Place::new();
    let before = "preexec() { print -n \"@mine:$1@\" }; alias bye='rm -f'";
    let mut sitting = Sitting::start(&place, Shell::Zsh, Rc { before, ..Rc::default() });
    assert_eq!(sitting.line("(exit 9)"), 9);
    assert!(sitting.screen().contains("@mine:(exit 9)@"));
    sitting.line("[[ abc =~ b ]]");
    sitting.line("echo $MATCH > ../matched");
    assert_eq!(place.read("matched"), "b\n");
    let before = place.calls("shell-guard").len();
    sitting.line("bye nothing");
    assert_eq!(place.calls("shell-guard").len(), before + 1, "an alias is seen through");
}

#[test]
fn fish_in_private_mode_is_not_recorded() {
    if skipped(Shell::Fish) {
        return;
    }
    let place = Place::new();
    let mut sitting = sitting(&place, Shell::Fish);
    sitting.nest("fish --private -i");
    sitting.line("echo private");
    sitting.leave();
    sitting.line("echo public");
    let texts = told(&place.wait_finished(2));
    assert_eq!(texts, [("fish --private -i".into(), 0), ("echo public".into(), 0)]);
}

#[test]
fn bash_leaves_no_scratch_file_behind() {
    if skipped(Shell::Bash) {
        return;
    }
    let place = Place::new();
    let mut sitting = sitting(&place, Shell::Bash);
    let files = || std::fs::read_dir(place.path("run")).unwrap().count();
    sitting.line("echo one");
    assert_eq!(files(), 1);
    assert_eq!(place.wait_finished(1).len(), 1);
    sitting.end();
    assert_eq!(files(), 0);
}
