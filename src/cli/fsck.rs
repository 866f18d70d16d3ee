//! `trace fsck`

use std::io::IsTerminal;

use anyhow::Result;

use super::exit::Exit;
use super::output;
use super::world::World;
use crate::model::text::Text;
use crate::store::fsck;
use crate::view::fsck::{self as view, FsckView, Problem};
use crate::view::json;

/// Check that everything recorded here is there and whole; change nothing
#[derive(clap::Args)]
#[command(after_help = "Example: trace fsck && echo all is well")]
pub struct Args {
    /// Print a JSON document
    #[arg(long)]
    json: bool,
}

/// Runs it.
pub fn run(world: &World, args: &Args) -> Result<Exit> {
    let home = world.home()?;
    let terminal = std::io::stderr().is_terminal();
    let report = fsck::check(&home, &mut |done| {
        if terminal && done % 500 == 0 {
            output::say(&format!("{done} checkpoints checked"));
        }
    })?;
    let shown = FsckView {
        checked: report.checkpoints + report.objects,
        problems: report
            .problems
            .into_iter()
            .map(|problem| Problem {
                kind: match problem.checkpoint {
                    Some(id) => format!("in checkpoint {}", id.short(12)),
                    None => "in the store".to_owned(),
                },
                at: Text::from(problem.place),
                detail: problem.what,
            })
            .collect(),
    };
    output::print(|out| match args.json {
        true => json::write(out, &json::fsck(&shown)),
        false => view::write(out, &shown, &world.look()),
    })?;
    Ok(if shown.ok() { Exit::Done } else { Exit::Damaged })
}
