//! Patterns of names.

/// Whether a text is what a pattern says, in which `*` stands for any number of characters.
///
/// ```
/// use victor_core::matches_pattern;
///
/// assert!(matches_pattern("mcp_*_search", "mcp_github_search"));
/// assert!(!matches_pattern("read", "read_file"));
/// ```
#[must_use]
pub fn matches_pattern(pattern: &str, text: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(mut text) = text.strip_prefix(head) else {
        return false;
    };
    // The first place where a piece fits is as good as any later one, so nothing needs to be tried twice.
    let mut rest = rest;
    while let Some((piece, after)) = rest.split_once('*') {
        let Some(at) = text.find(piece) else {
            return false;
        };
        text = &text[at + piece.len()..];
        rest = after;
    }
    text.ends_with(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, fit: &[&str], unfit: &[&str]) {
        for name in fit {
            assert!(
                matches_pattern(pattern, name),
                "`{name}` should fit `{pattern}`"
            );
        }
        for name in unfit {
            assert!(
                !matches_pattern(pattern, name),
                "`{name}` should not fit `{pattern}`"
            );
        }
    }

    #[test]
    fn a_star_stands_for_any_number_of_characters() {
        check("*", &["", "read"], &[]);
        check("", &[""], &["read"]);
        check("read", &["read"], &["rea", "read_file", "bread", "Read"]);
        check("read_*", &["read_", "read_file"], &["read", "bread_file"]);
        check("*_file", &["_file", "read_file"], &["file", "read_files"]);
        check(
            "a*b*c",
            &["abc", "a--b--c", "abbcc"],
            &["ac", "abcd", "acb"],
        );
        check("a*a", &["aa", "aba"], &["a"]);
        check("*ab*ab", &["abab", "xabyab"], &["ab", "xab"]);
        check("é*", &["é", "éa"], &["e"]);
    }
}
