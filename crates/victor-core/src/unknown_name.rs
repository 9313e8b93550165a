//! A name that nothing has, and the names that come close.

use std::fmt;

/// The least similarity, from 0 to 1, at which a name is taken for a misspelling of another one. Half of `serch` is
/// enough for `search`; `bash` is none of `edit`.
const ALIKE: f64 = 0.5;

/// The number of known names that an error lists.
const LISTED: usize = 12;

/// An error: nothing of some kind has this name.
///
/// ```
/// use victor_core::UnknownName;
///
/// let error = UnknownName::new("mode", "plam", ["build", "plan", "explore"]);
/// let text = "unknown mode `plam`, did you mean `plan`? Known are `build`, `plan` and `explore`";
/// assert_eq!(error.to_string(), text);
///
/// let error = UnknownName::new("checkpoint", "first", [""; 0]);
/// assert_eq!(error.to_string(), "unknown checkpoint `first`: there is none");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub struct UnknownName {
    /// The kind of thing that was named, as people call it: `mode`, `strategy`.
    pub what: &'static str,
    /// The name that was given.
    pub name: String,
    /// The names that there are, in their own order.
    pub known: Vec<String>,
}

impl UnknownName {
    /// An error about `name`, where the names in `known` would have been right.
    pub fn new(
        what: &'static str,
        name: impl Into<String>,
        known: impl IntoIterator<Item = impl Into<String>>,
    ) -> Self {
        Self {
            what,
            name: name.into(),
            known: known.into_iter().map(Into::into).collect(),
        }
    }

    /// The known name that comes closest to the one that was given, if one is like it.
    #[must_use]
    pub fn closest(&self) -> Option<&str> {
        closest(&self.name, self.known.iter().map(String::as_str))
    }
}

impl fmt::Display for UnknownName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, name, known } = self;
        write!(f, "unknown {what} `{name}`")?;
        if known.is_empty() {
            return write!(f, ": there is none");
        }
        match self.closest() {
            Some(closest) => write!(f, ", did you mean `{closest}`? Known are ")?,
            None => write!(f, "; known are ")?,
        }
        let listed = &known[..known.len().min(LISTED)];
        for (index, name) in listed.iter().enumerate() {
            let before = match index {
                0 => "",
                _ if index + 1 == known.len() => " and ",
                _ => ", ",
            };
            write!(f, "{before}`{name}`")?;
        }
        match known.len() - listed.len() {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

/// The candidate that is most like `name`, if one is alike enough to be meant. Case does not count; of two that are
/// equally alike, the first one is returned.
///
/// Likeness is the normalized optimal string alignment distance: the number of characters to insert, delete, replace or
/// swap with their neighbour, as a share of the longer name.
///
/// ```
/// use victor_core::closest;
///
/// assert_eq!(closest("serach", ["edit", "search"]), Some("search"));
/// assert_eq!(closest("quit", ["edit_file", "search"]), None);
/// ```
#[must_use]
pub fn closest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let letters = |text: &str| text.to_lowercase().chars().collect::<Vec<_>>();
    let name = letters(name);
    let mut best = None;
    for candidate in candidates {
        let score = similarity(&name, &letters(candidate));
        if score >= ALIKE && best.is_none_or(|(most, _)| score > most) {
            best = Some((score, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// 1 for equal texts, 0 for texts without anything in common.
#[expect(
    clippy::cast_precision_loss,
    reason = "names are far shorter than 2^52 characters"
)]
fn similarity(left: &[char], right: &[char]) -> f64 {
    let longer = left.len().max(right.len());
    if longer == 0 {
        return 1.0;
    }
    1.0 - distance(left, right) as f64 / longer as f64
}

/// The optimal string alignment distance, row by row of its table.
fn distance(left: &[char], right: &[char]) -> usize {
    let mut before = Vec::new();
    let mut above: Vec<usize> = (0..=right.len()).collect();
    for (row, &letter) in left.iter().enumerate() {
        let mut current = vec![row + 1];
        for (column, &other) in right.iter().enumerate() {
            let replaced = above[column] + usize::from(letter != other);
            let mut cost = replaced.min(above[column + 1] + 1).min(current[column] + 1);
            let swapped =
                row > 0 && column > 0 && letter == right[column - 1] && other == left[row - 1];
            if swapped {
                let two_rows_up: &Vec<usize> = &before;
                cost = cost.min(two_rows_up[column - 1] + 1);
            }
            current.push(cost);
        }
        before = std::mem::replace(&mut above, current);
    }
    above[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_distance(left: &str, right: &str, expected: usize) {
        let letters = |text: &str| text.chars().collect::<Vec<_>>();
        assert_eq!(distance(&letters(left), &letters(right)), expected);
        assert_eq!(distance(&letters(right), &letters(left)), expected);
    }

    #[test]
    fn distances_count_edits() {
        check_distance("", "", 0);
        check_distance("", "abc", 3);
        check_distance("kitten", "sitting", 3);
        check_distance("serach", "search", 1);
        check_distance("ca", "abc", 3);
        check_distance("größe", "grosse", 3);
    }

    #[track_caller]
    fn check_closest(name: &str, expected: Option<&str>) {
        let known = ["recent", "hybrid", "tool_results", "truncation"];
        assert_eq!(closest(name, known), expected, "{name}");
    }

    #[test]
    fn the_closest_name_must_be_alike() {
        check_closest("hybird", Some("hybrid"));
        check_closest("HYBRID", Some("hybrid"));
        check_closest("tool_result", Some("tool_results"));
        check_closest("toolresults", Some("tool_results"));
        check_closest("trunc", Some("truncation"));
        check_closest("summary", None);
        check_closest("", None);
    }

    #[test]
    fn long_lists_are_cut() {
        let names: Vec<_> = (0..15).map(|number| format!("n{number}")).collect();
        let text = UnknownName::new("thing", "other", names).to_string();
        let expected = "unknown thing `other`; known are `n0`, `n1`, `n2`, `n3`, `n4`, `n5`, `n6`, `n7`, `n8`, \
                        `n9`, `n10`, `n11` and 3 more";
        assert_eq!(text, expected);
    }
}
