//! Who did it, in a word or two.

use super::safe::Safe;
use crate::model::who::Who;

/// The digits of a session's id.
const DIGITS: usize = 8;

/// What it was called, else its agent and the beginning of its id; `-` where nobody is known.
pub fn word(who: &Who) -> String {
    let digits = who.session.as_ref().map(|session| &session.uuid()[..DIGITS]);
    let agent = Some(Safe(who.agent.as_bytes()).to_string()).filter(|agent| !agent.is_empty());
    match (&who.alias, agent, digits) {
        (Some(alias), _, _) => Safe(alias.as_bytes()).to_string(),
        (None, Some(agent), Some(digits)) => format!("{agent} {digits}"),
        (None, None, Some(digits)) => digits.to_owned(),
        (None, agent, None) => agent.unwrap_or_else(|| "-".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::testing::shell;

    #[test]
    fn an_alias_says_more_than_an_id() {
        let mut who = Who { session: Some(shell()), agent: "shell".to_owned(), alias: None };
        assert_eq!(word(&who), "shell 01987f00");
        who.alias = Some("fix\n".to_owned());
        assert_eq!(word(&who), "fix\\n");
        assert_eq!(word(&Who { session: Some(shell()), ..Who::default() }), "01987f00");
        assert_eq!(word(&Who::default()), "-");
    }
}
