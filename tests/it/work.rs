//! Some days of real work, as data: two agents and a person on several branches, in two worktrees and
//! in a clone that records nothing. In the end every commit is linked to what led to it, every line is
//! told with whoever wrote it, and every trail has come as far as it has.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::{Value, json};
use trace::git::store::Store;
use trace::model::id::SessionId;
use trace::model::oid::Oid;
use trace::recall::links::{self, Ground};

use crate::links::home;
use crate::person::Shell;
use crate::place::{GIT_TRACE, Place, finish};
use crate::sandbox::Sandbox;

const SHELL: &str = "01987f00-1111-7000-8000-00000000000a";

#[derive(Clone, Copy, PartialEq, Eq)]
enum Who {
    Claude,
    Codex,
    /// At a shell.
    Person,
    /// Where nothing is recorded.
    Nobody,
}
use Who::{Claude, Codex, Nobody, Person};

/// What somebody does next.
enum Step {
    /// An agent is asked for something.
    Asked(&'static str),
    /// An agent writes a file with a tool that names it.
    Writes(&'static str, &'static str),
    /// Somebody runs a command.
    Runs(&'static str),
    /// An agent's turn ends.
    Stops,
}
use Step::{Asked, Runs, Stops, Writes};

/// Where, who and what.
const STEPS: &[(&str, Who, Step)] = &[
    // A branch of an agent's: a tool, a command, and its own commit.
    ("repo", Person, Runs("git checkout -q -b menu")),
    ("repo", Claude, Asked("write the menu")),
    ("repo", Claude, Writes("menu", "soup\nbread\n")),
    ("repo", Claude, Runs("echo cake >>menu")),
    ("repo", Claude, Runs("git add menu && git commit -q -m 'the menu'")),
    ("repo", Claude, Stops),
    // What an agent and a person did is committed in parts: a file of two, some lines of the other, the rest.
    ("repo", Claude, Asked("add tea, and say what it costs")),
    ("repo", Claude, Writes("menu", "soup\nbread\ntea\ncake\n")),
    ("repo", Claude, Writes("prices", "tea 2\ncake 3\n")),
    ("repo", Claude, Stops),
    ("repo", Person, Runs("echo salt >>menu")),
    ("repo", Person, Runs("git add prices && git commit -q -m 'the prices'")),
    ("repo", Person, Runs("printf 's\\ny\\nn\\n' | git add -p menu && git commit -q -m 'tea'")),
    ("repo", Person, Runs("git commit -q -a -m 'salt'")),
    // The last commit is amended by the agent.
    ("repo", Claude, Asked("the soup is hot")),
    ("repo", Claude, Runs("sed -i s/soup/'hot soup'/ menu")),
    ("repo", Claude, Runs("git commit -q -a --amend -m 'salt, and a hot soup'")),
    ("repo", Claude, Stops),
    // Something is begun and put aside.
    ("repo", Claude, Asked("try pepper")),
    ("repo", Claude, Runs("echo pepper >>menu")),
    ("repo", Claude, Stops),
    ("repo", Person, Runs("git stash -q")),
    // A branch of the other agent's.
    ("repo", Person, Runs("git checkout -q -b bill main")),
    ("repo", Codex, Asked("write the bill")),
    ("repo", Codex, Runs("printf 'one\\ntwo\\n' >bill && git add bill && git commit -q -m 'a bill'")),
    ("repo", Codex, Asked("go on with three")),
    ("repo", Codex, Runs("echo three >>bill")),
    ("repo", Codex, Runs("git commit -q -a -m 'three'")),
    ("repo", Codex, Asked("and with four")),
    ("repo", Codex, Runs("echo four >>bill && git commit -q -a -m 'four'")),
    ("repo", Codex, Stops),
    // Meanwhile the base goes on, in a file that nobody else has; the branch is moved onto it, and two
    // of its commits become one.
    ("repo", Person, Runs("git checkout -q main")),
    ("repo", Person, Runs("echo 'open at nine' >hours && git add hours && git commit -q -m 'the hours'")),
    ("repo", Person, Runs("git checkout -q bill")),
    ("repo", Person, Runs("GIT_SEQUENCE_EDITOR='sed -i -e 3s/pick/fixup/' git rebase -q -i main")),
    // One of its commits is picked, and what was put aside comes back.
    ("repo", Person, Runs("git checkout -q menu")),
    ("repo", Person, Runs("git cherry-pick bill~1 >/dev/null")),
    ("repo", Person, Runs("git stash pop -q")),
    ("repo", Person, Runs("git commit -q -a -m 'pepper'")),
    // Both agents at once: the one in another worktree.
    ("repo", Person, Runs("git worktree add -q -b sign ../side main")),
    ("side", Codex, Asked("write the sign")),
    ("repo", Claude, Asked("draft a song")),
    ("side", Codex, Runs("echo welcome >sign")),
    ("repo", Person, Runs("git checkout -q -b song main")),
    ("repo", Claude, Writes("song", "la la\n")),
    ("side", Codex, Runs("git add sign && git commit -q -m 'the sign'")),
    ("repo", Claude, Runs("git add song && git commit -q -m 'a song'")),
    ("repo", Claude, Stops),
    ("side", Codex, Stops),
    ("side", Person, Runs("echo closed >>sign")),
    ("side", Person, Runs("git commit -q -a -m 'closed, too'")),
    // The song is given up.
    ("repo", Person, Runs("git checkout -q main")),
    ("repo", Person, Runs("git branch -q -D song")),
    // The menu is merged where nobody records, all of it in one commit.
    ("", Nobody, Runs("git clone -q repo elsewhere")),
    ("elsewhere", Nobody, Runs("git checkout -q main")),
    ("elsewhere", Nobody, Runs("git merge -q --squash origin/menu && git commit -q -m 'all of the menu'")),
    ("repo", Person, Runs("git pull -q ../elsewhere main")),
    // The sign is merged here.
    ("repo", Person, Runs("git merge -q --no-ff -m 'take the sign' sign")),
    // A branch of one commit is squashed here.
    ("repo", Person, Runs("git checkout -q -b door")),
    ("repo", Codex, Asked("mind the door")),
    ("repo", Codex, Runs("echo 'pull the door' >door")),
    ("repo", Codex, Runs("git add door && git commit -q -m 'the door'")),
    ("repo", Codex, Stops),
    ("repo", Person, Runs("git checkout -q main")),
    ("repo", Person, Runs("git merge -q --squash door && git commit -q -m 'the door, too'")),
    // Somebody looks at the bill elsewhere; here something is not committed yet.
    ("repo", Person, Runs("git worktree add -q ../look bill")),
    ("look", Person, Runs("cat bill >/dev/null")),
    ("repo", Claude, Asked("close at five")),
    ("repo", Claude, Writes("hours", "open at nine\nclosed at five\n")),
    ("repo", Claude, Stops),
    ("repo", Person, Runs("git stash --quiet")),
    ("repo", Person, Runs("git stash pop --quiet")),
    ("repo", Codex, Asked("what is left to do?")),
    ("repo", Codex, Stops),
    ("repo", Person, Runs("echo 'and on Sundays' >>hours")),
];

/// What led to a commit.
struct Led {
    commit: &'static str,
    by: &'static [Who],
    prompts: &'static [&'static str],
    commands: &'static [&'static str],
}

/// Of each commit that is there in the end; commands by how they begin.
const LED: &[Led] = &[
    Led {
        commit: "menu~5",
        by: &[Claude],
        prompts: &["write the menu"],
        commands: &["echo cake", "git add menu"],
    },
    Led {
        commit: "menu~4",
        by: &[Claude, Person],
        prompts: &["add tea, and say what it costs"],
        commands: &["git add prices"],
    },
    Led {
        commit: "menu~3",
        by: &[Claude, Person],
        prompts: &["add tea, and say what it costs"],
        commands: &["printf 's"],
    },
    Led {
        commit: "menu~2",
        by: &[Claude, Person],
        prompts: &["the soup is hot"],
        commands: &["echo salt", "git commit -q -a --amend", "git commit -q -a -m 'salt'", "sed -i s/soup"],
    },
    Led {
        commit: "menu~1",
        by: &[Codex, Person],
        prompts: &["write the bill"],
        commands: &["git cherry-pick", "printf 'one"],
    },
    Led {
        commit: "menu",
        by: &[Claude, Person],
        prompts: &["try pepper"],
        commands: &["echo pepper", "git commit -q -a -m 'pepper'", "git stash pop -q"],
    },
    Led {
        commit: "bill~1",
        by: &[Codex, Person],
        prompts: &["write the bill"],
        commands: &["GIT_SEQUENCE_EDITOR", "printf 'one"],
    },
    Led {
        commit: "bill",
        by: &[Codex, Person],
        prompts: &["and with four", "go on with three"],
        commands: &["GIT_SEQUENCE_EDITOR", "echo four", "echo three", "git commit -q -a -m 'three'"],
    },
    Led { commit: "main~3", by: &[Person], prompts: &[], commands: &["echo 'open"] },
    Led {
        commit: "main~2",
        by: &[Claude, Codex, Person],
        prompts: &[
            "add tea, and say what it costs",
            "the soup is hot",
            "try pepper",
            "write the bill",
            "write the menu",
        ],
        commands: &["echo cake", "echo pepper", "echo salt", "printf 'one", "sed -i s/soup"],
    },
    Led {
        commit: "main~1",
        by: &[Codex, Person],
        prompts: &["write the sign"],
        commands: &["echo closed", "echo welcome", "git merge -q --no-ff"],
    },
    Led {
        commit: "main",
        by: &[Codex, Person],
        prompts: &["mind the door"],
        commands: &["echo 'pull the door'", "git merge -q --squash door"],
    },
    Led {
        commit: "sign~1",
        by: &[Codex],
        prompts: &["write the sign"],
        commands: &["echo welcome", "git add sign"],
    },
    Led {
        commit: "sign",
        by: &[Person],
        prompts: &[],
        commands: &["echo closed", "git commit -q -a -m 'closed"],
    },
];

/// Who wrote a line.
enum Wrote {
    /// The prompt, and the command or the tool.
    Agent(Who, &'static str, &'static str),
    Person(&'static str),
    /// Nobody that is recorded: what the commit says that brought it.
    Commit(&'static str),
}

/// A file as it is in the end, line by line.
struct File {
    place: &'static str,
    path: &'static str,
    lines: &'static [(&'static str, Wrote)],
}

const LINES: &[File] = &[
    File { place: "repo", path: "README", lines: &[("read me", Wrote::Commit("begin"))] },
    File {
        place: "repo",
        path: "menu",
        lines: &[
            ("hot soup", Wrote::Agent(Claude, "the soup is hot", "sed -i s/soup/'hot soup'/ menu")),
            ("bread", Wrote::Agent(Claude, "write the menu", "Write")),
            ("tea", Wrote::Agent(Claude, "add tea, and say what it costs", "Write")),
            ("cake", Wrote::Agent(Claude, "write the menu", "echo cake >>menu")),
            ("salt", Wrote::Person("echo salt >>menu")),
            ("pepper", Wrote::Agent(Claude, "try pepper", "echo pepper >>menu")),
        ],
    },
    File {
        place: "repo",
        path: "prices",
        lines: &[
            ("tea 2", Wrote::Agent(Claude, "add tea, and say what it costs", "Write")),
            ("cake 3", Wrote::Agent(Claude, "add tea, and say what it costs", "Write")),
        ],
    },
    File { place: "repo", path: "bill", lines: &[("one", BILL), ("two", BILL)] },
    File {
        place: "repo",
        path: "sign",
        lines: &[("welcome", SIGN), ("closed", Wrote::Person("echo closed >>sign"))],
    },
    File {
        place: "repo",
        path: "door",
        lines: &[("pull the door", Wrote::Agent(Codex, "mind the door", "echo 'pull the door' >door"))],
    },
    File {
        place: "repo",
        path: "hours",
        lines: &[
            ("open at nine", HOURS),
            ("closed at five", Wrote::Agent(Claude, "close at five", "Write")),
            ("and on Sundays", Wrote::Person("echo 'and on Sundays' >>hours")),
        ],
    },
    File {
        place: "side",
        path: "sign",
        lines: &[("welcome", SIGN), ("closed", Wrote::Person("echo closed >>sign"))],
    },
    File { place: "side", path: "hours", lines: &[("open at nine", HOURS)] },
    File {
        place: "look",
        path: "bill",
        lines: &[
            ("one", BILL),
            ("two", BILL),
            ("three", Wrote::Agent(Codex, "go on with three", "echo three >>bill")),
            ("four", Wrote::Agent(Codex, "and with four", "echo four >>bill && git commit -q -a -m 'four'")),
        ],
    },
    File { place: "look", path: "hours", lines: &[("open at nine", HOURS)] },
];

const HOURS: Wrote =
    Wrote::Person("echo 'open at nine' >hours && git add hours && git commit -q -m 'the hours'");
const SIGN: Wrote = Wrote::Agent(Codex, "write the sign", "echo welcome >sign");
const BILL: Wrote = Wrote::Agent(
    Codex,
    "write the bill",
    "printf 'one\\ntwo\\n' >bill && git add bill && git commit -q -m 'a bill'",
);

const TRAILS: &[(&str, &str)] = &[
    ("bill", "in_progress"),
    ("door", "merged"),
    ("main", "in_progress"),
    ("menu", "merged"),
    ("sign", "merged"),
    ("song", "closed"),
];

impl Who {
    fn session(self) -> SessionId {
        match self {
            Claude => SessionId::of_key("claude", b"claude"),
            Codex => SessionId::of_key("codex", b"codex"),
            Person | Nobody => SessionId::parse(&format!("sess_{SHELL}")).unwrap(),
        }
    }

    /// What git knows its caller by.
    fn environment(self, place: &Place) -> Place {
        match self {
            Claude => place.with("CLAUDE_CODE_SESSION_ID", "claude"),
            Codex => place.with("CODEX_THREAD_ID", "codex"),
            Person => place.with("TRACE_SHELL_SESSION", SHELL),
            Nobody => place.clone(),
        }
    }

    fn word(self) -> &'static str {
        match self {
            Claude => "claude",
            Codex => "codex",
            Person => "person",
            Nobody => "nobody",
        }
    }
}

/// Everybody at work.
struct Days {
    sandbox: Sandbox,
    shell: Shell,
    calls: usize,
}

impl Days {
    fn worked() -> Self {
        let sandbox = Sandbox::new();
        sandbox.trace(&["enable"]).good("enable");
        let mut days = Self { sandbox, shell: Shell::new(SHELL), calls: 0 };
        for (place, who, step) in STEPS {
            days.goes_on(place, *who, step);
        }
        days.sandbox.checkpoint();
        days
    }

    /// The place, in which git's clock goes as it does everywhere.
    fn place(&self, name: &str) -> Place {
        self.sandbox.at(name).with("GIT_COMMITTER_DATE", "").with("GIT_AUTHOR_DATE", "")
    }

    fn goes_on(&mut self, name: &'static str, who: Who, step: &Step) {
        let place = self.place(name);
        self.calls += 1;
        let tell = |event: &str, more: Value| {
            let common = json!({"session_id": who.word(), "hook_event_name": event, "cwd": place.dir});
            let mut payload = common.as_object().unwrap().clone();
            payload.extend(more.as_object().unwrap().clone());
            let mut hook = place.command(GIT_TRACE);
            finish(hook.args(["hook", who.word()]), json!(payload).to_string().as_bytes()).silent();
        };
        let call = |tool: &str, input: Value| {
            json!({
                "tool_name": tool, "tool_use_id": format!("t{}", self.calls), "tool_input": input,
                "tool_response": {"stdout": ""},
            })
        };
        let head = || place.git(&["rev-parse", "HEAD"]);
        let runs = |command: &str| {
            who.environment(&place).run("bash", &["-c", command]).good(command);
        };
        let before = (who != Nobody).then(head);
        match (step, who) {
            (Asked(prompt), _) => tell("UserPromptSubmit", json!({"prompt": prompt})),
            (Writes(file, text), _) => {
                let about = call("Write", json!({"file_path": place.dir.join(file), "content": text}));
                tell("PreToolUse", about.clone());
                place.write(file, text);
                tell("PostToolUse", about);
            }
            (Runs(command), Nobody) => runs(command),
            (Runs(command), Person) => self.shell.types(&place, command, || runs(command)),
            (Runs(command), _) => {
                let about = match who {
                    Codex => call("exec_command", json!({"cmd": command})),
                    _ => call("Bash", json!({"command": command})),
                };
                tell("PreToolUse", about.clone());
                runs(command);
                tell("PostToolUse", about);
            }
            (Stops, _) => {
                tell("Stop", json!({"last_assistant_message": "done"}));
                place.checkpoint();
            }
        }
        // When anybody goes on, the file system's clock has ticked: whoever thinks takes longer.
        place.tick();
        if before.is_some_and(|before| before != head()) {
            place.checkpoint();
        }
    }

    /// The texts of all commands, by their id.
    fn commands(&self) -> BTreeMap<String, String> {
        let places = ["repo", "side", "look"].map(|name| self.place(name));
        let rows = places.iter().flat_map(|place| place.list("commands", "commands"));
        let word = |value: &Value| value.as_str().unwrap().to_owned();
        rows.map(|row| (word(&row["id"]), word(&row["command"]))).collect()
    }
}

/// What of two lists is not in both.
fn compare(of: &str, expected: BTreeSet<String>, found: BTreeSet<String>, wrong: &mut Vec<String>) {
    wrong.extend(expected.difference(&found).map(|one| format!("{of}: missing {one}")));
    wrong.extend(found.difference(&expected).map(|one| format!("{of}: too much {one}")));
}

/// Everything that led to each commit, and nothing else.
fn links_are_right(days: &Days, wrong: &mut Vec<String>) {
    let home = home(&days.sandbox);
    let store = Store::open(&home.place.store()).unwrap();
    let (ground, troubles) = Ground::read(&home, &store).unwrap();
    assert_eq!(troubles, [""; 0]);
    let commands = days.commands();
    for led in LED {
        let commit = days.sandbox.git(&["rev-parse", led.commit]);
        let links = links::of_commit(&ground, Oid::parse(commit.as_bytes()).unwrap()).unwrap();
        let who = led.by.iter().map(|who| format!("session {}", who.session()));
        let prompts = led.prompts.iter().map(|prompt| format!("prompt {prompt}"));
        // A command by its beginning, if there is only one that begins so.
        let full = |begin: &&str| {
            let found: Vec<_> = commands.values().filter(|text| text.starts_with(begin)).collect();
            assert_eq!(found.len(), 1, "{begin}: {found:?}");
            format!("command {}", found[0])
        };
        let expected = who.chain(prompts).chain(led.commands.iter().map(full)).collect();
        let who = links.sessions.iter().map(|link| format!("session {}", link.what));
        let prompts = links.prompts.iter().map(|link| format!("prompt {}", link.what.prompt.lossy()));
        let ran = links.commands.iter().map(|link| format!("command {}", commands[&link.what.to_string()]));
        compare(led.commit, expected, who.chain(prompts).chain(ran).collect(), wrong);
    }
}

/// Every line of every file that somebody wrote, by whoever wrote it.
fn lines_are_right(days: &Days, wrong: &mut Vec<String>) {
    for File { place, path, lines } in LINES {
        let told = days.place(place).json(&["why", path])["lines"].clone();
        let text = fs::read_to_string(days.place(place).dir.join(path)).unwrap();
        let texts: Vec<&str> = lines.iter().map(|(text, _)| *text).collect();
        assert_eq!(text.lines().collect::<Vec<_>>(), texts, "{place}/{path}");
        for (nth, (text, wrote)) in (1..).zip(*lines) {
            let holds = |one: &&Value| {
                (one["first"].as_u64().unwrap()..=one["last"].as_u64().unwrap()).contains(&nth)
            };
            let one = told.as_array().unwrap().iter().find(holds).unwrap();
            let (expected, found) = (wrote.told(), answer(one));
            if expected != found {
                wrong.push(format!("{place}/{path}, {text:?}: {found}, not {expected}"));
            }
        }
    }
}

impl Wrote {
    fn told(&self) -> Value {
        match self {
            Self::Agent(who, prompt, did) => json!([who.session().to_string(), prompt, did, "exact"]),
            Self::Person(did) => json!([Person.session().to_string(), null, did, "exact"]),
            Self::Commit(subject) => json!(["commit", subject]),
        }
    }
}

/// What `trace why` says of a line, in the form of [`Wrote::told`].
fn answer(line: &Value) -> Value {
    if line["source"] == "commit" {
        return json!(["commit", line["subject"]]);
    }
    let [by] = &line["by"].as_array().unwrap()[..] else { return line.clone() };
    let did = if by["text"].is_null() { &by["tool"] } else { &by["text"] };
    json!([by["session"], by["prompt"], did, line["confidence"]])
}

fn trails_are_right(days: &Days, wrong: &mut Vec<String>) {
    let document = days.sandbox.json(&["trail", "--all", "--limit", "0"]);
    let found = document["trails"].as_array().unwrap().iter();
    let found = found.map(|one| format!("{} {}", one["branch"], one["status"])).collect();
    let expected = TRAILS.iter().map(|(branch, status)| format!("\"{branch}\" \"{status}\"")).collect();
    compare("trail", expected, found, wrong);
}

#[test]
fn days_of_real_work_are_told_rightly_to_the_last_line() {
    let days = Days::worked();
    let mut wrong = Vec::new();
    links_are_right(&days, &mut wrong);
    lines_are_right(&days, &mut wrong);
    trails_are_right(&days, &mut wrong);
    assert!(wrong.is_empty(), "{} answers are wrong:\n{}", wrong.len(), wrong.join("\n"));
    days.sandbox.fsck();
}
