//! Patterns for the paths of files.

use std::ffi::OsStr;
use std::path::Path;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use victor_tool_protocol::ToolError;

use crate::text::{folded, is_plain};

/// A pattern as a model writes it. It also stands for itself: frameworks call files `[id].tsx`, and people `{draft}
/// a.md`. Names that look the same are the same for it.
pub(crate) struct Glob {
    pattern: String,
    globs: GlobSet,
    /// Whether it speaks of the whole path, and not of the name alone.
    whole: bool,
    /// Why it is no glob, and stands for itself only.
    pub(crate) error: Option<String>,
}

impl Glob {
    pub(crate) fn new(pattern: &str) -> Result<Self, ToolError> {
        let whole = pattern.contains('/');
        let pattern = folded(pattern.trim_start_matches("./"));
        let mut globs = GlobSetBuilder::new();
        let mut error = None;
        // What is in brackets may be meant as it stands, with wildcards around it.
        let literal = [&[][..], &['[', ']'], &['{', '}'], &['[', ']', '{', '}']];
        for (index, literal) in literal.into_iter().enumerate() {
            if index > 0 && !pattern.contains(literal) {
                continue;
            }
            match GlobBuilder::new(&escape(&pattern, literal))
                .literal_separator(true)
                .build()
            {
                Ok(glob) => drop(globs.add(glob)),
                Err(why) if index == 0 => error = Some(why.to_string()),
                Err(_) => {}
            }
        }
        let globs = globs.build().map_err(|error| {
            ToolError::InvalidArguments(format!("the glob is not one: {error}"))
        })?;
        Ok(Self {
            pattern,
            globs,
            whole,
            error,
        })
    }

    pub(crate) fn matches(&self, path: &Path) -> bool {
        let name = if self.whole {
            Some(path.as_os_str())
        } else {
            path.file_name()
        };
        match name.map(|name| (name, name.to_str())) {
            None => false,
            Some((_, Some(name))) if !is_plain(name) => self.is(folded(name).as_ref()),
            Some((name, _)) => self.is(name),
        }
    }

    fn is(&self, name: &OsStr) -> bool {
        name == self.pattern.as_str() || self.globs.is_match(name)
    }
}

/// The pattern, in which these characters stand for themselves.
fn escape(pattern: &str, literal: &[char]) -> String {
    let mut escaped = String::with_capacity(pattern.len());
    for c in pattern.chars() {
        if literal.contains(&c) {
            escaped.extend(['[', c, ']']);
        } else {
            escaped.push(c);
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pattern: &str, matching: &[&str], others: &[&str]) {
        let glob = Glob::new(pattern).unwrap();
        for path in matching {
            assert!(glob.matches(path.as_ref()), "{pattern} and {path}");
        }
        for path in others {
            assert!(!glob.matches(path.as_ref()), "{pattern} and {path}");
        }
    }

    #[test]
    fn a_pattern_matches_the_name_or_the_path() {
        check("*.rs", &["a.rs", "src/a.rs"], &["a.rst"]);
        check("./src/*.rs", &["src/a.rs"], &["a.rs", "src/b/a.rs"]);
        check("src/**", &["src/b/a.rs"], &["lib/a.rs"]);
        check("*{test,spec}*", &["a_test.rs", "spec.js"], &["a.rs"]);
    }

    #[test]
    fn brackets_may_stand_for_themselves() {
        check("[id].tsx", &["app/[id].tsx", "i.tsx"], &["x.tsx", "id.tsx"]);
        check(
            "pages/[...slug]/*.tsx",
            &["pages/[...slug]/page.tsx", "pages/s/page.tsx"],
            &["pages/x/page.tsx"],
        );
        check("{rule} a.md", &["{rule} a.md", "rule a.md"], &["a.md"]);
        check(
            "{a,b}/[[x]].*",
            &["a/[[x]].ts", "b/[[x]].ts", "{a,b}/[[x]].ts"],
            &["c/[[x]].ts"],
        );
        check("a*?.md", &["a*?.md", "abc.md"], &["a.md"]);
    }

    #[test]
    fn names_that_look_the_same_are_the_same() {
        let files = ["9\u{202f}AM été", "9 AM e\u{301}te\u{301}"];
        for pattern in ["9 AM été", "*été", "9\u{a0}AM é*"] {
            check(pattern, &files, &["9 AM ete"]);
        }
    }

    #[test]
    fn what_is_no_glob_stands_for_itself() {
        check("{a", &["{a"], &["a"]);
        check("[x", &["[x"], &["x"]);
        let error = |pattern| Glob::new(pattern).unwrap().error;
        assert!(error("{a").is_some() && error("[x").is_some() && error("[x]").is_none());
    }
}
