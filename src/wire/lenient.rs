//! JSON as agents send it: one object, read with patience.
//!
//! A mark in front and whatever comes behind are ignored, raw control characters inside strings are
//! taken for what they were meant to be, of two equal keys the last one wins, and a key is found in
//! snake case and in camel case. What is cut short or nested beyond 128 levels stays an error.

use serde_json::{Map, Value};

use super::Bad;

/// An object whose keys may be spelled in two ways. What was taken leaves null behind, which is none: to
/// remove one key of many takes long.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Object(Map<String, Value>);

/// Reads the first value of `json`, which must be an object.
pub fn object(json: &[u8]) -> Result<Object, Bad> {
    let json = json.strip_prefix(b"\xef\xbb\xbf").unwrap_or(json);
    match first(json).or_else(|_| first(&escaped(json)))? {
        Value::Object(map) => Ok(Object(map)),
        _ => Err(Bad::Json("no object", 0)),
    }
}

impl Object {
    /// From a value that is one.
    pub fn of(value: Value) -> Option<Self> {
        match value {
            Value::Object(map) => Some(Self(map)),
            _ => None,
        }
    }

    /// The value of the first of `names` (snake case) that there is; null is none.
    pub fn get(&self, names: &[&str]) -> Option<&Value> {
        let spelled = |name: &&str| self.0.get(*name).or_else(|| self.0.get(camel(name, &mut [0; 64])?));
        names.iter().filter_map(spelled).find(|value| !value.is_null())
    }

    /// Puts a value in the place of whatever has this name.
    pub fn set(&mut self, name: &str, value: Value) {
        self.take(&[name]);
        self.0.insert(name.to_owned(), value);
    }

    /// Takes the value of the first of `names` (snake case) that there is; null is none.
    pub fn take(&mut self, names: &[&str]) -> Option<Value> {
        let mut found = None;
        for name in names {
            let mut word = [0; 64];
            for spelled in [Some(*name), camel(name, &mut word)].into_iter().flatten() {
                let value = self.0.get_mut(spelled).map(Value::take).filter(|value| !value.is_null());
                found = found.or(value);
            }
        }
        found
    }

    /// Takes a text: a string that is not empty, or a number as it is written.
    pub fn text(&mut self, names: &[&str]) -> Option<String> {
        match self.take(names)? {
            Value::String(text) if !text.is_empty() => Some(text),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }

    /// Takes a truth value.
    pub fn flag(&mut self, names: &[&str]) -> Option<bool> {
        self.take(names)?.as_bool()
    }

    /// Takes an object.
    pub fn nested(&mut self, names: &[&str]) -> Option<Object> {
        Object::of(self.take(names)?)
    }

    /// Takes a count: a whole number that is not negative.
    pub fn count(&mut self, names: &[&str]) -> Option<u64> {
        self.take(names)?.as_u64()
    }

    /// Takes the objects of a list; whatever else is in it is left out.
    pub fn objects(&mut self, names: &[&str]) -> Vec<Object> {
        match self.take(names) {
            Some(Value::Array(all)) => all.into_iter().filter_map(Object::of).collect(),
            _ => Vec::new(),
        }
    }

    /// Takes every value that is an object, whatever its key.
    pub fn values(&mut self) -> Vec<Object> {
        std::mem::take(&mut self.0).into_iter().filter_map(|(_, value)| Object::of(value)).collect()
    }

    /// True if there is something of this name.
    pub fn has(&self, name: &str) -> bool {
        self.0.get(name).is_some_and(|value| !value.is_null())
    }

    /// The object with the keys of another beside its own.
    pub fn with(mut self, other: Object) -> Object {
        self.0.extend(other.0.into_iter().filter(|(_, value)| !value.is_null()));
        self
    }

    /// What has not been taken, as JSON; `None` if that is nothing.
    pub fn rest(&self) -> Option<String> {
        let mut rest = self.0.clone();
        rest.retain(|_, value| !value.is_null());
        (!rest.is_empty()).then(|| Value::Object(rest).to_string())
    }
}

/// The object that a text holds, as some put one into a string.
pub fn value(text: &str) -> Option<Value> {
    object(text.as_bytes()).ok().map(|object| Value::Object(object.0))
}

fn first(json: &[u8]) -> Result<Value, Bad> {
    let mut values = serde_json::Deserializer::from_slice(json).into_iter();
    values.next().unwrap_or(Ok(Value::Null)).map_err(Bad::from)
}

/// Escapes the control characters that stand raw inside a string.
fn escaped(json: &[u8]) -> Vec<u8> {
    let mut whole = Vec::with_capacity(json.len() + 16);
    let (mut inside, mut after_backslash) = (false, false);
    for byte in json {
        match (*byte, inside) {
            (control @ 0..0x20, true) => whole.extend_from_slice(format!("\\u{control:04x}").as_bytes()),
            (b'"', _) if !after_backslash => {
                inside = !inside;
                whole.push(b'"');
            }
            (other, _) => whole.push(other),
        }
        after_backslash = inside && *byte == b'\\' && !after_backslash;
    }
    whole
}

/// Room for a name: none of ours is longer, and there is one for each key of each line.
type Word = [u8; 64];

/// The name in camel case, if that is another.
fn camel<'w>(name: &str, word: &'w mut Word) -> Option<&'w str> {
    let (mut length, mut is_up) = (0, false);
    for byte in name.bytes() {
        if byte == b'_' {
            is_up = true;
            continue;
        }
        *word.get_mut(length)? = if std::mem::take(&mut is_up) { byte.to_ascii_uppercase() } else { byte };
        length += 1;
    }
    let camel = std::str::from_utf8(&word[..length]).ok()?;
    (length < name.len()).then_some(camel)
}

/// Whether the bytes hold one whole JSON value already, so that nobody need wait for more.
///
/// False also for what is no JSON: only the end of the input shows that.
pub fn is_whole(bytes: &[u8]) -> bool {
    let mut values = serde_json::Deserializer::from_slice(bytes).into_iter::<serde::de::IgnoredAny>();
    matches!(values.next(), Some(Ok(_)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(json: &[u8]) -> Option<String> {
        object(json).ok()?.text(&["tool_id"])
    }

    #[test]
    fn what_agents_get_wrong_is_read_all_the_same() {
        for (json, read) in [
            (&br#"{"tool_id":"a"}"#[..], "a"),
            (br#"{"toolId":"a"}"#, "a"),
            (b"\xef\xbb\xbf {\"tool_id\":\"a\"}", "a"),
            (br#"{"tool_id":"a"} {"tool_id":"b"} trailing"#, "a"),
            (br#"{"tool_id":"a"}}"#, "a"),
            (br#"{"tool_id":"a","tool_id":"b"}"#, "b"),
            (b"{\"tool_id\":\"a\nb\"}", "a\nb"),
            (b"{\n\"tool_id\":\t\"a\x01\\\"\n\"\n}", "a\u{1}\"\n"),
            (b"{\"x\":\"\\\\\",\"tool_id\":\"a\tb\"}", "a\tb"),
            (br#"{"tool_id":null,"toolId":"a"}"#, "a"),
            (br#"{"tool_id":42}"#, "42"),
        ] {
            assert_eq!(text(json).as_deref(), Some(read), "{}", String::from_utf8_lossy(json));
        }
    }

    #[test]
    fn what_cannot_be_read_is_an_error() {
        let deep = [b"{\"a\":".as_slice(), &vec![b'['; 100_000]].concat();
        for json in
            [&b""[..], b" ", b"null", b"7", b"[{}]", b"{", b"{\"a\":\"b", b"{\"a\":\"\xff\"}", b"\0", &deep]
        {
            assert!(object(json).is_err());
        }
    }

    #[test]
    fn an_object_cut_at_any_byte_is_an_error() {
        let json = "{\"tool_id\":\"a\nb\",\"x\":[1,{\"é\":\"\\\"\"}]}".as_bytes();
        assert!(object(json).is_ok());
        for cut in 0..json.len() {
            assert!(object(&json[..cut]).is_err(), "cut at {cut}");
        }
    }

    #[test]
    fn what_was_taken_is_gone_in_both_spellings() {
        let mut object = object(br#"{"tool_id":"a","toolId":"b","other":[1]}"#).unwrap();
        assert_eq!(object.text(&["tool_id"]).as_deref(), Some("a"));
        assert_eq!(object.rest().as_deref(), Some(r#"{"other":[1]}"#));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = object(&bytes);
            let _ = object(&[b"{\"a\":\"", bytes.as_slice(), b"\"}"].concat());
        }
    }
}
