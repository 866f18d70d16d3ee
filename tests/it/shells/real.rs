//! The same shells with the real program: what was typed is in exactly one checkpoint.

use super::driver::{Place, Rc, Sitting, skipped, wait_for};
use trace::capture::init::Shell;

/// How many shells sit in one worktree at once.
const SHELLS: usize = 6;

/// How many lines each of them is given.
const LINES: usize = 12;

/// Text, exit code and state of every command that the program lists.
fn listed(place: &Place) -> Vec<(String, Option<i64>, String)> {
    let document: serde_json::Value =
        serde_json::from_str(&place.trace(&["commands", "--json", "--limit", "0"])).unwrap();
    let told = document["commands"].as_array().unwrap().iter();
    told.map(|one| {
        let text = |field: &str| one[field].as_str().unwrap_or_default().to_owned();
        (text("command"), one["exit"].as_i64(), text("state"))
    })
    .collect()
}

fn held(place: &Place, text: &str) -> usize {
    place.events().lines().filter(|line| line.contains("command_finished") && line.contains(text)).count()
}

fn what_is_typed_is_listed_and_kept(shell: Shell) {
    if skipped(shell) {
        return;
    }
    let place = Place::real();
    let mut sitting = Sitting::start(&place, shell, Rc::default());
    sitting.line("echo one >one.txt");
    sitting.line("ls /nowhere-at-all");
    sitting.line("export API_TOKEN=abcdefghij0123456789abcdefghij0123");
    sitting.line("rm one.txt");
    sitting.line("true after");
    let waited_for = |text: &str| listed(&place).iter().any(|(command, ..)| command == text);
    wait_for("the last command", || waited_for("true after"), || format!("{:#?}", listed(&place)));
    assert!(
        listed(&place).iter().any(|(text, exit, state)| {
            text == "ls /nowhere-at-all" && *exit == Some(2) && state == "done"
        })
    );
    place.trace(&["checkpoint"]);
    for text in ["echo one >one.txt", "ls /nowhere-at-all", "rm one.txt", "true after"] {
        assert_eq!(held(&place, text), 1, "{text}: {}", place.events());
    }
    assert!(!place.events().contains("abcdefghij0123456789"), "a secret is in the store");
    assert!(place.kept("one.txt"), "the guard kept what `rm` removed");
    sitting.end();
}

#[test]
fn bash_with_the_real_program() {
    what_is_typed_is_listed_and_kept(Shell::Bash);
}

#[test]
fn zsh_with_the_real_program() {
    what_is_typed_is_listed_and_kept(Shell::Zsh);
}

#[test]
fn fish_with_the_real_program() {
    what_is_typed_is_listed_and_kept(Shell::Fish);
}

#[test]
fn shells_that_are_killed_at_work_lose_nothing_they_had_acknowledged() {
    if skipped(Shell::Bash) || skipped(Shell::Zsh) {
        return;
    }
    let place = Place::real();
    // Their files are written before anybody reads them.
    for shell in [Shell::Bash, Shell::Zsh] {
        Sitting::start(&place, shell, Rc::default()).end();
    }
    std::thread::scope(|scope| {
        for at in 0..SHELLS {
            let (place, shell) = (&place, if at % 2 == 0 { Shell::Bash } else { Shell::Zsh });
            scope.spawn(move || {
                let mut sitting = Sitting::start(place, shell, Rc::default());
                for line in 0..LINES {
                    sitting.line(&format!("echo {at} >part-{at}.{line}"));
                }
                // The prompt is there, so the shell has written; it is killed in its next command.
                sitting.keys("kill -9 $$\r");
                sitting.wait_end();
            });
        }
    });
    place.trace(&["checkpoint"]);
    place.trace(&["checkpoint"]);
    for at in 0..SHELLS {
        for line in 0..LINES {
            let text = format!("echo {at} >part-{at}.{line}");
            // The quote that ends the text in JSON: 1 is not 10.
            let times = held(&place, &format!("{text}\""));
            assert_eq!(times, 1, "{text}: {:#?}", listed(&place));
        }
    }
    let states = listed(&place);
    assert!(states.iter().all(|(_, _, state)| state != "running"), "{states:#?}");
}
