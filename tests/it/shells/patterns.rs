//! What the scripts look for in a text before they write it or let it run, in real shells.

use std::io::Write as _;
use std::process::{Command, Stdio};

use trace::capture::init::{self, Guard, Shell};
use trace::model::id::Half;

use super::driver::{Place, Rc, Sitting, name};
use super::{sitting, told};

in_each_shell! {
    the_screen_lets_no_secret_pass: Bash Zsh;
    the_guard_comes_before_what_destroys_and_only_then: Bash Zsh Fish;
    without_the_guard_it_is_never_called: Bash Zsh Fish;
    the_patterns_of_the_guard_mean_the_same: Bash Zsh Fish;
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
