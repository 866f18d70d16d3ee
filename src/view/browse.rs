//! The timeline of a branch on a whole screen: `trace trail -i`.
//!
//! Pure: keys go in, wishes and frames come out. Who reads the keyboard and fulfils the wishes is the
//! command's affair.

mod keys;

use unicode_width::UnicodeWidthChar;

pub use keys::{Key, decode};

use super::Look;
use super::paint::{Paint, Style};
use super::safe::Safe;
use super::timeline::{self, Happened, MomentView};
use crate::model::oid::Oid;
use crate::model::text::Text;

/// Lines that are no row: the title, a rule, the foot.
const AROUND: usize = 3;

/// Columns before a row, for the mark of the chosen one.
const MARGIN: usize = 2;

const HELP: &str = "\
j k, arrows      one line down or up
PgDn PgUp        one screen down or up
Home End, g G    the first, the last
/                find: letters in their order, words in any
Enter, d         what changed then; of a commit, what led to it
r                what a restore to this checkpoint would do; it does nothing
?                this help
q, Esc           leave";

/// A screen, in columns and lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    pub columns: usize,
    pub lines: usize,
}

/// What a key asks of the one who reads them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// To go on reading keys.
    Stay,
    Leave,
    /// To [`Browse::open`] what changed in the checkpoint that a selector names.
    Changes(String),
    /// To [`Browse::open`] what led to a commit.
    Commit(Oid),
    /// To [`Browse::open`] the plan of a restore to a checkpoint.
    Plan(Oid),
}

/// What is on the screen, and where one is in it.
pub struct Browse {
    title: String,
    moments: Vec<MomentView>,
    /// What each moment says, in lower case, to be found by.
    words: Vec<String>,
    /// Those that the filter leaves.
    shown: Vec<usize>,
    /// Which of them is chosen, and which is the first on the screen.
    at: usize,
    top: usize,
    filter: String,
    typing: Typing,
    pane: Option<Pane>,
    /// What the last key could not do.
    said: &'static str,
}

/// Where letters go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Typing {
    /// They are commands.
    Commands,
    Filter,
}

/// A text over the list.
struct Pane {
    title: String,
    lines: Vec<String>,
    top: usize,
}

impl Browse {
    /// The moments of the trail called `title`; the last one is chosen.
    pub fn new(title: &Text, moments: Vec<MomentView>) -> Self {
        let words = moments.iter().map(words).collect();
        let mut browse = Self {
            title: Safe(title.as_bytes()).to_string(),
            moments,
            words,
            shown: Vec::new(),
            at: 0,
            top: 0,
            filter: String::new(),
            typing: Typing::Commands,
            pane: None,
            said: "",
        };
        browse.sift();
        browse
    }

    /// Lays a text over the list. What a terminal would obey is escaped.
    pub fn open(&mut self, title: &str, text: &str) {
        let lines = text.lines().map(|line| Safe(line.replace('\t', "    ").as_bytes()).to_string());
        self.pane = Some(Pane { title: title.to_owned(), lines: lines.collect(), top: 0 });
    }

    /// Takes a key.
    pub fn press(&mut self, key: Key, size: Size) -> Wish {
        self.said = "";
        match (&mut self.pane, self.typing) {
            (Some(pane), _) => {
                if pane.press(key, size) {
                    self.pane = None;
                }
                Wish::Stay
            }
            (None, Typing::Filter) => self.write(key, size),
            (None, Typing::Commands) => self.obey(key, size),
        }
    }

    fn write(&mut self, key: Key, size: Size) -> Wish {
        match key {
            Key::Char(letter) => self.filter.push(letter),
            Key::Backspace => drop(self.filter.pop()),
            Key::Escape | Key::Interrupt => (self.typing, self.filter) = (Typing::Commands, String::new()),
            Key::Enter => {
                self.typing = Typing::Commands;
                return Wish::Stay;
            }
            _ => {
                self.step(key, size);
                return Wish::Stay;
            }
        }
        self.sift();
        Wish::Stay
    }

    fn obey(&mut self, key: Key, size: Size) -> Wish {
        match key {
            Key::Char('q') | Key::Interrupt => return Wish::Leave,
            Key::Escape if self.filter.is_empty() => return Wish::Leave,
            Key::Escape => {
                self.filter.clear();
                self.sift();
            }
            Key::Char('/') => self.typing = Typing::Filter,
            Key::Char('?') => self.open("keys", HELP),
            Key::Enter | Key::Char('d') => return self.changes(),
            Key::Char('r') => return self.plan(),
            Key::Char('j') => self.step(Key::Down, size),
            Key::Char('k') => self.step(Key::Up, size),
            Key::Char('g') => self.step(Key::Home, size),
            Key::Char('G') => self.step(Key::End, size),
            _ => self.step(key, size),
        }
        Wish::Stay
    }

    fn chosen(&self) -> Option<&MomentView> {
        self.shown.get(self.at).map(|at| &self.moments[*at])
    }

    /// What shows what a moment did.
    fn changes(&mut self) -> Wish {
        match self.chosen().map(|moment| &moment.what) {
            Some(Happened::Checkpoint(checkpoint)) => return Wish::Changes(checkpoint.id.to_string()),
            Some(Happened::Prompt { turn, .. }) => return Wish::Changes(turn.clone()),
            Some(Happened::Commit(signed)) => return Wish::Commit(signed.id),
            Some(Happened::Command(view)) => {
                if let Some(id) = view.command.checkpoint {
                    return Wish::Changes(id.to_string());
                }
            }
            _ => {}
        }
        self.said = "no checkpoint holds it";
        Wish::Stay
    }

    fn plan(&mut self) -> Wish {
        if let Some(Happened::Checkpoint(checkpoint)) = self.chosen().map(|moment| &moment.what) {
            return Wish::Plan(checkpoint.id);
        }
        self.said = "no checkpoint: choose one to see what a restore to it would do";
        Wish::Stay
    }

    fn step(&mut self, key: Key, size: Size) {
        self.at = stepped(self.at, key, room(size)).min(self.shown.len().saturating_sub(1));
    }

    /// Finds anew what fits; the last of it is chosen.
    fn sift(&mut self) {
        let sought = self.filter.to_lowercase();
        self.shown = (0..self.moments.len()).filter(|at| fits(&self.words[*at], &sought)).collect();
        self.at = self.shown.len().saturating_sub(1);
        self.top = 0;
    }

    /// What the screen shows: as many lines as it has, none wider than it is.
    pub fn frame(&mut self, size: Size, look: &Look) -> Vec<String> {
        let paint = look.paint;
        let rows = match &mut self.pane {
            Some(pane) => pane.rows(size),
            None => self.rows(size, look),
        };
        let (title, foot) = match &self.pane {
            Some(pane) => {
                (format!("{}: {}", self.title, pane.title), "j k PgUp PgDn move  q back".to_owned())
            }
            None => (self.title.clone(), self.foot()),
        };
        let rule = "-".repeat(size.columns);
        let mut frame = vec![
            paint.on(Style::Head, cut(&title, size.columns)).to_string(),
            paint.on(Style::Dim, rule).to_string(),
        ];
        frame.extend(rows);
        frame.resize(size.lines.saturating_sub(1).max(2), String::new());
        frame.push(paint.on(Style::Dim, cut(&foot, size.columns)).to_string());
        frame.truncate(size.lines);
        frame
    }

    fn rows(&mut self, size: Size, look: &Look) -> Vec<String> {
        let room = room(size);
        self.top = self.top.clamp((self.at + 1).saturating_sub(room), self.at);
        let all: Vec<MomentView> = self.shown.iter().map(|at| self.moments[*at].clone()).collect();
        if all.is_empty() {
            let words = if self.moments.is_empty() { "nothing happened yet" } else { super::NO_MATCH };
            return vec![cut(words, size.columns)];
        }
        let plain =
            Look { paint: Paint::Plain, width: Some(size.columns.saturating_sub(MARGIN)), ..look.clone() };
        let lines = timeline::lines(&all, &plain);
        let rows = lines.iter().zip(&all).enumerate().skip(self.top).take(room);
        rows.map(|(at, (line, moment))| {
            let chosen = at == self.at;
            let line = cut(&format!("{} {line}", if chosen { '>' } else { ' ' }), size.columns);
            let style = match (chosen, moment.what.has_failed()) {
                (true, _) => Style::Match,
                (false, true) => Style::Bad,
                (false, false) => Style::Text,
            };
            look.paint.on(style, line).to_string()
        })
        .collect()
    }

    fn foot(&self) -> String {
        if self.typing == Typing::Filter {
            return format!("/{}_", Safe(self.filter.as_bytes()));
        }
        let place = match self.shown.len() {
            0 => "0 of 0".to_owned(),
            all => format!("{} of {all}", self.at + 1),
        };
        let found = match self.filter.as_str() {
            "" => String::new(),
            filter => format!("  /{}", Safe(filter.as_bytes())),
        };
        match self.said {
            "" => format!("{place}{found}  j k move  d changes  r plan  / find  ? help  q leave"),
            said => format!("{place}{found}  {said}"),
        }
    }
}

impl Pane {
    /// Takes a key; true if it closes the pane.
    fn press(&mut self, key: Key, size: Size) -> bool {
        let key = match key {
            Key::Escape | Key::Enter | Key::Interrupt | Key::Char('q' | '?') => return true,
            Key::Char('j') => Key::Down,
            Key::Char('k') => Key::Up,
            Key::Char('g') => Key::Home,
            Key::Char('G') => Key::End,
            Key::Char(' ') => Key::PageDown,
            other => other,
        };
        self.top = stepped(self.top, key, room(size)).min(self.lines.len().saturating_sub(room(size)));
        false
    }

    fn rows(&mut self, size: Size) -> Vec<String> {
        self.top = self.top.min(self.lines.len().saturating_sub(room(size)));
        self.lines.iter().skip(self.top).take(room(size)).map(|line| cut(line, size.columns)).collect()
    }
}

/// Lines that the list has.
fn room(size: Size) -> usize {
    size.lines.saturating_sub(AROUND).max(1)
}

fn stepped(at: usize, key: Key, page: usize) -> usize {
    match key {
        Key::Up => at.saturating_sub(1),
        Key::Down => at + 1,
        Key::PageUp => at.saturating_sub(page),
        Key::PageDown => at + page,
        Key::Home => 0,
        Key::End => usize::MAX,
        _ => at,
    }
}

/// What a moment is found by.
fn words(moment: &MomentView) -> String {
    let id = match &moment.what {
        Happened::Checkpoint(checkpoint) => checkpoint.id.to_string(),
        Happened::Commit(signed) => format!("{} {}", signed.id, signed.author.lossy()),
        _ => String::new(),
    };
    let failed = if moment.what.has_failed() { "failed" } else { "" };
    let files: Vec<_> = moment.files.iter().map(|(path, _)| path.lossy()).collect();
    let who = super::who::word(&moment.who);
    let (files, text) = (files.join(" "), moment.what.text());
    let parts = [moment.what.word(), &id, failed, &who, &files, &text.lossy()];
    parts.join(" ").to_lowercase()
}

/// Whether every word of what is sought has its letters, in their order and not far apart, in the text.
fn fits(text: &str, sought: &str) -> bool {
    let letters: Vec<char> = text.chars().collect();
    sought.split_whitespace().all(|word| {
        let word: Vec<char> = word.chars().collect();
        (0..letters.len()).any(|at| begins(&letters[at..], &word))
    })
}

/// Whether the letters of a word follow from here on, with about as many others among them.
fn begins(letters: &[char], word: &[char]) -> bool {
    let near = &letters[..letters.len().min(2 * word.len() + 2)];
    let mut left = near.iter();
    near.first() == word.first() && word.iter().all(|wanted| left.any(|letter| letter == wanted))
}

/// The beginning of a line, as far as it fits.
fn cut(line: &str, columns: usize) -> String {
    let mut width = 0;
    let fits = |ch: &char| {
        width += ch.width().unwrap_or(0);
        width <= columns
    };
    line.chars().take_while(fits).collect::<String>().trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::testing::{fits as fits_into, look, morning as morning_moments, oid};

    const NARROW: Size = Size { columns: 80, lines: 10 };
    const WIDE: Size = Size { columns: 200, lines: 10 };

    fn morning() -> Browse {
        Browse::new(&"main \u{1b}".into(), morning_moments())
    }

    /// Types keys; what the last one asks for.
    fn type_in(browse: &mut Browse, keys: &str, size: Size) -> Wish {
        decode(keys.as_bytes()).into_iter().map(|key| browse.press(key, size)).last().unwrap_or(Wish::Stay)
    }

    /// The lines between the rule and the foot that say something.
    fn body(browse: &mut Browse, size: Size) -> Vec<String> {
        let frame = browse.frame(size, &look(Some(size.columns)));
        assert_eq!(frame.len(), size.lines);
        fits_into(&frame.join("\n"), size.columns);
        frame[2..size.lines - 1].iter().filter(|line| !line.is_empty()).cloned().collect()
    }

    fn foot(browse: &mut Browse) -> String {
        browse.frame(NARROW, &look(Some(80))).pop().unwrap()
    }

    #[test]
    fn a_screen_of_80_columns() {
        let frame = morning().frame(NARROW, &look(Some(80)));
        assert_eq!(
            frame.join("\n"),
            "\
main \\x1b
--------------------------------------------------------------------------------
  1h ago   prompt                  claude 0…              make the parser survi…
  58m ago  command     failed 101  claude 0…  +target     cargo test
  56m ago  command     ok          claude 0…  2: ~src/p…  sed -i s/a/b/ src/par…
  55m ago  checkpoint  3f3f3f3f3f  auto                   2 commands
  10m ago  commit      c0c0c0c0c0  Ada Love…  ~src/pars…  parser: empty lines
  5m ago   undo                    claude 0…  +src/a      rm -rf src \\x1b[2J
> 1m ago   said                    claude 0…              status: in_review (re…
7 of 7  j k move  d changes  r plan  / find  ? help  q leave"
        );
    }

    #[test]
    fn a_screen_of_200_columns() {
        let frame = morning().frame(WIDE, &look(Some(200)));
        assert_eq!(frame[0], "main \\x1b");
        assert_eq!(frame[1], "-".repeat(200));
        let row = "  58m ago  command     failed 101  claude 01987f00  +target                  cargo test";
        assert_eq!(frame[3], row);
        assert!(frame[8].starts_with("> 1m ago   said"), "{frame:#?}");
    }

    #[test]
    fn a_row_is_chosen_by_keys_and_stays_on_the_screen() {
        let small = Size { columns: 80, lines: 5 };
        let chosen = |browse: &mut Browse| {
            let body = body(browse, small);
            let row = body.iter().find(|line| line.starts_with('>'));
            row.unwrap_or_else(|| panic!("{body:#?}")).split_whitespace().nth(3).unwrap().to_owned()
        };
        let cases = [
            ("", "said"),
            ("k", "undo"),
            ("kk", "commit"),
            ("\u{1b}[A\u{1b}[A\u{1b}[A", "checkpoint"),
            ("\u{1b}[5~", "commit"),
            ("\u{1b}[H", "prompt"),
            ("gk", "prompt"),
            ("gj", "command"),
            ("g\u{1b}[6~", "command"),
            ("gG", "said"),
            ("g\u{1b}[F\u{1b}[B", "said"),
        ];
        for (keys, expected) in cases {
            let mut browse = morning();
            type_in(&mut browse, keys, small);
            assert_eq!(chosen(&mut browse), expected, "after {}", keys.escape_debug());
        }
    }

    #[test]
    fn a_filter_leaves_what_has_the_letters_in_their_order() {
        let cases = [
            ("/parse", "prompt command commit"),
            ("/crgtst", "command"),
            ("/FAILED", "command"),
            ("/lovelace", "commit"),
            ("/lines undo", ""),
            ("/x\u{7f}undo", "undo"),
            ("/parse\u{1b}", "prompt command command checkpoint commit undo said"),
            ("/3f3f", "checkpoint"),
        ];
        for (keys, expected) in cases {
            let mut browse = morning();
            assert_eq!(type_in(&mut browse, keys, WIDE), Wish::Stay);
            let left = browse.shown.iter().map(|at| browse.moments[*at].what.word());
            assert_eq!(left.collect::<Vec<_>>().join(" "), expected, "{}", keys.escape_debug());
        }
        let mut browse = morning();
        type_in(&mut browse, "/qqq", NARROW);
        assert_eq!(
            (body(&mut browse, NARROW), foot(&mut browse)),
            (vec!["nothing matches".to_owned()], "/qqq_".to_owned())
        );
        assert_eq!(type_in(&mut browse, "\rq", NARROW), Wish::Leave, "a letter is a command again");
        assert_eq!(type_in(&mut morning(), "/qqq\r\u{1b}", NARROW), Wish::Stay, "it ends the filter first");
    }

    #[test]
    fn a_key_asks_for_what_the_chosen_row_can_show() {
        let checkpoint = oid(0x3f);
        let cases = [
            ("kkkd", Wish::Changes(checkpoint.to_string())),
            ("kkk\r", Wish::Changes(checkpoint.to_string())),
            ("kkkr", Wish::Plan(checkpoint)),
            ("kkd", Wish::Commit(oid(0xc0))),
            ("gd", Wish::Changes("turn:x.1".to_owned())),
            ("gjd", Wish::Changes(checkpoint.to_string())),
            ("d", Wish::Stay),
            ("kr", Wish::Stay),
            ("q", Wish::Leave),
            ("\u{1b}", Wish::Leave),
            ("\u{3}", Wish::Leave),
            ("?q", Wish::Stay),
            ("?qq", Wish::Leave),
        ];
        for (keys, wish) in cases {
            assert_eq!(type_in(&mut morning(), keys, NARROW), wish, "{}", keys.escape_debug());
        }
        let mut browse = morning();
        type_in(&mut browse, "r", NARROW);
        assert_eq!(
            foot(&mut browse),
            "7 of 7  no checkpoint: choose one to see what a restore to it would do"
        );
        type_in(&mut browse, "k", NARROW);
        assert!(foot(&mut browse).contains("? help"), "it is said once");
    }

    #[test]
    fn a_pane_is_moved_in_and_closed() {
        let mut browse = morning();
        let text: Vec<String> = (0..20).map(|line| format!("+\tline {line} \u{1b}[2J")).collect();
        browse.open("3f3f", &text.join("\n"));
        assert_eq!(body(&mut browse, NARROW)[0], "+    line 0 \\x1b[2J");
        type_in(&mut browse, "jj\u{1b}[6~", NARROW);
        assert_eq!(body(&mut browse, NARROW)[0], "+    line 9 \\x1b[2J");
        type_in(&mut browse, "G", NARROW);
        assert_eq!(body(&mut browse, NARROW)[6], "+    line 19 \\x1b[2J");
        assert_eq!(type_in(&mut browse, "q", NARROW), Wish::Stay);
        assert!(body(&mut browse, NARROW)[0].contains("prompt"));
        type_in(&mut browse, "?", NARROW);
        assert!(body(&mut browse, NARROW)[0].starts_with("j k, arrows"));
    }

    #[test]
    fn no_screen_is_too_small_and_no_trail_too_short() {
        for (columns, lines) in [(1, 1), (2, 2), (20, 3), (0, 0)] {
            let mut browse = morning();
            for keys in ["", "k", "?", "q/x", "\r"] {
                type_in(&mut browse, keys, Size { columns, lines });
                let frame = browse.frame(Size { columns, lines }, &look(Some(columns)));
                assert!(frame.len() <= lines, "{columns}x{lines}");
            }
        }
        let mut none = Browse::new(&"b".into(), Vec::new());
        assert_eq!(body(&mut none, NARROW), ["nothing happened yet"]);
        assert_eq!(type_in(&mut none, "jkdr\u{1b}[F", NARROW), Wish::Stay);
        assert_eq!(type_in(&mut none, "q", NARROW), Wish::Leave);
    }
}
