//! Who did it, in a word or two.

use unicode_width::UnicodeWidthStr;

use super::safe::Safe;
use crate::model::who::Who;

/// Room that an id gets at most, with its agent, where there is little.
const MOST: usize = 24;

/// What it was called, else its agent and the beginning of its id; `-` where nobody is known.
pub fn word(who: &Who) -> String {
    let agent = Some(Safe(who.agent.as_bytes()).to_string()).filter(|agent| !agent.is_empty());
    match (&who.alias, agent, who.short()) {
        (Some(alias), _, _) => Safe(alias.as_bytes()).to_string(),
        (None, Some(agent), Some(digits)) => format!("{agent} {digits}"),
        (None, None, Some(digits)) => digits.to_owned(),
        (None, agent, None) => agent.unwrap_or_else(|| "-".to_owned()),
    }
}

/// The room that ids among these need: what is cut off them is what tells them apart.
pub fn room<'a>(all: impl Iterator<Item = &'a Who>) -> usize {
    let ids = all.filter(|who| who.session.is_some() && who.alias.is_none());
    ids.map(|who| word(who).width()).max().unwrap_or(0).min(MOST)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::testing::shell;

    #[test]
    fn an_alias_says_more_than_an_id() {
        let mut who = Who { session: Some(shell()), agent: "shell".to_owned(), ..Who::default() };
        assert_eq!(word(&who), "shell 01987f00-1111");
        assert_eq!(room([&who, &Who::default()].into_iter()), "shell 01987f00-1111".len());
        who.alias = Some("fix\n".to_owned());
        assert_eq!(word(&who), "fix\\n");
        assert_eq!(room([&who].into_iter()), 0, "what somebody chose may be cut");
        assert_eq!(word(&Who { session: Some(shell()), ..Who::default() }), "01987f00");
        assert_eq!(word(&Who::default()), "-");
    }
}
