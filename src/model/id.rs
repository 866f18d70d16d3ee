//! Ids that cannot mix. Each is valid because it exists: they are parsed at the rim.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::digest;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $valid:path) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// Returns the id if `text` has its form.
            pub fn parse(text: &str) -> Option<Self> {
                $valid(text).then(|| Self(text.to_owned()))
            }

            /// The text of it.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = &'static str;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                match $valid(&text) {
                    true => Ok(Self(text)),
                    false => Err(concat!("not a ", stringify!($name))),
                }
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id!(
    /// One sitting of one actor: `sess_<uuidv7>`.
    SessionId,
    is_session
);
id!(
    /// One event: `evt_<uuidv7>`, or derived from the command or the hook call it tells of.
    EventId,
    is_label
);
id!(
    /// One command: `<session uuid>.<seq>` in a shell, `<session uuid>.<hash>` for an agent's tool call.
    CommandId,
    is_label
);
id!(
    /// One worktree: 16 lower-case hex digits, random, kept in its own git dir.
    WorktreeId,
    is_hex16
);
id!(
    /// One clone: 32 lower-case hex digits, random; a copy of the repository gets another.
    CloneId,
    is_hex32
);

impl SessionId {
    /// The id of the session that `agent` knows as `external`.
    ///
    /// A pure function of the key, so that any number of hooks that meet a new session at once
    /// agree without a lock. A UUIDv7 of a shell's own making is taken over as it is.
    pub fn of_key(agent: &str, external: &[u8]) -> Self {
        if let ("shell", Ok(text)) = (agent, std::str::from_utf8(external))
            && is_uuid7(text)
        {
            return Self(format!("sess_{text}"));
        }
        let mut raw = [0; 16];
        raw.copy_from_slice(&digest::once(&[agent.as_bytes(), external])[..16]);
        Self(format!("sess_{}", uuid7(raw)))
    }

    /// The UUID without the prefix.
    pub fn uuid(&self) -> &str {
        &self.0["sess_".len()..]
    }

    /// The first digits of that, dashes counted; all of it if so many are asked for.
    pub fn short(&self, digits: usize) -> &str {
        let uuid = self.uuid();
        &uuid[..digits.min(uuid.len())]
    }

    /// So many digits tell it from the other.
    pub fn apart(&self, other: &Self) -> usize {
        let pairs = self.uuid().bytes().zip(other.uuid().bytes());
        pairs.take_while(|(one, two)| one == two).count() + 1
    }
}

impl EventId {
    /// `evt_<uuidv7>` of a moment (milliseconds) and 10 random bytes.
    pub fn mint(millis: u64, random: [u8; 10]) -> Self {
        let mut raw = [0; 16];
        raw[..6].copy_from_slice(&millis.to_be_bytes()[2..]);
        raw[6..].copy_from_slice(&random);
        Self(format!("evt_{}", uuid7(raw)))
    }

    /// The id that the same hook call always gets, however often it is delivered.
    pub fn of_call(parts: &[&[u8]]) -> Self {
        Self(format!("evt_{}", digest::name(parts)))
    }

    /// The id of one half of a command.
    pub fn of_half(command: &CommandId, half: Half) -> Self {
        let tail = match half {
            Half::Started => "s",
            Half::Finished => "e",
        };
        Self(format!("{command}/{tail}"))
    }
}

/// Which end of a command an event tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Half {
    /// It began.
    Started,
    /// It ended.
    Finished,
}

impl CommandId {
    /// The id of the `seq`-th line of a shell session.
    pub fn of_shell(session: &SessionId, seq: u64) -> Self {
        Self(format!("{}.{seq}", session.uuid()))
    }

    /// The id of an agent's tool call; `tool` is foreign text and is hashed.
    pub fn of_tool(session: &SessionId, tool: &[u8]) -> Self {
        let mut short = digest::name(&[tool]);
        short.truncate(16);
        Self(format!("{}.{short}", session.uuid()))
    }
}

/// Forces version 7 and the variant onto 16 bytes and writes them as a UUID (RFC 9562).
fn uuid7(mut raw: [u8; 16]) -> String {
    raw[6] = raw[6] & 0x0f | 0x70;
    raw[8] = raw[8] & 0x3f | 0x80;
    let hex = digest::hex(&raw);
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

fn is_uuid7(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            14 => byte == b'7',
            19 => matches!(byte, b'8' | b'9' | b'a' | b'b'),
            _ => matches!(byte, b'0'..=b'9' | b'a'..=b'f'),
        })
}

fn is_session(text: &str) -> bool {
    text.strip_prefix("sess_").is_some_and(is_uuid7)
}

fn is_label(text: &str) -> bool {
    (1..=128).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._/-".contains(&byte))
}

fn is_hex(text: &str, len: usize) -> bool {
    text.len() == len && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn is_hex16(text: &str) -> bool {
    is_hex(text, 16)
}

fn is_hex32(text: &str) -> bool {
    is_hex(text, 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shells_own_uuid_is_kept_and_foreign_ids_are_hashed() {
        let uuid = "01987f00-1111-7000-8000-00000000000a";
        assert_eq!(SessionId::of_key("shell", uuid.as_bytes()).as_str(), format!("sess_{uuid}"));
        let hostile = SessionId::of_key("codex", b"../../etc/passwd\n");
        assert!(SessionId::parse(hostile.as_str()).is_some());
        assert_eq!(hostile, SessionId::of_key("codex", b"../../etc/passwd\n"));
        assert_ne!(hostile, SessionId::of_key("claude", b"../../etc/passwd\n"));
    }

    #[test]
    fn minted_ids_are_uuids_of_version_7() {
        let id = EventId::mint(1_787_220_000_000, [0xff; 10]);
        assert!(is_uuid7(&id.as_str()[4..]), "{id}");
    }

    #[test]
    fn what_is_not_an_id_is_refused() {
        for bad in ["", "sess_", "sess_01987f00-1111-4000-8000-00000000000a", "x\ny"] {
            assert_eq!(SessionId::parse(bad), None, "{bad:?}");
        }
        assert_eq!(WorktreeId::parse("../../../../../x"), None);
        assert_eq!(EventId::parse("a b"), None);
    }
}
