//! How to go on with a session, as a line that a shell can run.

use std::io::{self, Write};
use std::path::Path;

use crate::model::quote;

/// Writes `cd DIR && COMMAND`, and between the two what switches to a branch if that is wanted.
pub fn write(to: &mut dyn Write, dir: &Path, switch: Option<&str>, command: &[String]) -> io::Result<()> {
    to.write_all(b"cd ")?;
    to.write_all(&quoted(dir.as_os_str().as_encoded_bytes()))?;
    to.write_all(b" &&")?;
    if let Some(branch) = switch {
        to.write_all(b" git switch ")?;
        to.write_all(&quoted(branch.as_bytes()))?;
        to.write_all(b" &&")?;
    }
    for word in command {
        to.write_all(b" ")?;
        to.write_all(&quoted(word.as_bytes()))?;
    }
    to.write_all(b"\n")
}

/// A word that every shell takes for itself. A terminal that is told to do something by a name in it
/// would do so: what is not plain is written as `$'…'` has it.
fn quoted(word: &[u8]) -> Vec<u8> {
    if word.iter().all(|byte| (b' '..0x7f).contains(byte)) {
        return quote::as_needed(word);
    }
    let mut all = b"$'".to_vec();
    for byte in word {
        match byte {
            b'\'' | b'\\' => all.extend([b'\\', *byte]),
            b' '..0x7f => all.push(*byte),
            _ => all.extend(format!("\\x{byte:02x}").bytes()),
        }
    }
    all.push(b'\'');
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::testing::screen;

    #[test]
    fn a_shell_takes_each_word_for_itself() {
        let line = |dir: &str, words: &[&str]| {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            screen(|to| write(to, Path::new(dir), None, &words))
        };
        assert_eq!(line("/w/demo", &["claude", "-r", "cc-1"]), "cd /w/demo && claude -r cc-1\n");
        assert_eq!(line("/w/it's", &["a b", ""]), "cd '/w/it'\\''s' && 'a b' ''\n");
        let switch = screen(|to| write(to, Path::new("/w"), Some("a b"), &["pi".to_owned()]));
        assert_eq!(switch, "cd /w && git switch 'a b' && pi\n");
        assert_eq!(line("/w/\u{1b}[2J", &["$(id)"]), "cd $'/w/\\x1b[2J' && '$(id)'\n");
    }
}
