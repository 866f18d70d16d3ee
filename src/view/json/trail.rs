//! The documents of `trace trail`.

use serde_json::{Value, json};

use super::{Fields, checkpoint, time};
use crate::model::checkpoint::Checkpoint;
use crate::model::text::Text;
use crate::model::trail::{Trail, id};
use crate::view::timeline::{Happened, MomentView};

/// `trace trail list`.
pub fn trails(trails: &[Trail]) -> Value {
    Fields::document("trail").list("trails", trails.iter().map(trail)).end()
}

/// `trace trail show`: a list of one, its checkpoints, and all that happened on it.
pub fn story(of: &Trail, checkpoints: &[Checkpoint], moments: &[MomentView]) -> Value {
    Fields::document("trail")
        .list("trails", [trail(of)])
        .list("checkpoints", checkpoints.iter().map(checkpoint))
        .list("events", moments.iter().map(moment))
        .end()
}

/// `id` is what names it elsewhere: of a prompt the selector of its turn.
fn moment(of: &MomentView) -> Value {
    let (id, exit, state) = match &of.what {
        Happened::Prompt { turn, .. } => (turn.clone(), None, None),
        Happened::Command(view) => (view.command.id.to_string(), view.command.exit, Some(view.state)),
        Happened::Checkpoint(checkpoint) => (checkpoint.id.to_string(), None, None),
        Happened::Commit(signed) => (signed.id.to_string(), None, None),
        Happened::Restore { id, .. } | Happened::Said { id, .. } => (id.to_string(), None, None),
    };
    let author = match &of.what {
        Happened::Commit(signed) => Some(signed.author.lossy().into_owned()),
        _ => Some(of.who.agent.clone()).filter(|agent| !agent.is_empty()),
    };
    let files = of
        .files
        .iter()
        .map(|(path, status)| Fields::default().text("path", Some(path)).with("status", json!(status)).end());
    Fields::default()
        .with("kind", of.what.word())
        .with("id", id)
        .with("time", time(Some(of.at)))
        .with("session", of.who.session.as_ref().map(ToString::to_string))
        .with("by", author)
        .text("text", Some(&of.what.text()))
        .with("exit", exit)
        .with("state", json!(state))
        .with("failed", of.what.has_failed())
        .list("files", files)
        .end()
}

/// What was said of the trail of a branch, or would be: the lines of the events.
pub fn edited(branch: &Text, lines: &[Vec<u8>], dry_run: bool) -> Value {
    let edits = lines.iter().map(|line| {
        let event: Value = serde_json::from_slice(line).unwrap_or_default();
        Fields::default()
            .with("event_id", event["id"].clone())
            .with("op", event["body"]["op"].clone())
            .with("payload", event["body"].clone())
            .end()
    });
    Fields::document("trail")
        .with("ok", true)
        .with("dry_run", dry_run)
        .with("id", id(branch))
        .text("branch", Some(branch))
        .list("edits", edits)
        .end()
}

fn trail(of: &Trail) -> Value {
    let notes = of.said.notes.iter().map(|note| {
        Fields::default()
            .with("time", time(Some(note.at)))
            .with("by", note.by.clone())
            .text("text", Some(&note.text))
            .end()
    });
    Fields::default()
        .with("id", of.id.as_str())
        .text("branch", Some(&of.branch))
        .text("title", Some(&of.title))
        .with("status", of.status.word())
        .text("reason", of.said.reason.as_ref())
        .with("author", of.author.clone())
        .with("assignee", of.said.assignee.clone())
        .with("labels", json!(of.said.labels))
        .text("base", of.base.as_ref())
        .with("created", time(Some(of.created)))
        .with("updated", time(Some(of.updated)))
        .with("sessions", of.sessions)
        .with("checkpoints", of.checkpoints)
        .with("commands", of.commands)
        .with("commits", of.commits)
        .list("notes", notes)
        .end()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::trail::Status;
    use crate::model::trail::said::{Document, Remark};
    use crate::view::testing::{NOW, ago, checkpoint as made, morning};

    #[test]
    fn a_trail_keeps_the_contract() {
        let trail = Trail {
            id: "0123456789ab".to_owned(),
            branch: "b".into(),
            title: "t".into(),
            status: Status::InProgress,
            author: None,
            base: None,
            created: ago(5),
            updated: NOW,
            sessions: 1,
            checkpoints: 2,
            commands: 3,
            commits: 4,
            said: Document {
                labels: ["slow".to_owned()].into(),
                notes: vec![Remark { at: NOW, by: None, text: "n".into() }],
                ..Document::default()
            },
        };
        let fields = "id branch title status reason author assignee labels base created updated sessions \
                      checkpoints commands commits notes";
        let moments = morning();
        let document = story(&trail, &[made(1, 0, "s")], &moments);
        assert_eq!(document["schema"], "trace/v1/trail");
        assert_eq!(document["checkpoints"].as_array().map(Vec::len), Some(1));
        let events = document["events"].as_array().unwrap();
        let kinds: Vec<_> = events.iter().filter_map(|event| event["kind"].as_str()).collect();
        let told = "prompt command command checkpoint commit undo said";
        assert_eq!(kinds.join(" "), told);
        assert_eq!((&events[1]["exit"], &events[1]["failed"]), (&json!(101), &json!(true)));
        assert_eq!((&events[1]["state"], &events[4]["by"]), (&json!("done"), &json!("Ada Lovelace")));
        assert_eq!(events[2]["files"][1], json!({"path": "src/parser/mod.rs", "status": "deleted"}));
        assert_eq!(document["trails"], trails(&[trail])["trails"]);
        let told = &document["trails"][0];
        let missing: Vec<&str> =
            fields.split_whitespace().filter(|field| told.get(field).is_none()).collect();
        assert!(missing.is_empty(), "{missing:?} is missing in {told:#}");
        assert_eq!((&told["status"], &told["labels"]), (&json!("in_progress"), &json!(["slow"])));
        assert_eq!(told["created"], "2026-11-21T09:59:55.000000Z");
        assert_eq!(told["notes"][0], json!({"time": "2026-11-21T10:00:00.000000Z", "by": null, "text": "n"}));
    }

    #[test]
    fn what_was_said_is_told_edit_by_edit() {
        let line = br#"{"v":1,"id":"e1","at":1,"kind":"trail_edited","body":{"branch":"b","op":"note_added","note":"n"}}"#;
        let document = edited(&"b".into(), &[line.to_vec()], true);
        assert_eq!((&document["dry_run"], &document["branch"]), (&json!(true), &json!("b")));
        let edit = &document["edits"][0];
        assert_eq!((&edit["event_id"], &edit["op"]), (&json!("e1"), &json!("note_added")));
        assert_eq!(edit["payload"]["note"], "n");
    }
}
