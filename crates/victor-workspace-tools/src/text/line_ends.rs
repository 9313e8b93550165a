//! Line ends: models write LF, and files may have CRLF.
//!
//! A model that writes no CR says nothing about line ends: it means lines, and those of the file are kept.

use std::borrow::Cow;

/// Whether all that the texts have of line ends is CRLF. They came through a world of CRLF, and say nothing by it.
pub(crate) fn are_crlf_throughout(texts: &[&str]) -> bool {
    let mut lines = texts
        .iter()
        .flat_map(|text| text.split_inclusive('\n'))
        .filter(|line| line.ends_with('\n'))
        .peekable();
    lines.peek().is_some() && lines.all(|line| line.ends_with("\r\n"))
}

/// Returns the line end for a line put into a text at this place: that of the line before it, or of the first one.
pub(crate) fn line_end(text: &str, at: usize) -> &'static str {
    let like = text[..at].rfind('\n').or_else(|| text.find('\n'));
    if like.is_some_and(|end| text[..end].ends_with('\r')) {
        "\r\n"
    } else {
        "\n"
    }
}

/// A text in which LF ends the lines, and where its places are in the text as it is.
pub(crate) struct Plain<'a> {
    pub(crate) text: Cow<'a, str>,
    /// The places of those LF before which a CR was left out.
    crlf: Vec<usize>,
}

impl<'a> Plain<'a> {
    /// The text with LF in place of CRLF.
    pub(crate) fn new(text: &'a str) -> Self {
        if !text.contains("\r\n") {
            return Self::exact(text);
        }
        let (mut plain, mut crlf) = (String::with_capacity(text.len()), Vec::new());
        for line in text.split_inclusive('\n') {
            let Some(line) = line.strip_suffix("\r\n") else {
                plain.push_str(line);
                continue;
            };
            plain.push_str(line);
            crlf.push(plain.len());
            plain.push('\n');
        }
        Self {
            text: Cow::Owned(plain),
            crlf,
        }
    }

    /// The text as it is.
    pub(crate) fn exact(text: &'a str) -> Self {
        Self {
            text: Cow::Borrowed(text),
            crlf: Vec::new(),
        }
    }

    /// The place in the text as it is. That of a line end is before its CR.
    pub(crate) fn original(&self, at: usize) -> usize {
        at + self.crlf.partition_point(|end| *end < at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_found_again() {
        let text = "a\r\n\r\nb\nc\r\n";
        let plain = Plain::new(text);
        assert_eq!(plain.text, "a\n\nb\nc\n");
        let places: Vec<_> = (0..=7).map(|at| plain.original(at)).collect();
        assert_eq!(places, [0, 1, 3, 5, 6, 7, 8, 10]);
        assert_eq!(Plain::exact(text).original(4), 4);
    }

    #[test]
    fn new_lines_end_like_those_around_them() {
        let check = |text: &str, at, expected: &str| assert_eq!(line_end(text, at), expected);
        check("a\r\nb\n", 1, "\r\n");
        check("a\r\nb\n", 3, "\r\n");
        check("a\r\nb\n", 5, "\n");
        check("a", 0, "\n");
    }

    #[test]
    fn crlf_throughout_is_known() {
        assert!(are_crlf_throughout(&["a\r\nb\r\n", "a\r\nb", "c"]));
        assert!(!are_crlf_throughout(&["a\r\nb\n"]));
        assert!(!are_crlf_throughout(&["a\r\n", "b\n"]));
        assert!(!are_crlf_throughout(&["a", ""]));
    }
}
