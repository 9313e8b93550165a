//! Patterns of names.

use serde::{Deserialize, Serialize};

/// A choice of names by patterns: those that a pattern allows and none denies. Defaults to every name.
///
/// In a pattern, `*` stands for any number of characters, as in [`matches_pattern`]. Denials win over allowances.
///
/// ```
/// use victor_core::NamePatterns;
///
/// let names = NamePatterns::default().with_allowed("read_*").with_denied("read_secrets");
/// assert!(names.permits("read_file"));
/// assert!(!names.permits("read_secrets") && !names.permits("write_file"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct NamePatterns {
    /// Patterns of the names that are permitted. Defaults to `*`, every name; an empty list permits none.
    #[serde(default = "every_name", skip_serializing_if = "is_every_name")]
    pub allow: Vec<String>,
    /// Patterns of the names that are not permitted, whatever [`allow`](Self::allow) says. Defaults to none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deny: Vec<String>,
}

impl NamePatterns {
    /// Permits only the names that one of the patterns matches; every name if there are no patterns.
    ///
    /// ```
    /// use victor_core::NamePatterns;
    ///
    /// assert!(!NamePatterns::only(["edit", "read_*"]).permits("write"));
    /// assert!(NamePatterns::only([""; 0]).permits("write"));
    /// ```
    pub fn only(patterns: impl IntoIterator<Item = impl Into<String>>) -> Self {
        patterns
            .into_iter()
            .fold(Self::default(), Self::with_allowed)
    }

    /// Adds a pattern to [`allow`](Self::allow). The first one takes the place of the default, which permits every
    /// name.
    #[must_use]
    pub fn with_allowed(mut self, pattern: impl Into<String>) -> Self {
        if is_every_name(&self.allow) {
            self.allow.clear();
        }
        self.allow.push(pattern.into());
        self
    }

    /// Adds a pattern to [`deny`](Self::deny).
    #[must_use]
    pub fn with_denied(mut self, pattern: impl Into<String>) -> Self {
        self.deny.push(pattern.into());
        self
    }

    /// Whether the name is permitted.
    #[must_use]
    pub fn permits(&self, name: &str) -> bool {
        let matches = |pattern: &String| matches_pattern(pattern, name);
        self.allow.iter().any(matches) && !self.deny.iter().any(matches)
    }
}

impl Default for NamePatterns {
    fn default() -> Self {
        Self {
            allow: every_name(),
            deny: Vec::new(),
        }
    }
}

fn every_name() -> Vec<String> {
    vec!["*".to_owned()]
}

fn is_every_name(patterns: &[String]) -> bool {
    patterns == ["*"]
}

/// Whether a text matches a pattern, in which `*` stands for any number of characters.
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

    #[track_caller]
    fn check_stored(stored: &str, permitted: &[&str], refused: &[&str]) {
        let names: NamePatterns = serde_json::from_str(stored).unwrap();
        assert!(permitted.iter().all(|name| names.permits(name)), "{stored}");
        assert!(!refused.iter().any(|name| names.permits(name)), "{stored}");
        assert_eq!(serde_json::to_string(&names).unwrap(), stored);
    }

    #[test]
    fn names_are_permitted_that_are_allowed_and_not_denied() {
        check_stored("{}", &["", "read"], &[]);
        check_stored(r#"{"allow":[]}"#, &[], &["", "read"]);
        check_stored(r#"{"deny":["*"]}"#, &[], &["", "read"]);
        check_stored(
            r#"{"allow":["read_*","list"],"deny":["*_secrets"]}"#,
            &["read_file", "list"],
            &["read_secrets", "lists", "write"],
        );
    }
}
