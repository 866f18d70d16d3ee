//! The plan of a restore, as it lies in `ops/`: one line for the whole, one for each step.
//!
//! ```text
//! {"v":1,"op":"evt_…","at":<us>,"action":"undo","label":"rm -rf src","of":"cmd:…","saved":"…","process":{…},"steps":2,"locked":[…]}
//! {"path":"src/a","to":{"mode":33188,"id":"…"}}
//! {"path":"src/b","from":{…},"to":{…},"beside":true}
//! ```

use serde::{Deserialize, Serialize};

use super::Bad;
use crate::model::event::{Process, RestoreAction};
use crate::model::id::EventId;
use crate::model::oid::Oid;
use crate::model::restore::Step;
use crate::model::text::Text;
use crate::model::time::Timestamp;

/// A restore that is planned, under way, or done.
#[derive(Clone, Debug, PartialEq)]
pub struct Op {
    /// Also the id of the event that tells of it.
    pub id: EventId,
    pub at: Timestamp,
    pub action: RestoreAction,
    /// What it takes back or goes back to, in words.
    pub label: Text,
    /// What it takes back, as a key that names it for ever.
    pub of: Option<String>,
    /// The checkpoint that holds everything as it was before.
    pub saved: Oid,
    /// Whoever carries it out.
    pub process: Process,
    pub steps: Vec<Placed>,
    /// Directories that are to be read-only again afterwards, with their permission bits.
    pub locked: Vec<Locked>,
}

/// A step, and where its new bytes wait.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Placed {
    #[serde(flatten)]
    pub step: Step,
    /// They wait beside their place, which is on a file system of its own.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub beside: bool,
}

/// A directory that nobody may write to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Locked {
    pub path: Text,
    pub mode: u32,
}

#[derive(Serialize, Deserialize)]
struct Head {
    v: u64,
    op: EventId,
    at: Timestamp,
    action: RestoreAction,
    label: Text,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    of: Option<String>,
    saved: Oid,
    process: Process,
    steps: usize,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    locked: Vec<Locked>,
}

/// The file's bytes.
pub fn encode(op: &Op) -> Result<Vec<u8>, Bad> {
    let head = Head {
        v: 1,
        op: op.id.clone(),
        at: op.at,
        action: op.action,
        label: op.label.clone(),
        of: op.of.clone(),
        saved: op.saved,
        process: op.process.clone(),
        steps: op.steps.len(),
        locked: op.locked.clone(),
    };
    let mut bytes = serde_json::to_vec(&head)?;
    bytes.push(b'\n');
    for step in &op.steps {
        serde_json::to_writer(&mut bytes, step)?;
        bytes.push(b'\n');
    }
    Ok(bytes)
}

/// Reads a file back. One that is cut is none: half a plan would be half a restore.
pub fn decode(bytes: &[u8]) -> Result<Op, Bad> {
    let mut lines = bytes.split_inclusive(|byte| *byte == b'\n').filter_map(|line| line.strip_suffix(b"\n"));
    let head: Head = serde_json::from_slice(lines.next().ok_or(Bad::Field("head"))?)?;
    if head.v != 1 {
        return Err(Bad::Version);
    }
    let steps: Vec<Placed> = lines.map(serde_json::from_slice).collect::<Result<_, _>>()?;
    if steps.len() != head.steps {
        return Err(Bad::Field("steps"));
    }
    Ok(Op {
        id: head.op,
        at: head.at,
        action: head.action,
        label: head.label,
        of: head.of,
        saved: head.saved,
        process: head.process,
        steps,
        locked: head.locked,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::change::Side;

    #[test]
    fn a_plan_survives_its_file_and_a_cut_one_is_refused() {
        let id = Oid::from_bytes(&[7; 20]).unwrap();
        let side = Some(Side { mode: 0o100_755, id });
        let placed =
            |path: &[u8], from, to, beside| Placed { step: Step { path: path.into(), from, to }, beside };
        let op = Op {
            id: EventId::parse("evt_1").unwrap(),
            at: Timestamp(9),
            action: RestoreAction::Undo,
            label: "rm -rf a\n".into(),
            of: Some("cmd:1".into()),
            saved: id,
            process: Process { pid: 7, start: 8, boot: "b".into() },
            steps: vec![placed(b"a\xff", None, side, false), placed(b"b/c", side, None, true)],
            locked: vec![Locked { path: "b".into(), mode: 0o555 }],
        };
        let bytes = encode(&op).unwrap();
        assert_eq!(decode(&bytes).unwrap(), op);
        assert!((0..bytes.len()).all(|cut| decode(&bytes[..cut]).is_err()));
    }
}
