//! JSON with comments, as people and other programs keep it in their settings: read with the place of
//! everything in it, so that it can be added to and taken from without touching another byte.
//!
//! Nothing is ever written anew. What is added follows the indentation, the line ends and the trailing
//! commas it finds, and taking it out again leaves what was there before.

use std::ops::Range;

use serde::de::IgnoredAny;

use super::Bad;

/// Deeper than any settings are.
const DEEPEST: usize = 64;

/// A value and where it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    pub span: Range<usize>,
    pub value: Value,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Object(Vec<Child>),
    Array(Vec<Child>),
    Text(String),
    /// A number, or one of the three words.
    Other,
}

/// A member of an object, or an item of an array.
#[derive(Clone, Debug, PartialEq)]
pub struct Child {
    /// In an object.
    pub key: Option<String>,
    /// Where it begins: at its key, if it has one.
    pub start: usize,
    pub node: Node,
    /// Where the comma behind it stands.
    pub comma: Option<usize>,
}

/// A text to be put in at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Insertion {
    pub at: usize,
    pub text: String,
}

/// Something new for a container: a key, if it is an object, and a value as JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct New<'a> {
    pub key: Option<&'a str>,
    pub json: String,
}

/// Reads a document.
pub fn parse(text: &str) -> Result<Node, Bad> {
    let mut reader = Reader { text, at: 0 };
    if text.starts_with('\u{feff}') {
        reader.at = '\u{feff}'.len_utf8();
    }
    let node = reader.value(0)?;
    reader.space()?;
    match reader.at == text.len() {
        true => Ok(node),
        false => Err(reader.bad("broken")),
    }
}

/// Puts the texts in. They are in order.
pub fn apply(text: &str, insertions: &[Insertion]) -> String {
    let (mut whole, mut from) = (String::with_capacity(text.len()), 0);
    for insertion in insertions {
        whole.push_str(&text[from..insertion.at]);
        whole.push_str(&insertion.text);
        from = insertion.at;
    }
    whole + &text[from..]
}

/// Leaves out the stretches, in whatever order they come.
pub fn without(text: &str, stretches: &[Range<usize>]) -> Option<String> {
    let mut stretches = stretches.to_vec();
    stretches.sort_by_key(|stretch| stretch.start);
    let (mut whole, mut from) = (String::new(), 0);
    for stretch in stretches {
        whole.push_str(text.get(from..stretch.start)?);
        from = stretch.end;
    }
    whole.push_str(text.get(from..)?);
    Some(whole)
}

impl Node {
    /// What it holds, if it is an object or an array.
    pub fn children(&self) -> &[Child] {
        match &self.value {
            Value::Object(children) | Value::Array(children) => children,
            Value::Text(_) | Value::Other => &[],
        }
    }

    /// The last member of this name.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.position(key).map(|at| &self.children()[at].node)
    }

    /// Where among the members it is.
    pub fn position(&self, key: &str) -> Option<usize> {
        self.children().iter().rposition(|child| child.key.as_deref() == Some(key))
    }
}

/// How to add to the end of a container.
pub fn append(text: &str, to: &Node, new: &[New<'_>]) -> Vec<Insertion> {
    let style = Style::of(text, to);
    let items: Vec<String> = new.iter().map(|new| style.item(new)).collect();
    let Some(last) = to.children().last() else {
        let (inner, outer) = (style.inner(), style.outer());
        let text = format!("{inner}{}{outer}", items.join(&format!(",{inner}")));
        return vec![Insertion { at: to.span.start + 1, text }];
    };
    let behind = last.comma.map_or(last.node.span.end, |comma| comma + 1);
    let end = behind + text[behind..to.span.end - 1].trim_end().len();
    let inner = style.inner();
    let (first, comma) = match last.comma {
        Some(_) => (String::new(), ","),
        None => (",".to_owned(), ""),
    };
    let added = format!("{inner}{}{comma}", items.join(&format!(",{inner}")));
    match end == behind {
        true => vec![Insertion { at: end, text: first + &added }],
        false => [(behind, first), (end, added)]
            .into_iter()
            .filter(|(_, text)| !text.is_empty())
            .map(|(at, text)| Insertion { at, text })
            .collect(),
    }
}

/// What to leave out so that one child of a container is gone.
pub fn remove(text: &str, from: &Node, at: usize) -> Vec<Range<usize>> {
    let children = from.children();
    let child = &children[at];
    let start = text[..child.start].trim_end().len();
    let mut own = start..child.node.span.end;
    let comma = match (child.comma, at) {
        (Some(comma), _) => Some(comma),
        (None, 0) => {
            // The line that the closing bracket got when this was put in.
            let outer = Style::of(text, from).outer();
            if text[own.end..].starts_with(&outer) && text[..start].ends_with(['{', '[']) {
                own.end += outer.len();
            }
            None
        }
        (None, _) => children[at - 1].comma,
    };
    std::iter::once(own).chain(comma.map(|at| at..at + 1)).collect()
}

/// How a container is laid out.
struct Style {
    /// Between its lines; `None` if it is all on one line.
    line: Option<&'static str>,
    outer: String,
    inner: String,
    unit: String,
}

impl Style {
    fn of(text: &str, container: &Node) -> Self {
        let newline = if text.contains("\r\n") { "\r\n" } else { "\n" };
        let (unit, outer) = (unit(text), indentation(text, container.span.start));
        let children = container.children();
        let spread = children.first().is_none_or(|first| {
            let end = children.last().map_or(first.start, |last| last.node.span.end);
            text[container.span.start..first.start].contains('\n')
                || text[end..container.span.end].contains(['\n', '/'])
        });
        let first = children.first().map(|first| first.start);
        let own = first.filter(|first| text[container.span.start..*first].contains('\n'));
        let inner = own.map_or_else(|| format!("{outer}{unit}"), |first| indentation(text, first));
        Self { line: spread.then_some(newline), outer, inner, unit }
    }

    fn inner(&self) -> String {
        self.line.map_or_else(|| " ".to_owned(), |line| format!("{line}{}", self.inner))
    }

    fn outer(&self) -> String {
        self.line.map_or_else(String::new, |line| format!("{line}{}", self.outer))
    }

    fn item(&self, new: &New<'_>) -> String {
        let value: serde_json::Value = serde_json::from_str(&new.json).unwrap_or_default();
        let body = match self.line {
            None => value.to_string(),
            Some(line) => pretty(&value, &self.unit).replace('\n', &format!("{line}{}", self.inner)),
        };
        match new.key {
            Some(key) => format!("{}: {body}", serde_json::Value::from(key)),
            None => body,
        }
    }
}

fn pretty(value: &serde_json::Value, unit: &str) -> String {
    let mut bytes = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(unit.as_bytes());
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, formatter);
    let written = serde::Serialize::serialize(value, &mut serializer);
    written.expect("a value that was read can be written, and memory does not fail");
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The white space at the beginning of the line that `at` is on.
fn indentation(text: &str, at: usize) -> String {
    let line = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    text[line..at].chars().take_while(|c| matches!(c, ' ' | '\t')).collect()
}

/// What one more level is indented by: as the first line that is indented at all.
fn unit(text: &str) -> String {
    let indented = text.lines().map(|line| &line[..line.len() - line.trim_start_matches([' ', '\t']).len()]);
    indented.filter(|indent| !indent.is_empty()).min_by_key(|indent| indent.len()).unwrap_or("  ").to_owned()
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn bad(&self, what: &'static str) -> Bad {
        Bad::Json(what, self.at)
    }

    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn takes(&mut self, word: char) -> bool {
        let there = self.rest().starts_with(word);
        self.at += if there { word.len_utf8() } else { 0 };
        there
    }

    /// Steps over white space and comments.
    fn space(&mut self) -> Result<(), Bad> {
        loop {
            let rest = self.rest();
            self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r']).len();
            let rest = self.rest();
            self.at += match (rest.starts_with("//"), rest.starts_with("/*")) {
                (true, _) => rest.find('\n').unwrap_or(rest.len()),
                (_, true) => rest.find("*/").ok_or(self.bad("cut short"))? + 2,
                _ => return Ok(()),
            };
        }
    }

    fn value(&mut self, depth: usize) -> Result<Node, Bad> {
        if depth > DEEPEST {
            return Err(self.bad("too deep"));
        }
        self.space()?;
        let start = self.at;
        let value = match self.rest().chars().next() {
            Some('{') => Value::Object(self.list('}', depth)?),
            Some('[') => Value::Array(self.list(']', depth)?),
            Some('"') => Value::Text(self.string()?),
            Some(_) => self.scalar()?,
            None => return Err(self.bad("cut short")),
        };
        Ok(Node { span: start..self.at, value })
    }

    fn list(&mut self, close: char, depth: usize) -> Result<Vec<Child>, Bad> {
        let mut children: Vec<Child> = Vec::new();
        self.at += 1;
        loop {
            self.space()?;
            if self.takes(close) {
                return Ok(children);
            }
            if children.last().is_some_and(|child| child.comma.is_none()) {
                return Err(self.bad("broken"));
            }
            let start = self.at;
            let key = if close == '}' { Some(self.key()?) } else { None };
            let node = self.value(depth + 1)?;
            self.space()?;
            let comma = Some(self.at).filter(|_| self.takes(','));
            children.push(Child { key, start, node, comma });
        }
    }

    fn key(&mut self) -> Result<String, Bad> {
        if !self.rest().starts_with('"') {
            return Err(self.bad("broken"));
        }
        let key = self.string()?;
        self.space()?;
        match self.takes(':') {
            true => Ok(key),
            false => Err(self.bad("broken")),
        }
    }

    fn string(&mut self) -> Result<String, Bad> {
        let start = self.at;
        let mut escaped = true;
        for (at, byte) in self.rest().bytes().enumerate() {
            match byte {
                b'"' if !escaped => {
                    self.at += at + 1;
                    return serde_json::from_str(&self.text[start..self.at]).map_err(|_| self.bad("broken"));
                }
                _ => escaped = at > 0 && byte == b'\\' && !escaped,
            }
        }
        Err(self.bad("cut short"))
    }

    fn scalar(&mut self) -> Result<Value, Bad> {
        let rest = self.rest();
        let end =
            rest.find(|c: char| !(c.is_ascii_alphanumeric() || "+-.".contains(c))).unwrap_or(rest.len());
        serde_json::from_str::<IgnoredAny>(&rest[..end]).map_err(|_| self.bad("broken"))?;
        self.at += end;
        Ok(Value::Other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn added(text: &str, key: &str) -> String {
        let node = parse(text).unwrap();
        let key = matches!(node.value, Value::Object(_)).then_some(key);
        apply(text, &append(text, &node, &[New { key, json: r#"{"a":[1]}"#.into() }]))
    }

    fn taken_back(text: &str) -> String {
        let node = parse(text).unwrap();
        without(text, &remove(text, &node, node.children().len() - 1)).unwrap()
    }

    #[test]
    fn what_is_added_looks_like_what_is_there() {
        for (before, after) in [
            ("{}", "{\n  \"k\": {\n    \"a\": [\n      1\n    ]\n  }\n}"),
            ("{\"x\":1}", "{\"x\":1, \"k\": {\"a\":[1]}}"),
            ("{\n\t\"x\": 1\n}\n", "{\n\t\"x\": 1,\n\t\"k\": {\n\t\t\"a\": [\n\t\t\t1\n\t\t]\n\t}\n}\n"),
            (
                "{\r\n    \"x\": 1\r\n}",
                "{\r\n    \"x\": 1,\r\n    \"k\": {\r\n        \"a\": [\r\n            1\r\n        ]\r\n    }\r\n}",
            ),
            ("[1] // x", "[1, {\"a\":[1]}] // x"),
            (
                "{\n  \"x\": 1, // one\n}",
                "{\n  \"x\": 1, // one\n  \"k\": {\n    \"a\": [\n      1\n    ]\n  },\n}",
            ),
            (
                "{\n  \"x\": 1 // one\n}",
                "{\n  \"x\": 1, // one\n  \"k\": {\n    \"a\": [\n      1\n    ]\n  }\n}",
            ),
        ] {
            assert_eq!(added(before, "k"), after, "{before}");
            assert_eq!(taken_back(after), before, "{after}");
        }
    }

    #[test]
    fn a_child_in_the_middle_takes_its_own_comma_along() {
        let text = "{\n  \"a\": 1, // one\n  \"b\": 2,\n  \"c\": 3\n}";
        let node = parse(text).unwrap();
        let left = |at| without(text, &remove(text, &node, at)).unwrap();
        assert_eq!(left(1), "{\n  \"a\": 1, // one\n  \"c\": 3\n}");
        assert_eq!(left(2), "{\n  \"a\": 1, // one\n  \"b\": 2\n}");
        assert_eq!(left(0), "{ // one\n  \"b\": 2,\n  \"c\": 3\n}");
    }

    #[test]
    fn what_is_no_document_is_refused() {
        let deep = "[".repeat(100_000);
        for text in ["", "{", "{a:1}", "{\"a\" 1}", "[1 2]", "[,]", "{} x", "/*", "\"a", "nul", &deep] {
            assert!(parse(text).is_err(), "{text:.20}");
        }
        assert_eq!(
            parse("\u{feff}{\"\\u0061\\\"\": [\"\"]}").unwrap().children()[0].key.as_deref(),
            Some("a\"")
        );
    }

    /// A document with white space and comments wherever they may stand.
    fn document() -> impl Strategy<Value = String> {
        let space = prop::sample::select(vec!["", " ", "\n  ", "\n\t", "/* c */", " // c\n", "\r\n", "\n\n"]);
        let leaf =
            prop::sample::select(vec!["1", "\"x\\\"y\"", "null", "-1.5e3", "\"\""]).prop_map(str::to_owned);
        let value = leaf.prop_recursive(3, 16, 4, move |inner| {
            let item = (space.clone(), inner, space.clone()).prop_map(|(a, b, c)| format!("{a}{b}{c}"));
            let list = (prop::collection::vec(item, 0..4), any::<bool>(), any::<bool>(), space.clone());
            list.prop_map(|(items, object, trailing, end)| {
                let key = |(at, item): (usize, &String)| {
                    if object { format!("\"k{at}\":{item}") } else { item.clone() }
                };
                let body = items.iter().enumerate().map(key).collect::<Vec<_>>().join(",");
                let comma = if trailing && !items.is_empty() { "," } else { "" };
                let (open, close) = if object { ('{', '}') } else { ('[', ']') };
                format!("{open}{body}{comma}{end}{close}")
            })
        });
        value.prop_filter("a container", |text| text.starts_with(['{', '[']))
    }

    proptest! {
        #[test]
        fn what_is_added_and_taken_back_leaves_every_byte(text in document()) {
            let after = added(&text, "new");
            prop_assert!(parse(&after).is_ok(), "{}", after);
            prop_assert_eq!(taken_back(&after), text);
        }

        #[test]
        fn no_text_makes_it_panic(text in ".{0,60}") {
            let _ = parse(&text);
        }
    }
}
