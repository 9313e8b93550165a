//! What strangers say, made fit to be shown.

/// The beginning of a text in one line, for errors and progress.
pub(crate) fn excerpt(text: &str, max_chars: usize) -> String {
    let mut shown = String::new();
    for word in text.split(|char: char| char.is_whitespace() || is_unwanted(char)) {
        if word.is_empty() {
            continue;
        }
        if !shown.is_empty() {
            shown.push(' ');
        }
        shown.push_str(word);
        if let Some((end, _)) = shown.char_indices().nth(max_chars) {
            shown.truncate(end);
            shown.push('…');
            break;
        }
    }
    shown
}

/// A text without characters that are not to be seen, and not longer than `max` bytes.
pub(crate) fn cleaned(text: &str, max: usize) -> String {
    let wanted = |char: &char| matches!(char, '\n' | '\t') || !is_unwanted(*char);
    let mut text: String = text.trim().chars().filter(wanted).collect();
    if text.len() > max {
        text.truncate(text.floor_char_boundary(max));
        text.push('…');
    }
    text
}

/// Characters that move a terminal's cursor, turn the reading direction, or hide words from people that a model reads.
fn is_unwanted(char: char) -> bool {
    char.is_control()
        || matches!(char, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
        || matches!(char, '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_is_one_short_line() {
        assert_eq!(excerpt(" a\n\tb  c ", 9), "a b c");
        assert_eq!(excerpt("äöü", 2), "äö…");
        assert_eq!(excerpt("a\u{1b}[2J\u{202e}b", 9), "a [2J b");
        assert_eq!(excerpt(&"x ".repeat(1_000_000), 3), "x x…");
    }

    #[test]
    fn what_is_cleaned_keeps_its_lines() {
        assert_eq!(cleaned(" a\r\n\tb\u{7} ", 9), "a\n\tb");
        assert_eq!(cleaned("a\u{e0041}\u{200b}b", 9), "ab");
        assert_eq!(cleaned("äöü", 3), "ä…");
    }
}
