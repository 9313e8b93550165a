//! Pieces of a long text that can be counted one by one.

/// The longest piece, in bytes.
///
/// A tokenizer takes more than proportional time for a run without a boundary: 0.3 s for a megabyte of one letter. A
/// multiple of 128 and of 3, because runs of blanks, digits or Chinese are then cut where the tokenizer cuts as well.
pub(crate) const LONGEST: usize = 3 * 4096;

/// Cuts a text into pieces, at places where a tokenizer begins a new token in any case, as far as there are any.
pub(crate) fn pieces(mut text: &str) -> impl Iterator<Item = &str> {
    std::iter::from_fn(move || {
        let (piece, rest) = text.split_at(first_cut(text));
        text = rest;
        (!piece.is_empty()).then_some(piece)
    })
}

/// The last good place within the longest piece; its end if there is none.
fn first_cut(text: &str) -> usize {
    if text.len() <= LONGEST {
        return text.len();
    }
    let end = text.floor_char_boundary(LONGEST);
    let mut after = text[end..].chars().next();
    for (start, before) in text[..end].char_indices().rev() {
        if after.is_some_and(|after| is_boundary(before, after)) {
            return start + before.len_utf8();
        }
        after = Some(before);
    }
    end
}

/// Whether no token reaches over this place, and none before it depends on what follows.
///
/// In all encodings a word, number or sign ends before a blank, which belongs to what follows; and a run of blanks ends
/// with its last line break, after which only a slash may belong to it.
fn is_boundary(before: char, after: char) -> bool {
    if after.is_whitespace() {
        !before.is_whitespace() && !matches!(after, '\r' | '\n')
    } else {
        before == '\n' && after != '/'
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_at_boundaries_where_it_has_any() {
        #[track_caller]
        fn check(text: &str, expected: &[usize]) {
            let found: Vec<&str> = pieces(text).collect();
            assert_eq!(found.concat(), text);
            assert_eq!(
                found.iter().map(|piece| piece.len()).collect::<Vec<_>>(),
                expected
            );
        }
        check("", &[]);
        check("short text", &[10]);
        check(&"a".repeat(LONGEST), &[LONGEST]);
        check(&"a".repeat(LONGEST + 1), &[LONGEST, 1]);
        check(&format!("a b{}", "c".repeat(LONGEST)), &[1, LONGEST, 2]);
        check(&format!("a\nb{}", "c".repeat(LONGEST)), &[2, LONGEST, 1]);
        check(&"a ".repeat(LONGEST / 2 + 1), &[LONGEST - 1, 3]);
        check(&"é".repeat(LONGEST), &[LONGEST, LONGEST]);
        check(&format!("a{}", "é".repeat(LONGEST / 2)), &[LONGEST - 1, 2]);
        check(&" \n".repeat(LONGEST), &[LONGEST, LONGEST]);
    }
}
