//! Droid: one JSONL per session. The model and the tokens of newer versions stand in a side file,
//! `<id>.settings.json`, which [`settings`] reads.

use super::claude::USAGE;
use super::lens::{self, Block};
use super::{Answer, Done, Meta, Record, Said, TitleBy};
use crate::wire::lenient::{self, Object};

pub(super) fn read(mut line: Object) -> Record {
    let at = lens::moment(line.take(&["timestamp"]));
    match line.text(&["type"]).unwrap_or_default().as_str() {
        "session_start" => Record { at, says: start(line), ..Record::default() },
        "message" => {
            let id = line.text(&["id"]);
            let message = line.nested(&["message"]).unwrap_or_default();
            Record { id, at, says: says(message), ..Record::default() }
        }
        _ => Record { at, ..Record::default() },
    }
}

/// What Droid's side file of a session tells: its model, and all that it used.
pub fn settings(json: &[u8]) -> Record {
    let mut settings = lenient::object(json).unwrap_or_default();
    let names = ["inputTokens", "outputTokens", "cacheReadTokens", "cacheCreationTokens"];
    let model = settings.text(&["model"]).map(|model| Said::Now { cwd: None, model: Some(model) });
    let total = lens::usage(settings.nested(&["token_usage"]), names).map(Said::Total);
    Record { says: model.into_iter().chain(total).collect(), ..Record::default() }
}

fn start(mut line: Object) -> Vec<Said> {
    let given = line.text(&["session_title"]).filter(|title| title != "New Session");
    let title = given.or_else(|| line.text(&["title"]));
    let meta = Meta { external_id: line.text(&["id"]), cwd: line.text(&["cwd"]), ..Meta::default() };
    let title = title.map(|text| Said::Title { text, by: TitleBy::Agent });
    std::iter::once(Said::Session(Box::new(meta))).chain(title).collect()
}

fn says(mut message: Object) -> Vec<Said> {
    let user = message.text(&["role"]).is_some_and(|role| role == "user");
    let mut answer = Answer {
        message: message.text(&["id"]),
        model: message.text(&["model"]),
        usage: lens::usage(message.nested(&["usage"]), USAGE),
        ..Answer::default()
    };
    let mut texts = Vec::new();
    let mut says = Vec::new();
    for block in lens::blocks(message.take(&["content"])) {
        match block {
            Block::Text(text) => texts.push(text),
            Block::Tool(tool) => says.push(Said::Tool(tool)),
            Block::Done(done, words) => says.push(Said::Done(ended(done, &words))),
            Block::Other => {}
        }
    }
    if user {
        let results = says.iter().any(|said| matches!(said, Said::Done(_)));
        says.extend(typed(texts).filter(|_| !results).map(Said::Prompt));
    } else {
        answer.text = texts.join("\n");
        says.insert(0, Said::Answer(answer));
    }
    says
}

/// The first block is what was typed; files and reminders are injected behind and in front of it.
fn typed(texts: Vec<String>) -> Option<String> {
    texts.into_iter().find(|text| !text.starts_with("<system-reminder>"))
}

/// A result may be an object within a text, which says more.
fn ended(done: Done, words: &str) -> Done {
    let mut inner = lenient::object(words.as_bytes()).unwrap_or_default();
    let ok = done.ok.or_else(|| inner.flag(&["success"]));
    Done { ok, paths: inner.text(&["file_path"]).into_iter().collect(), ..done }
}
