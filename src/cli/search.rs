//! `trace search`

use std::path::PathBuf;

use anyhow::{Context, Result};

use super::exit::{Exit, Misuse};
use super::output;
use super::world::World;
use crate::model::hit::Kind;
use crate::model::query::{Form, Query};
use crate::recall::commands::Exit as Code;
use crate::recall::search::{self, Filter};
use crate::recall::select;
use crate::store::home::Home;
use crate::view::{json, search as view};

/// Search commands, prompts, answers, changed paths, words of checkpoints and of sessions
///
/// What holds the words just as they are typed comes first, then what holds all of them in any order;
/// of equals the newest first. Capital letters count only if TEXT has one. A changed path is told once,
/// and belongs to nobody here: with --session, --actor or --exit there are none (see `trace why`). Answers
/// are looked for in the newest 64 MiB of transcripts, with --kind answer in all of them.
#[derive(clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// At most N, the best; 0 for all
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20)]
    limit: usize,
    /// TEXT is a regular expression
    #[arg(short = 'E', long)]
    regex: bool,
    /// Only this: command, prompt, path, checkpoint, session, answer
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,
    /// Only in checkpoints that changed this path or something below it
    #[arg(long, value_name = "PATH")]
    file: Option<PathBuf>,
    /// Of this session: its id or a part of it, its alias, its agent's own id, or `last`
    #[arg(long, value_name = "SESSION")]
    session: Option<String>,
    /// By this agent, or by any "human" or "agent"
    #[arg(long, value_name = "NAME")]
    actor: Option<String>,
    /// Commands with this exit code, or with any but 0
    #[arg(long, value_name = "N|nonzero", allow_hyphen_values = true)]
    exit: Option<String>,
    /// Not older than this
    #[arg(long, value_name = "WHEN")]
    since: Option<String>,
    /// Not younger than this
    #[arg(long, value_name = "WHEN")]
    until: Option<String>,
    /// Print a JSON document
    #[arg(long)]
    json: bool,
    /// What to look for; several words need not stand together
    #[arg(value_name = "TEXT", required = true)]
    text: Vec<String>,
}

const EXAMPLES: &str = "\
Example: trace search migrate database
         trace search --kind command --exit nonzero --since yesterday cargo
         trace search --regex 'rm -\\w*r' --actor agent";

/// Runs it. Exit code 1 if nothing answers.
pub fn run(world: &World, args: &Args) -> Result<Exit> {
    let home = world.home()?;
    let form = if args.regex { Form::Regex } else { Form::Words };
    let query = Query::new(&args.text, form).map_err(Misuse)?;
    let filter = filter(world, args, &home)?;
    let (answers, read) = search::search(&home, &query, &filter);
    if args.json {
        output::print(|out| json::write(out, &json::search::hits(&answers.hits, answers.total)))?;
    } else if answers.hits.is_empty() {
        output::say(crate::view::NO_MATCH);
    } else {
        output::page(world, |out| view::write(out, &answers.hits, &world.look()))?;
    }
    match answers.total - answers.hits.len() {
        more @ 1.. if !args.json => output::say(&format!("and {more} more: --limit 0 lists them")),
        _ => {}
    }
    read.context("search all of the record")?;
    Ok(if answers.hits.is_empty() { Exit::No } else { Exit::Done })
}

fn filter(world: &World, args: &Args, home: &Home) -> Result<Filter> {
    Ok(Filter {
        limit: args.limit,
        kind: args.kind.as_deref().map(kind).transpose()?,
        session: args.session.as_deref().map(|word| select::session_of(home, word)).transpose()?,
        exit: args.exit.as_deref().map(exit).transpose()?,
        actor: args.actor.clone(),
        since: args.since.as_deref().map(|text| world.when(text)).transpose()?,
        until: args.until.as_deref().map(|text| world.when(text)).transpose()?,
        file: args.file.as_ref().map(|path| world.below_top(&home.place, path)).transpose()?,
    })
}

fn kind(word: &str) -> Result<Kind> {
    Kind::parse(word).with_context(|| {
        let all: Vec<&str> = Kind::ALL.iter().map(|kind| kind.word()).collect();
        Misuse(format!("{word:?} is nothing that is searched: {}", all.join(", ")))
    })
}

fn exit(word: &str) -> Result<Code> {
    match word {
        "nonzero" => Ok(Code::Failed),
        _ => match word.parse() {
            Ok(code) => Ok(Code::Code(code)),
            Err(_) => Err(Misuse(format!("{word:?} is no exit code: a number, or nonzero")).into()),
        },
    }
}
