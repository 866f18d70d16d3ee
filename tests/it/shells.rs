//! The printed scripts in real shells: what is recorded, what is not, and what of the user's stays.

mod driver;

use driver::{Place, Rc, Sitting, name, skipped, wait_for};
use std::io::Write as _;
use std::process::{Command, Stdio};
use trace::capture::init::{self, Guard, Shell};
use trace::model::id::Half;
use trace::wire::shell::Record;

/// Makes one test per shell of a function that takes the shell.
macro_rules! in_each_shell {
    ($($name:ident: $($shell:ident)+;)+) => {$(
        mod $name {
            $(#[test]
            #[allow(non_snake_case)]
            fn $shell() {
                if !super::skipped(trace::capture::init::Shell::$shell) {
                    super::$name(trace::capture::init::Shell::$shell);
                }
            })+
        }
    )+};
}

in_each_shell! {
    everything_typed_is_recorded_once_with_its_exit_code: Bash Zsh Fish;
    a_pipeline_has_the_codes_of_its_parts: Bash Zsh Fish;
    ctrl_c_is_130: Bash Zsh Fish;
    both_directories_of_a_cd_are_recorded: Bash Zsh Fish;
    long_texts_arrive: Bash Zsh Fish;
    a_suspicious_text_goes_through_the_binary: Bash Zsh Fish;
    a_leading_space_hides: Bash Zsh Fish;
    sourced_a_hundred_times_is_once: Bash Zsh Fish;
    a_nested_shell_is_a_session_of_its_own: Bash Zsh Fish;
    trace_off_is_off: Bash Zsh Fish;
    an_epoch_that_changed_makes_it_ask_again: Bash Zsh Fish;
    a_deleted_journal_is_asked_for_again: Bash Zsh Fish;
    outside_a_repository_nothing_is_asked_or_recorded: Bash Zsh Fish;
    a_missing_binary_is_not_noticed: Bash Zsh Fish;
    the_guard_comes_before_what_destroys_and_only_then: Bash Zsh Fish;
    without_the_guard_it_is_never_called: Bash Zsh Fish;
    a_flush_is_asked_for_each_tenth_command_and_at_the_end: Bash Zsh Fish;
    options_of_the_user_do_not_break_it: Bash Zsh;
    starts_are_recorded_before_ends: Bash Zsh;
    the_screen_lets_no_secret_pass: Bash Zsh;
    the_patterns_of_the_guard_mean_the_same: Bash Zsh Fish;
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

/// What the guard is for, and what it must leave alone.
const DESTROYS: &[&str] = &[
    "> y",
    ">y",
    "echo a > y",
    "rm -f nothing",
    "/bin/rm -f nothing",
    "env rm -f nothing",
    "sh -c 'rm -f nothing'",
    "true; rm -f nothing",
    "git -C . reset --hard",
    "git clean -n",
    "git checkout -- nothing",
    "git stash",
    "sed -i s/a/b/ y",
    "find . -name nothing -delete",
];
const LEAVES: &[&str] = &[
    "ls",
    "ls 2>/dev/null",
    "ls >/dev/null",
    "ls 2>&1",
    "echo a >> y",
    "echo 'a => b'",
    "echo 'a -> b'",
    "echo --rm -it",
    "git status",
    "git log > /dev/null",
    "echo farm house",
];

fn the_guard_comes_before_what_destroys_and_only_then(shell: Shell) {
    let place = Place::new();
    let mut sitting = sitting(&place, shell);
    let mut count = 0;
    for (lines, fires) in [(DESTROYS, 1), (LEAVES, 0)] {
        // A bare redirection is no command in fish, and waits for input in zsh.
        for line in lines.iter().filter(|line| shell == Shell::Bash || !line.starts_with('>')) {
            sitting.line(line);
            count += fires;
            assert_eq!(place.calls("shell-guard").len(), count, "after {line:?}");
        }
    }
    let journal = place.path("stub/journal");
    assert_eq!(place.calls("shell-guard")[0], format!("hook shell-guard {}", journal.display()));
}

fn without_the_guard_it_is_never_called(shell: Shell) {
    let place = Place::new();
    let mut sitting = Sitting::start(&place, shell, Rc { guard: Guard::Off, ..Rc::default() });
    sitting.line("rm -f nothing");
    assert_eq!(told(&place.wait_finished(1)), [("rm -f nothing".into(), 0)]);
    assert!(place.calls("shell-guard").is_empty());
    let starts = place.records().iter().filter(|record| record.half == Half::Started).count();
    assert_eq!(starts, usize::from(shell == Shell::Zsh), "in bash the started half comes with the guard");
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

/// Runs lines through `test`, a program of the shell's that says `1` or `0` for the line in `$line`.
fn judge(shell: Shell, setup: &str, test: &str, lines: &[String]) -> Vec<bool> {
    let program = match shell {
        Shell::Fish => format!("{setup}\nwhile read line; if {test}; echo 1; else; echo 0; end; end"),
        _ => format!("{setup}\nwhile IFS= read -r line; do if {test}; then echo 1; else echo 0; fi; done"),
    };
    let mut child = Command::new(name(shell))
        .args(["-c", &program])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(format!("{}\n", lines.join("\n")).as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let answers: Vec<bool> =
        String::from_utf8(output.stdout).unwrap().lines().map(|line| line == "1").collect();
    assert_eq!(answers.len(), lines.len());
    answers
}

fn the_screen_lets_no_secret_pass(shell: Shell) {
    let script = init::script(shell, Guard::On);
    let patterns = script.lines().map(str::trim).find(|line| line.starts_with("*[Pp][Aa]")).unwrap();
    let setup = format!("hit() {{ case $line in\n{patterns}\n return 0;; esac; return 1; }}")
        .replace(") ;;\n", ")\n");
    let secrets = secrets();
    let missed: Vec<_> = judge(shell, &setup, "hit", &secrets)
        .into_iter()
        .zip(&secrets)
        .filter_map(|(hit, line)| (!hit).then_some(line))
        .collect();
    assert!(missed.is_empty(), "{missed:#?}");
    let everyday: Vec<String> = EVERYDAY.iter().map(|line| (*line).to_owned()).collect();
    for (hit, line) in judge(shell, &setup, "hit", &everyday).into_iter().zip(&everyday) {
        assert!(!hit, "{line}");
    }
}

/// One line for each kind of secret that has a shape; built here, so that no scanner finds one.
fn secrets() -> Vec<String> {
    let run = |len: usize| "a1B2c3D4e5".chars().cycle().take(len).collect::<String>();
    let prefixed = [
        "AKIA",
        "ASIA",
        "ghp_",
        "gho_",
        "github_pat_",
        "glpat-",
        "xoxb-",
        "xapp-1-",
        "whsec_",
        "sk-ant-api03-",
        "sk-or-v1-",
        "gsk_",
        "xai-",
        "pplx-",
        "r8_",
        "hf_",
        "AIza",
        "ya29.",
        "GOCSPX-",
        "npm_",
        "pypi-AgE",
        "rubygems_",
        "oy2",
        "cio",
        "dckr_pat_",
        "SK",
        "dop_v1_",
        "fm2_",
        "nfp_",
        "shpat_",
        "sq0atp-",
        "hvs.",
        "pul-",
        "dp.pt.",
        "ops_eyJ",
        "dapi",
        "pscale_tkn_",
        "sbp_",
        "glsa_",
        "glc_eyJ",
        "NRAK-",
        "sntrys_eyJ",
        "lin_api_",
        "ntn_",
        "figd_",
        "PMAK-",
        "ATATT3",
        "ATBB",
        "bkua_",
        "CCIPAT_",
    ];
    let mut lines: Vec<String> = prefixed.iter().map(|prefix| format!("echo {prefix}{}", run(30))).collect();
    lines.extend(
        [
            "echo AKIA234567ABCDEFGHIJ",
            "echo sk_live_0123456789",
            "echo eyJhbGciOi.eyJzdWIi.x",
            "curl https://me:word@host/",
            "curl -u me:word host",
            "curl --user me:word host",
            "curl --proxy-user me:word host",
            "curl -H 'Authorization: Basic abcdef'",
            "curl -H 'X-Api-Key: abcdef'",
            "curl -H 'Cookie: a=b'",
            "mysql -pword db",
            "sshpass -p word ssh host",
            "docker login -p word",
            "redis-cli -a word",
            "export DB_PASSWORD=word",
            "export db_pwd=word",
            "PW=word ./run",
            "echo 'machine h login me password word'",
            "echo '-----BEGIN RSA PRIVATE KEY-----'",
            "wget 'https://h/?sig=abcdef'",
            "tool --client-secret word",
            "vault write x credentials=word",
        ]
        .map(str::to_owned),
    );
    lines
}

const EVERYDAY: &[&str] = &[
    "ls -la",
    "cd src/capture",
    "git status",
    "git commit -m 'fix the parser'",
    "git push origin main",
    "git log --oneline -20",
    "git rebase -i HEAD~3",
    "cargo test --all-targets",
    "cargo build --release",
    "make -j8",
    "npm install",
    "npm run build",
    "vim src/main.rs",
    "grep -rn pattern src",
    "find . -name '*.rs'",
    "docker compose up -d",
    "python3 -m venv .venv",
    "cat README.md | head -20",
    "ssh host uptime",
    "curl -fsSL https://example.com/x.sh",
    "kubectl get pods",
    "for f in *.txt; do wc -l $f; done",
    "mkdir -p a/b/c",
    "tar czf a.tgz a",
];

fn the_patterns_of_the_guard_mean_the_same(shell: Shell) {
    let script = init::script(shell, Guard::On);
    let pattern = script.split("__trace_danger").find_map(|rest| {
        let rest = rest.strip_prefix("='").or_else(|| rest.strip_prefix(" '"))?;
        rest.split('\'').next()
    });
    let (setup, test) = match shell {
        Shell::Fish => ("set ", "string match -qr -- $pattern $line"),
        _ => ("", "[[ $line =~ $pattern ]]"),
    };
    let equals = if shell == Shell::Fish { " " } else { "=" };
    let setup = format!("{setup}pattern{equals}'{}'", pattern.unwrap());
    for (lines, fires) in [(DESTROYS, true), (LEAVES, false)] {
        let lines: Vec<String> =
            lines.iter().filter(|line| !line.contains("/dev/null")).map(|line| (*line).to_owned()).collect();
        for (hit, line) in judge(shell, &setup, test, &lines).into_iter().zip(&lines) {
            assert_eq!(hit, fires, "{line}");
        }
    }
}

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
