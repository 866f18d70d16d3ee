//! From a commit to what led to it: whatever is done to commits, with our hooks and without them, by
//! us and elsewhere, the checkpoints, sessions and prompts behind them are found again.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use trace::disk;
use trace::disk::consent::UserState;
use trace::disk::place::Told;
use trace::git::store::Store;
use trace::model::id::SessionId;
use trace::model::oid::Oid;
use trace::recall::links::{self, Ground, Links, Of};
use trace::store::home::Home;

use crate::place::{GIT_TRACE, Place, finish};
use crate::sandbox::Sandbox;

/// A second worktree, of which nothing is told: else the flush that its hook starts, since nobody has led
/// there yet, may come in the midst of what follows, and makes a checkpoint without a name.
fn side_worktree(place: &Place) {
    place.with("TRACE_OFF", "1").git(&["worktree", "add", "-q", "-b", "side", "../side"]);
}

/// A repository, and what was recorded in it so far, by short names.
struct World {
    sandbox: Sandbox,
    /// Names of checkpoints, in their order.
    names: Vec<(&'static str, String)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Hooks {
    Set,
    Unset,
}

impl World {
    fn new(hooks: Hooks) -> Self {
        let sandbox = Sandbox::new();
        let more: &[&str] = if hooks == Hooks::Unset { &["--no-git-hooks"] } else { &[] };
        sandbox.trace(&[&["enable"], more].concat()).good("enable");
        Self { sandbox, names: Vec::new() }
    }

    /// A turn of an agent: a prompt, and a file written by a tool; then a checkpoint of that name.
    fn turn(&mut self, name: &'static str, session: &str, file: &str, text: &str) {
        let place = (*self.sandbox).clone();
        self.turn_at(&place, name, session, &[(file, text)]);
    }

    fn turn_at(&mut self, place: &Place, name: &'static str, session: &str, files: &[(&str, &str)]) {
        tell(place, json!({"session_id": session, "hook_event_name": "UserPromptSubmit", "prompt": name}));
        for (nth, (file, text)) in files.iter().enumerate() {
            let tool = |event: &str| {
                json!({
                    "session_id": session, "hook_event_name": event, "tool_name": "Write",
                    "tool_use_id": format!("{name}-{nth}"), "tool_response": {"ok": true},
                    "tool_input": {"file_path": place.dir.join(file)},
                })
            };
            tell(place, tool("PreToolUse"));
            place.write(file, text);
            tell(place, tool("PostToolUse"));
        }
        self.checkpoint_at(place, name);
    }

    fn checkpoint(&mut self, name: &'static str) {
        let place = (*self.sandbox).clone();
        self.checkpoint_at(&place, name);
    }

    fn checkpoint_at(&mut self, place: &Place, name: &'static str) {
        self.names.push((name, place.checkpoint()));
    }

    /// Commits these files, and takes a checkpoint of that name.
    fn commit(&mut self, name: &'static str, files: &[&str]) -> String {
        self.sandbox.git(&[&["add"], files].concat());
        self.sandbox.git(&["commit", "-q", "-m", name]);
        self.checkpoint(name);
        head(&self.sandbox)
    }

    fn links(&self, commit: &str) -> Links {
        let home = home(&self.sandbox);
        let store = Store::open(&home.place.store()).unwrap();
        let (ground, troubles) = Ground::read(&home, &store).unwrap();
        assert_eq!(troubles, [""; 0]);
        links::of_commit(&ground, Oid::parse(commit.as_bytes()).unwrap()).unwrap()
    }

    /// Fails unless a commit is linked to these checkpoints and prompts, each as `name how`.
    fn expect(&self, commit: &str, checkpoints: &[&str], prompts: &[&str]) {
        let links = self.links(commit);
        let name = |id: &Oid| {
            let known = self.names.iter().find(|(_, known)| *known == id.to_string());
            known.map_or("?", |(name, _)| name)
        };
        let found: Vec<String> = links
            .checkpoints
            .iter()
            .map(|link| format!("{} {}", name(&link.what), link.how.word()))
            .collect();
        assert_eq!(found, checkpoints, "checkpoints");
        let told: Vec<String> = links
            .prompts
            .iter()
            .map(|link| format!("{} {}", link.what.prompt.lossy(), link.how.word()))
            .collect();
        assert_eq!(told, prompts, "prompts");
        for link in &links.prompts {
            assert!(links.sessions.iter().any(|session| session.what == link.what.session), "its session");
        }
        for change in &links.changes {
            assert!(links.checkpoints.iter().any(|link| link.what == change.checkpoint), "its checkpoint");
        }
    }
}

fn tell(place: &Place, mut payload: Value) {
    payload["cwd"] = json!(place.dir);
    let place = place.with("TRACE_GUARD", "off");
    finish(place.command(GIT_TRACE).args(["hook", "claude"]), payload.to_string().as_bytes()).silent();
}

/// What the program finds in `place`.
pub fn home(place: &Place) -> Home {
    let root = place.dir.parent().unwrap_or(Path::new("/"));
    let state = UserState(root.join("home/.local/state/trace"));
    let found = disk::place::Place::find(&place.dir, &Told::default()).unwrap();
    Home::of(found.expect("a repository"), &state).unwrap().expect("it is enabled")
}

fn head(place: &Place) -> String {
    place.git(&["rev-parse", "HEAD"])
}

#[test]
fn a_commit_is_linked_to_the_work_that_went_into_it() {
    let mut world = World::new(Hooks::Set);
    world.turn("write one", "s1", "one", "1\n");
    world.turn("write two", "s2", "two", "2\n");
    world.turn("more of one", "s1", "one", "1\n1\n");
    let first = world.commit("commit one", &["one"]);
    let second = world.commit("commit two", &["two"]);
    world.expect(
        &first,
        &["write one hook", "more of one hook", "commit one hook"],
        &["write one hook", "more of one hook"],
    );
    // What was left over from the first commit is found by its content.
    world.expect(&second, &["write two content", "commit two hook"], &["write two content"]);
    let links = world.links(&second);
    let paths: Vec<_> = links.changes.iter().map(|traced| traced.change.path.lossy().into_owned()).collect();
    assert_eq!(paths, ["two"]);
    assert_eq!(links.changes[0].change.by[0].tool.as_deref(), Some("Write"));
    assert_eq!(links.parent.map(|id| id.to_string()), Some(first));
}

#[test]
fn commits_are_found_where_no_hook_told_of_them() {
    let mut world = World::new(Hooks::Unset);
    world.turn("write one", "s1", "one", "1\n");
    world.turn("write two", "s2", "two", "2\n");
    world.sandbox.git(&["add", "one"]);
    world.sandbox.git(&["commit", "-q", "-m", "one"]);
    let first = head(&world.sandbox);
    let second = world.commit("both", &["two"]);
    // Two commits between two looks: HEAD was seen before the first and after the second.
    world.expect(&first, &["write one head", "both head"], &["write one head"]);
    world.expect(&second, &["write two head", "both head"], &["write two head"]);
    world.sandbox.git(&["commit", "-q", "--amend", "-m", "other words"]);
    world.checkpoint("amended");
    let amended = head(&world.sandbox);
    world.expect(&amended, &["write two content", "both content"], &["write two content"]);
}

#[test]
fn amending_keeps_the_links_of_what_was_amended() {
    let mut world = World::new(Hooks::Set);
    world.turn("write one", "s1", "one", "1\n");
    world.commit("commit one", &["one"]);
    world.sandbox.git(&["commit", "-q", "--amend", "-m", "other words"]);
    world.checkpoint("amended");
    let amended = head(&world.sandbox);
    world.expect(
        &amended,
        &["write one rewrite", "commit one rewrite", "amended hook"],
        &["write one rewrite"],
    );
    world.turn("more of one", "s1", "one", "1\n1\n");
    world.sandbox.git(&["commit", "-q", "-a", "--amend", "--no-edit"]);
    world.checkpoint("amended again");
    world.expect(
        &head(&world.sandbox),
        &[
            "write one rewrite",
            "commit one rewrite",
            "amended rewrite",
            "more of one content",
            "amended again hook",
        ],
        &["write one rewrite", "more of one content"],
    );
}

#[test]
fn what_a_rebase_squashes_reorders_and_moves_keeps_its_links() {
    let mut world = World::new(Hooks::Set);
    world.sandbox.git(&["checkout", "-q", "-b", "work"]);
    world.turn("write one", "s1", "one", "1\n");
    world.commit("commit one", &["one"]);
    world.turn("write two", "s2", "two", "2\n");
    world.commit("commit two", &["two"]);
    world.turn("write three", "s3", "three", "3\n");
    world.commit("commit three", &["three"]);
    world.sandbox.git(&["checkout", "-q", "topic"]);
    world.sandbox.git(&["commit", "-q", "--allow-empty", "-m", "elsewhere"]);
    world.sandbox.git(&["checkout", "-q", "work"]);
    let editing =
        world.sandbox.with("GIT_EDITOR", "true").with("GIT_SEQUENCE_EDITOR", "sed -i -e 2s/pick/squash/");
    editing.run("git", &["rebase", "-q", "-i", "topic"]).good("rebase");
    world.checkpoint("rebased");
    world.expect(
        &world.sandbox.git(&["rev-parse", "HEAD~"]),
        &[
            "write one rewrite",
            "commit one rewrite",
            "write two rewrite",
            "commit two rewrite",
            "rebased hook",
        ],
        &["write one rewrite", "write two rewrite"],
    );
    world.expect(
        &head(&world.sandbox),
        &["write three rewrite", "commit three rewrite", "rebased hook"],
        &["write three rewrite"],
    );
}

#[test]
fn what_is_picked_is_linked_to_where_it_was_made() {
    let mut world = World::new(Hooks::Set);
    let text: String = (1..=20).map(|line| format!("{line}\n")).collect();
    world.sandbox.write("list", &text);
    world.commit("list", &["list"]);
    world.sandbox.git(&["checkout", "-q", "-b", "other"]);
    world.sandbox.write("list", text.replace("20\n", "the end\n"));
    world.commit("end", &["list"]);
    world.sandbox.git(&["checkout", "-q", "main"]);
    world.checkpoint("back");
    world.turn("change a line", "s1", "list", &text.replace("3\n", "three\n").replace("1three", "13"));
    let made = world.commit("commit it", &["list"]);
    world.sandbox.git(&["checkout", "-q", "other"]);
    world.checkpoint("there");
    for hooks in ["", "1"] {
        let quiet = world.sandbox.with("TRACE_OFF", hooks);
        quiet.git(&["cherry-pick", &made]);
        let picked = world.links(&head(&world.sandbox));
        let prompts: Vec<_> =
            picked.prompts.iter().map(|link| link.what.prompt.lossy().into_owned()).collect();
        assert_eq!(prompts, ["change a line"], "hooks off: {hooks:?}");
        assert_eq!(picked.prompts[0].how.word(), "content");
        quiet.git(&["reset", "-q", "--hard", "HEAD~"]);
    }
}

#[test]
fn a_squash_made_elsewhere_is_linked_to_all_that_went_into_it() {
    let mut world = World::new(Hooks::Set);
    world.sandbox.git(&["checkout", "-q", "-b", "work"]);
    world.turn("write one", "s1", "one", "1\n");
    world.commit("commit one", &["one"]);
    world.turn("more of one", "s2", "one", "1\n2\n");
    world.commit("commit more", &["one"]);
    let elsewhere = world.sandbox.at("elsewhere");
    world.sandbox.git(&["clone", "-q", ".", "../elsewhere"]);
    elsewhere.git(&["checkout", "-q", "main"]);
    elsewhere.git(&["merge", "-q", "--squash", "origin/work"]);
    elsewhere.git(&["commit", "-q", "-m", "all of it"]);
    let squashed = head(&elsewhere);
    world.sandbox.git(&["fetch", "-q", "../elsewhere", "main"]);
    world.expect(
        &squashed,
        &["write one content", "more of one content"],
        &["write one content", "more of one content"],
    );
    world.sandbox.git(&["checkout", "-q", "main"]);
    world.sandbox.git(&["merge", "-q", "FETCH_HEAD"]);
    world.checkpoint("merged");
    let links = world.links(&squashed);
    assert_eq!(links.prompts.len(), 2, "{:?}", links.prompts);
}

#[test]
fn parts_of_a_file_are_linked_to_who_changed_it_meanwhile() {
    let mut world = World::new(Hooks::Set);
    world.turn("write two lines", "s1", "lines", "1\n2\n");
    world.turn("write one", "s2", "one", "1\n");
    let blob = world.sandbox.root().join("first");
    fs::write(&blob, "1\n").unwrap();
    let id = world.sandbox.git(&["hash-object", "-w", blob.to_str().unwrap()]);
    world.sandbox.git(&["update-index", "--add", "--cacheinfo", &format!("100644,{id},lines")]);
    world.sandbox.git(&["commit", "-q", "-m", "the first line"]);
    world.checkpoint("committed");
    world.expect(
        &head(&world.sandbox),
        &["write two lines hook", "committed hook"],
        &["write two lines hook"],
    );
}

#[test]
fn work_of_another_worktree_is_found_too() {
    let mut world = World::new(Hooks::Set);
    side_worktree(&world.sandbox);
    let side = world.sandbox.at("side");
    side.checkpoint();
    world.turn_at(&side, "write one", "s1", &[("one", "1\n")]);
    side.git(&["add", "one"]);
    side.git(&["commit", "-q", "-m", "one"]);
    world.checkpoint_at(&side, "commit one");
    let made = head(&side);
    world.expect(&made, &["write one hook", "commit one hook"], &["write one hook"]);
    world.sandbox.git(&["merge", "-q", "--squash", "side"]);
    world.sandbox.git(&["commit", "-q", "-m", "squashed"]);
    world.checkpoint("squashed");
    world.expect(
        &head(&world.sandbox),
        &["write one content", "commit one content", "squashed hook"],
        &["write one content"],
    );
}

#[test]
fn a_commit_that_only_came_here_is_not_taken_for_one_made_here() {
    for quiet in ["", "1"] {
        let mut world = World::new(Hooks::Set);
        side_worktree(&world.sandbox);
        let side = world.sandbox.at("side");
        side.checkpoint();
        world.turn_at(&side, "write one", "s1", &[("one", "1\n")]);
        side.git(&["add", "one"]);
        side.git(&["commit", "-q", "-m", "one"]);
        world.checkpoint_at(&side, "commit one");
        world.sandbox.with("TRACE_OFF", quiet).git(&["merge", "-q", "side"]);
        world.turn("write two", "s2", "two", "2\n");
        let links = ["write one hook", "commit one hook"];
        world.expect(&head(&side), &links, &["write one hook"]);
    }
    // Made where nothing is recorded: all that is known is where it came to.
    let mut world = World::new(Hooks::Set);
    let elsewhere = world.sandbox.at("elsewhere");
    world.sandbox.git(&["clone", "-q", ".", "../elsewhere"]);
    elsewhere.write("foreign", "f\n");
    elsewhere.git(&["add", "-A"]);
    elsewhere.git(&["commit", "-q", "-m", "foreign"]);
    world.sandbox.git(&["pull", "-q", "../elsewhere", "main"]);
    world.checkpoint("pulled");
    world.expect(&head(&elsewhere), &["pulled content"], &[]);
}

#[test]
fn what_a_message_says_is_taken_as_that_and_whoever_commits_is_linked() {
    let mut world = World::new(Hooks::Set);
    world.turn("think", "s1", "notes", "n\n");
    let id = world.names[0].1.clone();
    let session = SessionId::of_key("codex", b"elsewhere");
    let agent = world.sandbox.with("CLAUDE_CODE_SESSION_ID", "s1");
    let words =
        format!("x\n\nTrace-Checkpoint: {id}\nTrace-Session: {session}\nEntire-Checkpoint: a3b2c4d5e6f7");
    agent.git(&["commit", "-q", "--allow-empty", "-m", &words]);
    world.checkpoint("committed");
    let commit = head(&world.sandbox);
    world.expect(&commit, &["think trailer", "committed hook"], &["think hook"]);
    let links = world.links(&commit);
    let sessions: Vec<_> = links.sessions.iter().map(|link| (link.what.clone(), link.how.word())).collect();
    assert_eq!(sessions, [(SessionId::of_key("claude", b"s1"), "hook"), (session, "trailer")]);
    assert_eq!(links.trailers.len(), 3);
}

#[test]
fn a_checkpoint_and_a_session_know_their_commits() {
    let mut world = World::new(Hooks::Set);
    world.turn("write one", "s1", "one", "1\n");
    world.turn("write two", "s2", "two", "2\n");
    let first = world.commit("commit one", &["one"]);
    let second = world.commit("commit two", &["two"]);
    let home = home(&world.sandbox);
    let store = Store::open(&home.place.store()).unwrap();
    let (ground, _) = Ground::read(&home, &store).unwrap();
    let commits = |of: Of<'_>| -> Vec<String> {
        let found = links::commits_of(&ground, of).unwrap();
        found.iter().map(|link| format!("{} {}", link.what, link.how.word())).collect()
    };
    let id = |at: usize| Oid::parse(world.names[at].1.as_bytes()).unwrap();
    assert_eq!(commits(Of::Checkpoint(id(0))), [format!("{first} hook")]);
    assert_eq!(commits(Of::Checkpoint(id(1))), [format!("{second} content")]);
    assert_eq!(commits(Of::Session(&SessionId::of_key("claude", b"s2"))), [format!("{second} content")]);
    assert_eq!(commits(Of::Session(&SessionId::of_key("claude", b"s9"))), [""; 0]);
    let shown = world.sandbox.json(&["show", &world.names[0].1]);
    assert_eq!(shown["commits"], json!([{"id": first, "how": "hook"}]));
    let words = world.sandbox.trace(&["show", &world.names[0].1]);
    assert!(words.stdout.contains(&format!("{first} (by hook)")), "{words:?}");
}
