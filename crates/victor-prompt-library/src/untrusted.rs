//! Text from strangers, marked as such for a model.

use victor_text::{cleaned, excerpt};

/// The least number of backquotes of a code fence, so that it stands out from fences in the text.
const FENCE: usize = 4;

/// Puts a foreign text between code fences that it cannot close, without its hidden characters.
///
/// The label says on the opening fence where the text comes from.
pub(crate) fn fenced(label: &str, text: &str) -> String {
    let text = without_hidden(text);
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat((longest + 1).max(FENCE));
    format!("{fence}{}\n{text}\n{fence}", named(label))
}

/// Removes hidden characters, surrounding blank lines and blanks at the end.
pub(crate) fn without_hidden(text: &str) -> String {
    let text = cleaned(text, usize::MAX);
    // White space may have stood beside a hidden character.
    text.trim().to_owned()
}

/// Puts a foreign text on one line of at most `max_chars` characters, without its hidden characters.
pub(crate) fn one_line(text: &str, max_chars: usize) -> String {
    excerpt(&without_hidden(text), max_chars)
}

/// A foreign name or path, fit to stand between backquotes and on a fence.
pub(crate) fn named(name: &str) -> String {
    one_line(name, 200).replace('`', "'")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_fence_is_longer_than_any_in_the_text() {
        assert_eq!(fenced("a", "text"), "````a\ntext\n````");
        assert_eq!(fenced("a", "`````\nx"), "``````a\n`````\nx\n``````");
        assert_eq!(fenced("a\n````", "x"), "````a ''''\nx\n````");
        assert_eq!(fenced("a", "\u{200b} \u{202e}x\u{e0041}"), "````a\nx\n````");
    }

    proptest! {
        #[test]
        fn no_text_ends_its_fence(label in ".*", text in "(`|\n|\r|a|\u{200b}|[^a]){0,40}") {
            let marked = fenced(&label, &text);
            let lines: Vec<_> = marked.lines().collect();
            let fence = lines[lines.len() - 1];
            prop_assert!(fence.chars().all(|char| char == '`'));
            prop_assert!(lines[0].starts_with(fence));
            let inner = &lines[1..lines.len() - 1];
            prop_assert!(inner.iter().all(|line| !line.contains(fence)));
            let is_plain = |c: char| c == '\n' || c == '\t' || !victor_text::is_hidden(c);
            prop_assert!(marked.chars().all(is_plain));
        }
    }
}
