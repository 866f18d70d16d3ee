//! Puts our entries among git's hooks, and takes them out again.
//!
//! Deciding comes first: a [`Plan`] says what each file would become. From git 2.54 on it is sections
//! of the repository's own configuration; before that, hook files beside which the former ones live
//! on. A hook that another tool owns, a link, and a hook that asks for its own name are never renamed:
//! they are left, and the line is told that calls us.

mod look;
mod step;

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use look::{CAP, RENAMED, Sight, is_husky, text_of};
use step::{Step, Way};

use super::install::resolved;
use crate::disk::consent::UserState;
use crate::disk::file;
use crate::disk::installed::{Installed, fingerprint};
use crate::disk::place::Place;
use crate::git::hooks;
use crate::wire::githook::{self, BEFORE, Hook, Manager, Program, Whose};
use crate::wire::jsonc;

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Wish {
    pub hooks: Vec<Hook>,
    pub program: Program,
    /// Whether a directory outside the repository may be written to: it concerns other repositories.
    pub outside: Outside,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outside {
    Allowed,
    Refused,
}

/// What is to become of everything, and what is to be said.
#[derive(Debug, Default)]
pub struct Plan {
    pub steps: Vec<Step>,
    /// What was left as it is, and what to do instead.
    pub notes: Vec<String>,
}

/// What is to be done about it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Verdict {
    Done,
    Write,
    Chain,
    /// Under the name that pre-commit calls the hook before it by.
    WriteLegacy,
    Leave(String),
}

fn decide(hook: Hook, sight: &Sight, kept: Kept, legacy: &Sight) -> Verdict {
    match (sight, kept) {
        (Sight::Calls, _) => Verdict::Done,
        (Sight::Absent | Sight::Ours, _) => Verdict::Write,
        (Sight::Managed(Manager::PreCommit), _) if matches!(legacy, Sight::Absent | Sight::Ours) => {
            Verdict::WriteLegacy
        }
        (Sight::Managed(Manager::PreCommit), _) if *legacy == Sight::Calls => Verdict::Done,
        (Sight::Managed(manager), _) => {
            Verdict::Leave(format!("{} owns it; put this into {}", manager.name(), manager.place(hook)))
        }
        (Sight::Link, _) => Verdict::Leave("it is a link; put this into what it leads to".to_owned()),
        (Sight::AsksItsName, _) => Verdict::Leave("it asks for its own name; put this into it".to_owned()),
        (Sight::Strange, _) => Verdict::Leave("it is no file".to_owned()),
        (Sight::Theirs, Kept::Nothing) => Verdict::Chain,
        (Sight::Theirs, Kept::Something) => {
            Verdict::Leave(format!("{}{BEFORE} is there already; put this into it", hook.name()))
        }
    }
}

/// Whether a former hook lies beside ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kept {
    Nothing,
    Something,
}

/// What setting the hooks up would change.
pub fn install(place: &Place, wish: &Wish) -> Result<Plan> {
    let top = place.top()?;
    let mut plan = Plan::default();
    if hooks::are_in_config(top)? {
        for dir in directories(place)? {
            take_files(&dir, &Hook::ALL, &mut plan)?;
        }
        plan.configure(place, |text| githook::with_sections(text, &wish.hooks, &wish.program))?;
        return Ok(plan);
    }
    plan.configure(place, githook::without_sections)?;
    let dir = hooks::directory(top, &place.git_dir)?;
    match refusal(place, &dir, wish.outside)? {
        Some(why) => plan.notes.push(why),
        None => {
            wish.hooks.iter().try_for_each(|hook| plan.put(&dir, *hook, wish))?;
            let unwanted: Vec<Hook> =
                Hook::ALL.into_iter().filter(|hook| !wish.hooks.contains(hook)).collect();
            take_files(&dir, &unwanted, &mut plan)?;
        }
    }
    Ok(plan)
}

/// Why nothing is written to a directory of hooks, if so.
fn refusal(place: &Place, dir: &Path, outside: Outside) -> Result<Option<String>> {
    let top = place.top()?;
    let name = dir.display();
    match fs::symlink_metadata(dir) {
        Ok(meta) if !meta.is_dir() && !dir.is_dir() => {
            return Ok(Some(format!(
                "git takes hooks from {name}, which is no directory: see core.hooksPath"
            )));
        }
        Err(error) if error.kind() != ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("look at {name}"));
        }
        _ => {}
    }
    let real = resolved(dir)?;
    let ours = [&place.common, &place.git_dir];
    if ours.iter().any(|git_dir| real.starts_with(git_dir)) {
        return Ok(None);
    }
    if is_husky(&real) {
        return Ok(None);
    }
    Ok(match (real.starts_with(top), outside) {
        (true, _) if hooks::is_tracked(top, &place.git_dir, &real)? => Some(format!(
            "git takes hooks from {name}, which is committed: put these lines there yourself\n{}",
            lines()
        )),
        (true, _) | (false, Outside::Allowed) => None,
        (false, Outside::Refused) => Some(format!(
            "git takes hooks from {name}, which other repositories use too: --yes puts ours there"
        )),
    })
}

fn lines() -> String {
    let line = |hook: &Hook| format!("  {}: {}", hook.name(), githook::line(*hook, &Program::OnPath));
    Hook::ALL[..4].iter().map(line).collect::<Vec<_>>().join("\n")
}

/// What taking the hooks out would change. Directories that other repositories use too are left
/// unless that is allowed.
pub fn uninstall(place: &Place, outside: Outside, state: Option<&UserState>) -> Result<Plan> {
    let mut plan = Plan::default();
    for dir in directories(place)? {
        let real = fs::canonicalize(&dir).unwrap_or_else(|_| dir.clone());
        let is_near = real.starts_with(&place.common) || real.starts_with(place.top()?);
        if is_near || outside == Outside::Allowed {
            take_files(&dir, &Hook::ALL, &mut plan)?;
        } else if has_files(&dir)? {
            let words =
                format!("{} is used by other repositories too: --yes takes our hooks out", dir.display());
            plan.notes.push(words);
        }
    }
    let path = look::config(place);
    let exact = |text: &str| -> Option<String> {
        let record = Installed::read(state?, &path).ok()??;
        (record.digest == fingerprint(text.as_bytes())).then(|| jsonc::without(text, &record.inserted))?
    };
    plan.configure(place, |text| exact(text).unwrap_or_else(|| githook::without_sections(text)))?;
    Ok(plan)
}

/// The directories in which hook files of ours may be: git's own, and where it looks now.
fn directories(place: &Place) -> Result<Vec<PathBuf>> {
    let own = place.common.join("hooks");
    let now = hooks::directory(place.top()?, &place.git_dir)?;
    let same = fs::canonicalize(&now).ok() == fs::canonicalize(&own).ok();
    Ok(if now == own || same { vec![own] } else { vec![own, now] })
}

/// Takes every hook file of ours out of a directory, under whatever name others gave it.
fn take_files(dir: &Path, hooks: &[Hook], plan: &mut Plan) -> Result<()> {
    for hook in hooks.iter().copied() {
        for suffix in RENAMED {
            let path = dir.join(format!("{}{suffix}", hook.name()));
            let kept = text_of(&look::kept(dir, hook))?;
            let Some(text) = text_of(&path)? else {
                // Somebody died while the two changed places.
                if suffix.is_empty() && kept.is_some() && fs::symlink_metadata(&path).is_err() {
                    plan.steps.push(Step { path, old: None, new: kept, way: Way::Remove });
                }
                continue;
            };
            match githook::whose(hook, &text) {
                Whose::Ours => {
                    plan.steps.push(Step { path, old: Some(text), new: kept, way: Way::Remove });
                }
                Whose::Edited => plan
                    .notes
                    .push(format!("{} was edited, so it stays: take our lines out of it", path.display())),
                Whose::Theirs => {}
            }
        }
    }
    Ok(())
}

fn has_files(dir: &Path) -> Result<bool> {
    let mut plan = Plan::default();
    take_files(dir, &Hook::ALL, &mut plan)?;
    Ok(!plan.steps.is_empty())
}

/// Which of git's hooks call us, as far as can be seen.
pub fn standing(place: &Place) -> Result<Vec<Hook>> {
    let top = place.top()?;
    if hooks::are_in_config(top)? {
        return Ok(githook::sections(&text_of(&look::config(place))?.unwrap_or_default()));
    }
    let dir = hooks::directory(top, &place.git_dir)?;
    let calls = |sight: &Sight| matches!(sight, Sight::Ours | Sight::Calls);
    let mut found = Vec::new();
    for hook in Hook::ALL {
        let legacy = look::look(&dir, hook, ".legacy")?;
        let sight = look::look(&dir, hook, "")?;
        if calls(&sight) || sight == Sight::Managed(Manager::PreCommit) && calls(&legacy) {
            found.push(hook);
        }
    }
    Ok(found)
}

impl Plan {
    fn put(&mut self, dir: &Path, hook: Hook, wish: &Wish) -> Result<()> {
        let kept = match fs::symlink_metadata(look::kept(dir, hook)) {
            Ok(_) => Kept::Something,
            Err(_) => Kept::Nothing,
        };
        let path = dir.join(hook.name());
        let verdict = decide(hook, &look::look(dir, hook, "")?, kept, &look::look(dir, hook, ".legacy")?);
        let (path, way) = match verdict {
            Verdict::Done => return Ok(()),
            Verdict::Write => (path, Way::Write),
            Verdict::Chain => (path, Way::Chain),
            Verdict::WriteLegacy => (dir.join(format!("{}.legacy", hook.name())), Way::Write),
            Verdict::Leave(why) => {
                let line = githook::line(hook, &wish.program);
                self.notes.push(format!("{} stays as it is: {why}\n  {line}", path.display()));
                return Ok(());
            }
        };
        let (old, new) = (text_of(&path)?, githook::script(hook, &wish.program));
        if old.as_ref() != Some(&new) {
            self.steps.push(Step { path, old, new: Some(new), way });
        }
        Ok(())
    }

    fn configure(&mut self, place: &Place, edit: impl Fn(&str) -> String) -> Result<()> {
        let path = look::config(place);
        let Some(bytes) = file::read(&path, CAP)? else { return Ok(()) };
        let old = String::from_utf8(bytes).with_context(|| format!("{} is no text", path.display()))?;
        let new = edit(&old);
        if new != old {
            self.steps.push(Step { path, old: Some(old), new: Some(new), way: Way::Configure });
        }
        Ok(())
    }

    /// Carries it out. What others changed meanwhile is left.
    pub fn carry_out(&self, state: Option<&UserState>) -> Result<()> {
        self.steps.iter().try_for_each(|step| step.carry_out(state))?;
        let gone = self.steps.iter().filter(|step| step.way == Way::Remove);
        gone.for_each(|step| step::remove_directories(&step.path, state));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_ours_to_rename_is_left_with_the_line_to_add() {
        let (nothing, something) = (Kept::Nothing, Kept::Something);
        let on = |sight: Sight, kept| decide(Hook::PostCommit, &sight, kept, &Sight::Absent);
        assert_eq!(on(Sight::Absent, nothing), Verdict::Write);
        // Killed between the two steps of chaining.
        assert_eq!(on(Sight::Absent, something), Verdict::Write);
        assert_eq!(on(Sight::Ours, something), Verdict::Write);
        assert_eq!(on(Sight::Calls, nothing), Verdict::Done);
        assert_eq!(on(Sight::Theirs, nothing), Verdict::Chain);
        assert_eq!(on(Sight::Managed(Manager::PreCommit), nothing), Verdict::WriteLegacy);
        let managed = |manager| Sight::Managed(manager);
        for sight in [
            Sight::Link,
            Sight::Strange,
            Sight::AsksItsName,
            managed(Manager::Husky),
            managed(Manager::Lefthook),
            managed(Manager::Overcommit),
            managed(Manager::Hk),
        ] {
            assert!(matches!(on(sight.clone(), nothing), Verdict::Leave(_)), "{sight:?}");
        }
        assert!(matches!(on(Sight::Theirs, something), Verdict::Leave(_)));
        let legacy = decide(Hook::PostCommit, &managed(Manager::PreCommit), nothing, &Sight::Theirs);
        assert!(matches!(legacy, Verdict::Leave(_)), "pre-commit calls somebody else already");
    }
}
