//! What it costs to take in a conversation that was held before: its events, its words, all redacted.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::Wanted;
use crate::child;
use crate::report::{Target, memory, row};
use crate::world::{World, builds, text};

/// A transcript has a megabyte for so many files of the other rows.
const FILES_PER_MB: usize = 500;

/// Each round takes in another conversation.
const ROUNDS: usize = 5;

/// One conversation, against git's taking in the same file: MB of transcript a second, and memory.
pub fn rows(wanted: &Wanted) {
    if !wanted.has("import") {
        return;
    }
    for size in &wanted.sizes {
        conversation(size / FILES_PER_MB);
    }
}

fn conversation(megabytes: usize) {
    let world = World::new(1_000);
    let builds = builds();
    let (mut git, mut ours) = (Vec::new(), vec![Vec::new(); builds.len()]);
    let mut speeds: Vec<Vec<f64>> = vec![Vec::new(); builds.len() + 1];
    for round in 0..ROUNDS {
        for (at, (_, program)) in builds.iter().enumerate() {
            let file = transcript(&world, round * builds.len() + at, megabytes);
            let path = file.to_str().unwrap();
            let took = child::run(world.command(program).args(["attach", "--agent", "claude", path]), None);
            speeds[at].push(megabytes as f64 / took.time.as_secs_f64());
            ours[at].push(took);
            if at == 0 {
                let took = world.git(&["hash-object", "-w", path]);
                speeds[builds.len()].push(megabytes as f64 / took.time.as_secs_f64());
                git.push(took);
            }
            fs::remove_file(file).unwrap();
        }
    }
    for (at, (build, _)) in builds.iter().enumerate() {
        let name = format!("import-{megabytes}MB-{build}");
        row(&format!("{name}-MB/s"), &speeds[builds.len()], &speeds[at], Target::OursAtLeast(50.0));
        row(&format!("{name}-MiB"), &memory(&git), &memory(&ours[at]), Target::Ours(64.0));
    }
}

/// A conversation as Claude writes one down: prompts, answers, tools with their long results, here and
/// there a secret.
fn transcript(world: &World, seed: usize, megabytes: usize) -> PathBuf {
    let path = world.home().join(format!("talk-{seed}.jsonl"));
    let mut file = BufWriter::new(File::create(&path).unwrap());
    let (mut written, mut at) = (0, 0);
    let mut before = Value::Null;
    while written < megabytes * 1_000_000 {
        let number = seed << 32 | at;
        let id = format!("{number:08x}-0000-4000-8000-000000000000");
        let line = record(&world.repo, number, &id, before);
        before = json!(id);
        writeln!(file, "{line}").unwrap();
        written += line.len() + 1;
        at += 1;
    }
    file.into_inner().unwrap();
    path
}

fn record(cwd: &Path, number: usize, id: &str, parent: Value) -> String {
    let call = format!("toolu_{}", number / 4);
    let (kind, role, content) = match number % 4 {
        0 => ("user", "user", json!(format!("make it quicker {}", &text(number)[..80]))),
        1 => ("assistant", "assistant", json!([{"type": "text", "text": &text(number)[..600]}])),
        2 => {
            let secret =
                if number % 100 == 2 { ["gh", "p_", &"aB3x".repeat(9)].concat() } else { String::new() };
            let command = format!("cargo test {number} {secret}");
            let input = json!({"command": command, "description": "see what it does"});
            (
                "assistant",
                "assistant",
                json!([{"type": "tool_use", "id": call, "name": "Bash", "input": input}]),
            )
        }
        _ => {
            let output: String = (0..4).map(|more| text(number + more)).collect();
            ("user", "user", json!([{"type": "tool_result", "tool_use_id": call, "content": output}]))
        }
    };
    json!({
        "parentUuid": parent, "isSidechain": false, "cwd": cwd, "sessionId": "bench", "gitBranch": "main",
        "type": kind, "uuid": id, "timestamp": "2026-09-01T08:00:00.000Z",
        "message": {"id": format!("msg_{}", number / 4), "role": role, "model": "big", "content": content},
    })
    .to_string()
}
