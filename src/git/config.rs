//! What git's configuration says of us, and of the few things of git that we go by.
//!
//! Reads files, runs nothing. Includes are followed from the user's own files only: what the
//! repository says must stand in its own configuration. Who may set what is decided elsewhere.

use super::{HashKind, file};
use crate::model::settings::{Scope, Setting};
use anyhow::{Context, Result, bail};
use gix::config::file::{Metadata, includes, init};
use gix::config::{File, Source, path::interpolate};
use std::path::{Path, PathBuf};

/// Where configuration may be.
#[derive(Clone, Copy, Debug, Default)]
pub struct Places<'a> {
    /// The user's home.
    pub home: Option<&'a Path>,
    /// `$XDG_CONFIG_HOME`, if it is set.
    pub xdg_config: Option<&'a Path>,
    /// The worktree's git directory; `None` outside a repository.
    pub git_dir: Option<&'a Path>,
    /// The git directory that all worktrees share.
    pub common_dir: Option<&'a Path>,
}

/// The configuration of one user in one repository.
pub struct Config {
    /// In order of increasing precedence.
    files: Vec<(Scope, File)>,
    home: Option<PathBuf>,
    /// Where the user's git files are if nothing else is said.
    user_dir: Option<PathBuf>,
}

/// More than a configuration takes that was made by people.
const CAP: u64 = 16 << 20;

impl Config {
    /// Reads every file there is; one that is not there says nothing, a broken one is an error.
    pub fn read(places: &Places<'_>) -> Result<Self> {
        let xdg = places.xdg_config.map(Path::to_owned);
        let user_dir = xdg.or_else(|| Some(places.home?.join(".config"))).map(|dir| dir.join("git"));
        let mut files = Vec::new();
        let global = user_dir.iter().map(|dir| dir.join("config"));
        for path in global.chain(places.home.map(|home| home.join(".gitconfig"))) {
            files.push((Scope::User, parse_user(&path, places)?));
        }
        if let Some(dir) = places.common_dir {
            let shared = parse(&dir.join("config"))?;
            let split = shared.boolean("extensions.worktreeConfig").ok().flatten().unwrap_or(false);
            files.push((Scope::Repository, shared));
            if let Some(dir) = places.git_dir.filter(|_| split) {
                files.push((Scope::Repository, parse(&dir.join("config.worktree"))?));
            }
        }
        Ok(Self { files, home: places.home.map(Path::to_owned), user_dir })
    }

    /// Every `trace.*` setting, in order of increasing precedence; a key may come several times.
    ///
    /// A key without a value means yes, as in git.
    pub fn settings(&self) -> Vec<Setting> {
        let mut settings = Vec::new();
        for (scope, file) in &self.files {
            for section in file.sections_by_name("trace").into_iter().flatten() {
                let prefix = section.header().subsection_name().map(|name| format!("{name}."));
                let prefix = prefix.unwrap_or_default();
                settings.extend(values(&section).map(|(name, value)| Setting {
                    key: format!("{prefix}{name}").to_ascii_lowercase(),
                    value,
                    scope: *scope,
                }));
            }
        }
        settings
    }

    /// The user's own ignore rules: `core.excludesFile`, else git's default place for them.
    ///
    /// `None` if they are said to be nowhere. The file need not exist.
    pub fn excludes_file(&self) -> Option<PathBuf> {
        let context = interpolate::Context { home_dir: self.home.as_deref(), ..Default::default() };
        match self.files.iter().rev().find_map(|(_, file)| file.path("core.excludesFile")) {
            Some(path) => path.interpolate(context).ok(),
            None => self.user_dir.as_ref().map(|dir| dir.join("ignore")),
        }
    }

    /// The user's own pager; never one that a repository names.
    pub fn pager(&self) -> Option<String> {
        let own = self.files.iter().rev().filter(|(scope, _)| *scope == Scope::User);
        let mut named = own.filter_map(|(_, file)| file.string("core.pager"));
        named.next().map(|pager| pager.to_string()).filter(|pager| !pager.trim().is_empty())
    }

    /// The name the user signs commits with.
    pub fn identity(&self) -> Option<String> {
        let name = self.files.iter().rev().find_map(|(_, file)| file.string("user.name"));
        name.map(|name| name.to_string()).filter(|name| !name.trim().is_empty())
    }
}

/// Reads one file and follows nothing. An absent file is an empty one.
pub(crate) fn parse(path: &Path) -> Result<File> {
    let bytes = file::read_plain(path, CAP)?.unwrap_or_default();
    let parsed =
        File::from_bytes_no_includes(&bytes, Metadata::from(Source::Local), init::Options::default());
    parsed.with_context(|| format!("parse {}", path.display()))
}

/// Which hash names the objects of the repository with this configuration.
pub(super) fn hash_kind(config: &File) -> Result<HashKind> {
    match config.string("extensions.objectFormat").as_ref().map(|name| name.as_slice()) {
        None | Some(b"sha1") => Ok(HashKind::Sha1),
        Some(b"sha256") => Ok(HashKind::Sha256),
        Some(other) => bail!("objects named by {:?}", String::from_utf8_lossy(other)),
    }
}

/// Reads one of the user's own files, links and includes followed as git does.
fn parse_user(path: &Path, places: &Places<'_>) -> Result<File> {
    let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let mut bytes = file::read_plain(&real, CAP)?.unwrap_or_default();
    let interpolate = interpolate::Context {
        home_dir: places.home,
        home_for_user: Some(interpolate::home_for_user),
        ..Default::default()
    };
    let conditional = includes::conditional::Context { git_dir: places.git_dir, ..Default::default() };
    let options =
        init::Options { includes: includes::Options::follow(interpolate, conditional), ..Default::default() };
    let meta = Metadata::from(Source::User).at(path);
    let parsed = File::from_bytes_owned(&mut bytes, meta, options);
    parsed.with_context(|| format!("parse {}", path.display()))
}

/// The keys and values of a section, in their order.
fn values(section: &gix::config::file::SectionRef<'_>) -> impl Iterator<Item = (String, String)> {
    section.body().into_iter().map(|(name, value)| {
        // gix gives nothing for `key` and for `key =` alike; git says yes to the one, no to the other.
        let bare = value.is_empty() && section.value_implicit(&name) == Some(None);
        (name, if bare { "true".to_owned() } else { value.to_string() })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::git::HashKind;
    use crate::git::sandbox::Dir;

    fn read(dir: &Dir, xdg: Option<&Path>) -> Config {
        let git_dir = dir.git_dir();
        let home = dir.path().join("home");
        let places = Places {
            home: Some(&home),
            xdg_config: xdg,
            git_dir: Some(&git_dir),
            common_dir: Some(&git_dir),
        };
        Config::read(&places).unwrap()
    }

    fn told(config: &Config) -> Vec<(String, String, Scope)> {
        config.settings().into_iter().map(|set| (set.key, set.value, set.scope)).collect()
    }

    fn set(key: &str, value: &str, scope: Scope) -> (String, String, Scope) {
        (key.to_owned(), value.to_owned(), scope)
    }

    #[test]
    fn later_words_come_from_nearer_files() {
        let dir = Dir::repository(HashKind::Sha1);
        dir.write("home/.config/git/config", "[trace]\n\tlock = off\n");
        dir.write(
            "home/.gitconfig",
            "[trace]\n\tLock = auto # remark\n[include]\n\tpath = more\n[user]\n name = A B\n",
        );
        dir.write("home/more", "[trace \"redact\"]\n\textra = \"a b\"\n");
        dir.git(&["config", "--add", "trace.ignore", "one"]);
        dir.git(&["config", "--add", "trace.ignore", "two"]);
        dir.git(&["config", "include.path", "../home/hostile"]);
        dir.write("home/hostile", "[trace]\n\tlock = hostile\n");
        dir.write(".git/config.worktree", "[trace]\n\tlock = worktree\n");
        let mut expected = vec![
            set("lock", "off", Scope::User),
            set("lock", "auto", Scope::User),
            set("redact.extra", "a b", Scope::User),
            set("ignore", "one", Scope::Repository),
            set("ignore", "two", Scope::Repository),
        ];
        assert_eq!(told(&read(&dir, None)), expected);
        dir.git(&["config", "extensions.worktreeConfig", "true"]);
        expected.push(set("lock", "worktree", Scope::Repository));
        let config = read(&dir, None);
        assert_eq!(told(&config), expected);
        assert_eq!(config.identity().as_deref(), Some("A B"));
        assert_eq!(told(&read(&dir, Some(dir.path())))[0], expected[1]);
    }

    #[test]
    fn a_key_without_a_value_means_yes_and_takes_no_other_s() {
        let dir = Dir::repository(HashKind::Sha1);
        dir.write("home/.gitconfig", "[trace]\n\ta\n\tb = 1\n\tc =\n\td\n\tb = 2\n");
        let yes = |key: &str, value: &str| set(key, value, Scope::User);
        let expected = [yes("a", "true"), yes("b", "1"), yes("c", ""), yes("d", "true"), yes("b", "2")];
        assert_eq!(told(&read(&dir, None)), expected);
    }

    #[test]
    fn the_user_s_ignore_rules_are_where_they_are_said_to_be() {
        let dir = Dir::repository(HashKind::Sha1);
        let home = dir.path().join("home");
        assert_eq!(read(&dir, None).excludes_file(), Some(home.join(".config/git/ignore")));
        let xdg = dir.path().join("xdg");
        assert_eq!(read(&dir, Some(&xdg)).excludes_file(), Some(xdg.join("git/ignore")));
        dir.write("home/.gitconfig", "[core]\n\texcludesfile = ~/mine\n");
        assert_eq!(read(&dir, None).excludes_file(), Some(home.join("mine")));
        dir.git(&["config", "core.excludesFile", ""]);
        assert_eq!(read(&dir, None).excludes_file(), None);
        assert_eq!(read(&dir, None).identity(), None);
    }

    #[test]
    fn a_broken_file_is_named() {
        let dir = Dir::repository(HashKind::Sha1);
        std::fs::write(dir.git_dir().join("config"), "[core\n").unwrap();
        let error = parse(&dir.git_dir().join("config")).unwrap_err();
        assert!(error.to_string().ends_with("/.git/config"), "{error}");
    }
}
