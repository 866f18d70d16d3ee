//! Where an agent keeps a transcript, what its path tells, and how the agent goes on with it.
//!
//! Pure: nothing is looked up. An id is foreign text: one that cannot be the name of a file, or that
//! a program would take for an option, has no place and no command.

use bstr::ByteSlice;

use crate::model::agent::Agent;
use crate::model::time::Timestamp;

/// The longest directory that Claude makes into a name without a digest of its own.
const LONGEST_SLUG: usize = 200;

/// What the environment tells of the agents' directories.
pub struct Env<'a> {
    /// The user's home.
    pub home: &'a [u8],
    /// The value of a variable.
    pub var: &'a dyn Fn(&str) -> Option<Vec<u8>>,
}

/// A place where a transcript may be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    At(Vec<u8>),
    /// Somewhere below a directory, under a name with this end.
    Below {
        dir: Vec<u8>,
        end: Vec<u8>,
    },
}

/// What the path of a transcript tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Named {
    pub external_id: Option<String>,
    /// The conversation whose sub-agent this is.
    pub parent: Option<String>,
}

/// The words of the command by which the agent goes on with a conversation.
pub fn resume_command(agent: Agent, external_id: &str) -> Option<Vec<String>> {
    let words: &[&str] = match agent {
        Agent::Claude => &["claude", "-r"],
        Agent::Codex => &["codex", "resume"],
        Agent::Copilot => &["copilot", "--resume"],
        Agent::Cursor => &["agent", "--resume"],
        Agent::Droid => &["droid", "--session-id"],
        Agent::Gemini => &["gemini", "--resume"],
        Agent::OpenCode => &["opencode", "-s"],
        Agent::Pi => &["pi", "--session"],
    };
    let id = id(external_id)?;
    Some(words.iter().copied().chain([id]).map(str::to_owned).collect())
}

/// Where the agent may have put the transcript of a conversation in `cwd`, the likeliest first.
///
/// Empty for OpenCode, which keeps a database.
pub fn places(agent: Agent, env: &Env<'_>, cwd: &[u8], external_id: &str) -> Vec<Place> {
    let Some(id) = id(external_id) else { return Vec::new() };
    let root = env.root(agent);
    let file = [id.as_bytes(), b".jsonl"].concat();
    let at = |parts: &[&[u8]]| Place::At(join(&root, parts));
    let below = |parts: &[&[u8]], end: &[u8]| Place::Below { dir: join(&root, parts), end: end.to_vec() };
    match agent {
        Agent::Claude => {
            env.claude_slug(cwd).map(|slug| at(&[b"projects", &slug, &file])).into_iter().collect()
        }
        Agent::Codex => vec![
            below(&[b"sessions"], &[b"-", &*file].concat()),
            below(&[b"archived_sessions"], &[b"-", &*file].concat()),
        ],
        Agent::Copilot => vec![at(&[b"session-state", id.as_bytes(), b"events.jsonl"])],
        Agent::Cursor => {
            let slug = dashed(cwd.strip_prefix(b"/").unwrap_or(cwd));
            let dir: [&[u8]; 3] = [b"projects", &slug, b"agent-transcripts"];
            let nested = [&dir[..], &[id.as_bytes(), &file]].concat();
            let flat = [&dir[..], &[&file]].concat();
            vec![at(&nested), at(&flat), below(&[b"projects"], &[b"/", &*file].concat())]
        }
        Agent::Droid => vec![
            at(&[b"sessions", &dashed(cwd), &file]),
            at(&[b"sessions", &cwd.replace("/", "-"), &file]),
            below(&[b"sessions"], &[b"/", &*file].concat()),
        ],
        Agent::Gemini => {
            let first: String = id.chars().take(8).collect();
            vec![below(&[b"tmp"], format!("-{first}.jsonl").as_bytes())]
        }
        Agent::OpenCode => Vec::new(),
        Agent::Pi => vec![below(&[b"sessions", &pi_slug(cwd)], &[b"_", &*file].concat())],
    }
}

/// The directories below which an agent keeps all its transcripts. Empty for OpenCode.
pub fn shelves(agent: Agent, env: &Env<'_>) -> Vec<Vec<u8>> {
    let names: &[&[u8]] = match agent {
        Agent::Claude | Agent::Cursor => &[b"projects"],
        Agent::Codex => &[b"sessions", b"archived_sessions"],
        Agent::Copilot => &[b"session-state"],
        Agent::Droid | Agent::Pi => &[b"sessions"],
        Agent::Gemini => &[b"tmp"],
        Agent::OpenCode => &[],
    };
    names.iter().map(|name| join(&env.root(agent), &[name])).collect()
}

/// Where to put a transcript so that the agent finds it when it goes on in `cwd`.
///
/// `started` is when the conversation began: two agents have it in the name. `None` where the place
/// hangs on what only the agent knows, or where there is no file.
pub fn home_of(
    agent: Agent,
    env: &Env<'_>,
    cwd: &[u8],
    external_id: &str,
    started: Option<Timestamp>,
) -> Option<Vec<u8>> {
    let id = id(external_id)?;
    let moment = || jiff::Timestamp::from_microsecond(started?.0).ok();
    match agent {
        Agent::Codex => {
            let dated = moment()?.strftime("sessions/%Y/%m/%d/rollout-%Y-%m-%dT%H-%M-%S-").to_string();
            Some(join(&env.root(agent), &[format!("{dated}{id}.jsonl").as_bytes()]))
        }
        Agent::Pi => {
            let millis = started?.0.div_euclid(1000).rem_euclid(1000);
            let name = format!("{}-{millis:03}Z_{id}.jsonl", moment()?.strftime("%Y-%m-%dT%H-%M-%S"));
            Some(join(&env.root(agent), &[b"sessions", &pi_slug(cwd), name.as_bytes()]))
        }
        Agent::Claude | Agent::Copilot | Agent::Cursor | Agent::Droid => {
            places(agent, env, cwd, external_id).into_iter().find_map(|place| match place {
                Place::At(path) => Some(path),
                Place::Below { .. } => None,
            })
        }
        Agent::Gemini | Agent::OpenCode => None,
    }
}

/// What the path of a transcript tells. Nothing of the ids of Gemini and OpenCode, which stand inside the
/// file: whoever exports a conversation calls it what they like.
pub fn named(agent: Agent, path: &[u8]) -> Named {
    let mut parts = path.rsplit_str("/");
    let text = |part: Option<&[u8]>| Some(part?.to_str().ok()?.to_owned()).filter(|text| !text.is_empty());
    let stem = text(parts.next().map(stem));
    let (dir, above) = (text(parts.next()), text(parts.next()));
    match agent {
        Agent::Claude if dir.as_deref() == Some("subagents") => Named {
            external_id: stem.map(|stem| stem.strip_prefix("agent-").unwrap_or(&stem).to_owned()),
            parent: above,
        },
        Agent::Codex => Named { external_id: stem.and_then(|stem| tail(&stem, '-', 36)), parent: None },
        Agent::Copilot => Named { external_id: dir, parent: None },
        Agent::Gemini => {
            Named { external_id: None, parent: dir.filter(|_| above.as_deref() == Some("chats")) }
        }
        Agent::Pi => {
            let id = stem.map(|stem| stem.split_once('_').map_or(stem.clone(), |(_, id)| id.to_owned()));
            Named { external_id: id, parent: None }
        }
        Agent::OpenCode => Named::default(),
        Agent::Claude | Agent::Cursor | Agent::Droid => Named { external_id: stem, parent: None },
    }
}

/// Where the agent looks for the transcript of a conversation that goes on in `cwd`: where it had it, if
/// that is one of its places for this directory. `None` where only the agent knows.
///
/// `had` is what a hook said: nothing outside the agent's own directory.
pub fn return_to(
    agent: Agent,
    env: &Env<'_>,
    had: &[u8],
    cwd: &[u8],
    external_id: &str,
    started: Option<Timestamp>,
) -> Option<Vec<u8>> {
    let is_there = |place: &Place| match place {
        Place::At(path) => path == had,
        Place::Below { dir, end } => had.starts_with(dir) && had.ends_with(end),
    };
    let had = Some(had).filter(|had| env.holds(agent, had)).map(<[u8]>::to_vec);
    match places(agent, env, cwd, external_id).iter().any(is_there) {
        true => had,
        false => home_of(agent, env, cwd, external_id, started).or(had),
    }
}

impl Env<'_> {
    /// Whether a path lies in an agent's directory, as it is written.
    fn holds(&self, agent: Agent, path: &[u8]) -> bool {
        let below = path.strip_prefix(self.root(agent).as_slice()).and_then(|rest| rest.strip_prefix(b"/"));
        below.is_some_and(|rest| rest.split_str("/").all(|name| !matches!(name, b"" | b"." | b"..")))
    }

    /// The directory of an agent.
    fn root(&self, agent: Agent) -> Vec<u8> {
        let (variable, below_home, below): (_, &[u8], &[u8]) = match agent {
            Agent::Claude => ("CLAUDE_CONFIG_DIR", b".claude", b""),
            Agent::Codex => ("CODEX_HOME", b".codex", b""),
            Agent::Copilot => ("COPILOT_HOME", b".copilot", b""),
            Agent::Cursor => ("CURSOR_CONFIG_DIR", b".cursor", b""),
            Agent::Droid => ("", b".factory", b""),
            Agent::Gemini => ("GEMINI_CLI_HOME", b".gemini", b".gemini"),
            Agent::OpenCode => ("XDG_DATA_HOME", b".local/share/opencode", b"opencode"),
            Agent::Pi => ("", b".pi/agent", b""),
        };
        match self.set(variable) {
            Some(root) if below.is_empty() => root,
            Some(root) => join(&root, &[below]),
            None => join(self.home, &[below_home]),
        }
    }

    /// A variable that is not empty.
    fn set(&self, variable: &str) -> Option<Vec<u8>> {
        (self.var)(variable).filter(|value| !value.is_empty() && !variable.is_empty())
    }

    /// How Claude calls a directory; of a long one only Claude knows how it goes on.
    fn claude_slug(&self, cwd: &[u8]) -> Option<Vec<u8>> {
        let slug = || Some(dashed(cwd)).filter(|slug| slug.len() <= LONGEST_SLUG);
        self.set("CLAUDE_CODE_PROJECT_DIR_NAME").filter(|name| !name.contains(&b'/')).or_else(slug)
    }
}

/// An id that can be the name of a file and the word of a command.
fn id(external_id: &str) -> Option<&str> {
    let odd = |c: char| c == '/' || c == '\\' || c.is_control();
    let bad = external_id.is_empty()
        || external_id.len() > 200
        || external_id.starts_with(['-', '.'])
        || external_id.contains(odd);
    (!bad).then_some(external_id)
}

fn join(root: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let mut path = root.strip_suffix(b"/").unwrap_or(root).to_vec();
    for part in parts {
        path.push(b'/');
        path.extend_from_slice(part);
    }
    path
}

/// Every character that is no ASCII letter or digit as `-`, counted as JavaScript counts them.
fn dashed(path: &[u8]) -> Vec<u8> {
    let dashes = |c: char| if c.is_ascii_alphanumeric() { vec![c as u8] } else { vec![b'-'; c.len_utf16()] };
    String::from_utf8_lossy(path).chars().flat_map(dashes).collect()
}

/// How Pi calls a directory.
fn pi_slug(cwd: &[u8]) -> Vec<u8> {
    let inner = cwd.strip_prefix(b"/").unwrap_or(cwd);
    let inner = inner.iter().map(|byte| if b"/\\:".contains(byte) { b'-' } else { *byte });
    b"--".iter().copied().chain(inner).chain(*b"--").collect()
}

/// The name of a transcript without what says that it is one.
fn stem(name: &[u8]) -> &[u8] {
    let ends: [&[u8]; 3] = [b".jsonl", b".jsonl.zst", b".json"];
    ends.iter().find_map(|end| name.strip_suffix(*end)).unwrap_or(name)
}

/// The last `length` bytes, if `mark` stands before them.
fn tail(text: &str, mark: char, length: usize) -> Option<String> {
    let (before, tail) = text.split_at_checked(text.len().checked_sub(length)?)?;
    before.ends_with(mark).then(|| tail.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0a0a0a0a-0000-7000-8000-00000000000b";

    fn shown(place: &Place) -> String {
        match place {
            Place::At(path) => path.to_str_lossy().into_owned(),
            Place::Below { dir, end } => format!("{}/**{}", dir.to_str_lossy(), end.to_str_lossy()),
        }
    }

    fn found(agent: Agent, cwd: &str, vars: &[(&str, &str)]) -> Vec<String> {
        let var = |name: &str| {
            vars.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_bytes().to_vec())
        };
        let env = Env { home: b"/home/u", var: &var };
        places(agent, &env, cwd.as_bytes(), ID).iter().map(shown).collect()
    }

    #[test]
    fn a_transcript_goes_back_where_the_agent_looks_for_it() {
        let env = Env { home: b"/home/u", var: &|_| None };
        let to = |agent, had: &str, cwd: &str| {
            let found = return_to(agent, &env, had.as_bytes(), cwd.as_bytes(), ID, None);
            found.map(|path| path.to_str_lossy().into_owned())
        };
        let claude = |slug: &str| format!("/home/u/.claude/projects/{slug}/{ID}.jsonl");
        assert_eq!(to(Agent::Claude, &claude("-w-a"), "/w/a"), Some(claude("-w-a")));
        assert_eq!(to(Agent::Claude, &claude("-w-a"), "/w/b"), Some(claude("-w-b")));
        assert_eq!(to(Agent::Claude, "/etc/x.jsonl", "/w/a"), Some(claude("-w-a")));
        assert_eq!(to(Agent::Claude, "/home/u/.claude/../.x.jsonl", "/w/a"), Some(claude("-w-a")));
        let gemini = "/home/u/.gemini/tmp/h/chats/session-1.jsonl";
        assert_eq!(to(Agent::Gemini, gemini, "/w/b").as_deref(), Some(gemini));
        assert_eq!(to(Agent::Gemini, "/tmp/x.jsonl", "/w/a"), None);
    }

    #[test]
    fn each_agent_has_its_place() {
        let file = format!("{ID}.jsonl");
        for (agent, first) in [
            (Agent::Claude, format!("/home/u/.claude/projects/-w-my-demo/{file}")),
            (Agent::Codex, format!("/home/u/.codex/sessions/**-{file}")),
            (Agent::Copilot, format!("/home/u/.copilot/session-state/{ID}/events.jsonl")),
            (Agent::Cursor, format!("/home/u/.cursor/projects/w-my-demo/agent-transcripts/{ID}/{file}")),
            (Agent::Droid, format!("/home/u/.factory/sessions/-w-my-demo/{file}")),
            (Agent::Gemini, "/home/u/.gemini/tmp/**-0a0a0a0a.jsonl".to_owned()),
            (Agent::Pi, format!("/home/u/.pi/agent/sessions/--w-my_demo--/**_{file}")),
        ] {
            assert_eq!(found(agent, "/w/my_demo", &[])[0], first);
        }
        assert_eq!(found(Agent::OpenCode, "/w", &[]), [""; 0]);
    }

    #[test]
    fn the_environment_moves_a_place_and_an_empty_variable_does_not() {
        let claude = |vars: &[(&str, &str)]| found(Agent::Claude, "/w", vars).concat();
        assert_eq!(claude(&[("CLAUDE_CONFIG_DIR", "/c/")]), format!("/c/projects/-w/{ID}.jsonl"));
        assert_eq!(claude(&[("CLAUDE_CONFIG_DIR", "")]), format!("/home/u/.claude/projects/-w/{ID}.jsonl"));
        let named = claude(&[("CLAUDE_CODE_PROJECT_DIR_NAME", "mine")]);
        assert_eq!(named, format!("/home/u/.claude/projects/mine/{ID}.jsonl"));
        let gemini = found(Agent::Gemini, "/w", &[("GEMINI_CLI_HOME", "/g")]);
        assert_eq!(gemini, ["/g/.gemini/tmp/**-0a0a0a0a.jsonl"]);
    }

    #[test]
    fn a_directory_is_spelled_as_the_agent_spells_it() {
        assert_eq!(dashed("/a/é_😀.b".as_bytes()), b"-a------b");
        assert_eq!(found(Agent::Claude, &format!("/{}", "x".repeat(300)), &[]), [""; 0]);
    }

    #[test]
    fn a_transcript_is_put_where_the_agent_finds_it() {
        let env = Env { home: b"/h", var: &|_| None };
        let started = Some(Timestamp(1_787_220_000_123_456));
        let home =
            |agent| home_of(agent, &env, b"/w", ID, started).map(|path| path.to_str_lossy().into_owned());
        let dated = "2026-08-20T10-00-00";
        let codex = format!("/h/.codex/sessions/2026/08/20/rollout-{dated}-{ID}.jsonl");
        assert_eq!(home(Agent::Codex), Some(codex));
        assert_eq!(home(Agent::Pi), Some(format!("/h/.pi/agent/sessions/--w--/{dated}-123Z_{ID}.jsonl")));
        assert_eq!(home(Agent::Claude), Some(format!("/h/.claude/projects/-w/{ID}.jsonl")));
        assert_eq!((home(Agent::Gemini), home(Agent::OpenCode)), (None, None));
        assert_eq!(home_of(Agent::Codex, &env, b"/w", ID, None), None);
        assert_eq!(home_of(Agent::Codex, &env, b"/w", ID, Some(Timestamp(i64::MAX))), None);
    }

    #[test]
    fn a_path_tells_what_its_agent_put_into_it() {
        let told = |agent, path: &str| {
            let named = named(agent, path.as_bytes());
            (named.external_id.unwrap_or_default(), named.parent.unwrap_or_default())
        };
        let none = String::new;
        assert_eq!(told(Agent::Claude, "/p/-w/s1.jsonl"), ("s1".into(), none()));
        assert_eq!(told(Agent::Claude, "/p/-w/s1/subagents/agent-a7.jsonl"), ("a7".into(), "s1".into()));
        let rollout = format!("/s/2026/08/20/rollout-2026-08-20T10-00-00-{ID}.jsonl");
        assert_eq!(told(Agent::Codex, &rollout), (ID.into(), none()));
        assert_eq!(told(Agent::Codex, "/s/é.jsonl"), (none(), none()));
        assert_eq!(told(Agent::Copilot, "/s/c1/events.jsonl"), ("c1".into(), none()));
        assert_eq!(told(Agent::Cursor, "/a/c1/c1.jsonl"), ("c1".into(), none()));
        assert_eq!(told(Agent::Gemini, "/t/chats/g1/g2.jsonl"), (none(), "g1".into()));
        assert_eq!(told(Agent::Gemini, "/t/chats/session-x.jsonl"), (none(), none()));
        assert_eq!(told(Agent::Pi, "/s/--w--/2026-08-20_p1.jsonl"), ("p1".into(), none()));
        assert_eq!(told(Agent::Pi, ""), (none(), none()));
    }

    #[test]
    fn an_id_that_is_a_path_or_an_option_has_no_place_and_no_command() {
        let env = Env { home: b"/h", var: &|_| None };
        for bad in ["", "-x", "--yes", "..", "../x", "a/b", "a\\b", "a\nb", "a\0", &"x".repeat(201)] {
            for agent in Agent::ALL {
                assert_eq!(resume_command(agent, bad), None, "{bad}");
                assert_eq!(places(agent, &env, b"/w", bad), [], "{bad}");
                assert_eq!(home_of(agent, &env, b"/w", bad, Some(Timestamp(0))), None, "{bad}");
            }
        }
        assert_eq!(resume_command(Agent::Claude, "a 1").unwrap(), ["claude", "-r", "a 1"]);
        assert_eq!(resume_command(Agent::Pi, ID).unwrap(), ["pi", "--session", ID]);
    }
}
