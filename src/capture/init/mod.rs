//! The shell integration that `trace init` prints: constant text, so that people may cache it.
//!
//! The scripts stand beside this file. They never block between Enter and prompt, put no text on a
//! command line where `ps` would show it, and touch nothing of the user's. What two of them share
//! is written here once: `@SCREEN@` and `@DANGER@`, and what stands between `#{ guard` and `#}`.

/// A shell that can be integrated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shell {
    Bash,
    Zsh,
    Fish,
}

/// Whether the files are saved before a command that looks destructive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// They are; in bash this costs one fork a command, which also writes the started half.
    On,
    /// They are not.
    Off,
}

/// Parts of a text that may hold a secret: shell patterns, the same in bash and zsh. A hit costs one
/// spawn, because the binary then redacts the text before it writes; a miss lets the text lie in the
/// journal in clear until the next flush. So they are broad.
///
/// Not a regular expression: in bash that would overwrite the user's `BASH_REMATCH`.
const SCREEN: &[&str] = &[
    "[Pp][Aa][Ss][Ss]",
    "[Tt][Oo][Kk][Ee][Nn]",
    "[Ss][Ee][Cc][Rr][Ee][Tt]",
    "[Kk][Ee][Yy]",
    "[Aa][Uu][Tt][Hh]",
    "[Bb][Ee][Aa][Rr][Ee][Rr]",
    "[Cc][Oo][Oo][Kk][Ii][Ee]",
    "[Cc][Rr][Ee][Dd]",
    "[Pp][Ww][=:]",
    "[Pp][Ww][Dd][=:]",
    "[Ss][Ii][Gg]=",
    "://*@",
    "[[:space:]]-p[![:space:]]",
    "[[:space:]]-[uU]",
    "--user",
    "--proxy-user",
    "[Ll][Oo][Gg][Ii][Nn]",
    "redis-cli",
    "A[KSBC][IC]A",
    "[rs]k_live",
    "[rs]k_test",
    "[rs]k_prod",
    "ey[IJ]",
    "BEGIN",
];

/// What keys are made of, and how many of it in a row look like one.
const KEY_CHARACTER: &str = "[A-Za-z0-9_+=-]";
const KEY_LENGTH: usize = 24;

/// A text before which the files are saved: an extended regular expression that POSIX and PCRE read
/// alike, without a quote or a backslash. A false hit costs a walk over stat data, a miss costs
/// work, so it is broad. A shell may add to it: `__trace_danger+='|…'`.
const DANGER: &str = concat!(
    "(^|[^[:alnum:]_.-])",
    "(rm|mv|cp|dd|shred|unlink|truncate|tee|patch|rsync|install|tar|unzip)[[:space:]]",
    "|git[[:space:]](.*[[:space:]])?",
    "(reset|clean|checkout|restore|switch|stash|rebase|merge|pull|rm|mv|apply|am|revert|cherry-pick|worktree)",
    "([[:space:]]|$)",
    "|(sed|perl)[[:space:]].*-[a-zA-Z]*i",
    "|find[[:space:]].*-(delete|exec)",
    "|(^|[^>&=-])>([^>&]|$)",
);

/// Returns the script for `eval`.
pub fn script(shell: Shell, guard: Guard) -> String {
    let template = match shell {
        Shell::Bash => include_str!("bash.sh"),
        Shell::Zsh => include_str!("zsh.sh"),
        Shell::Fish => include_str!("fish.fish"),
    };
    let mut guarded = false;
    let mut whole = String::with_capacity(2 * template.len());
    for line in template.lines() {
        match line {
            "#{ guard" => guarded = true,
            "#}" => guarded = false,
            _ if guarded && guard == Guard::Off => {}
            _ => {
                whole.push_str(line);
                whole.push('\n');
            }
        }
    }
    whole.replace("@SCREEN@", &screen()).replace("@DANGER@", DANGER)
}

/// The alternatives of a `case`.
fn screen() -> String {
    let key = KEY_CHARACTER.repeat(KEY_LENGTH);
    let parts: Vec<String> = SCREEN.iter().chain([&key.as_str()]).map(|part| format!("*{part}*")).collect();
    parts.join(" | ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHELLS: [Shell; 3] = [Shell::Bash, Shell::Zsh, Shell::Fish];

    #[test]
    fn a_script_is_complete_and_the_same_each_time() {
        for shell in SHELLS {
            for guard in [Guard::On, Guard::Off] {
                let text = script(shell, guard);
                assert!(!text.contains("@SCREEN@") && !text.contains("@DANGER@"), "{shell:?}");
                assert!(!text.contains("#{") && !text.contains("\n#}"), "{shell:?}");
                assert_eq!(text, script(shell, guard));
            }
        }
    }

    #[test]
    fn without_the_guard_nothing_of_it_is_left() {
        for shell in SHELLS {
            assert!(script(shell, Guard::On).contains("shell-guard"), "{shell:?}");
            let text = script(shell, Guard::Off);
            assert!(!text.contains("guard") && !text.contains("__trace_danger"), "{shell:?}");
        }
        assert!(!script(Shell::Bash, Guard::Off).contains("${us}S${us}"), "no started half in bash");
    }

    #[test]
    fn the_patterns_can_stand_in_single_quotes_of_every_shell() {
        assert!(!DANGER.contains(['\'', '\\']));
        assert!(!screen().contains(['\'', '"', '\\']));
    }
}
