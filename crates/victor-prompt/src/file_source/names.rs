//! Names of prompts and versions.

use std::cmp::Ordering;

/// Whether a name is one of a prompt: it leads to no other folder and to no hidden file.
pub(super) fn prompt_name(name: &str) -> bool {
    let fits = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
    !name.is_empty() && !name.starts_with('.') && name.chars().all(fits)
}

/// Compares versions as people read them: numbers within them by their value.
pub(super) fn natural(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a, b);
    while !left.is_empty() && !right.is_empty() {
        let (one, other) = (piece(left), piece(right));
        let is_number = |piece: &str| piece.as_bytes()[0].is_ascii_digit();
        let order = if is_number(one) && is_number(other) {
            let (one, other) = (one.trim_start_matches('0'), other.trim_start_matches('0'));
            one.len().cmp(&other.len()).then_with(|| one.cmp(other))
        } else {
            one.cmp(other)
        };
        if order.is_ne() {
            return order;
        }
        (left, right) = (&left[one.len()..], &right[other.len()..]);
    }
    left.len().cmp(&right.len()).then_with(|| a.cmp(b))
}

/// The digits that a text begins with, or else the text up to the first digit.
fn piece(text: &str) -> &str {
    let starts_with_digit = text.starts_with(|c: char| c.is_ascii_digit());
    let end = text.find(|c: char| c.is_ascii_digit() != starts_with_digit);
    &text[..end.unwrap_or(text.len())]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_stand_in_natural_order() {
        let ordered = [
            "1", "2", "9", "10", "010.5", "a", "a1", "a2", "a10", "a10.2", "a10.10", "b",
        ];
        for (place, one) in ordered.iter().enumerate() {
            for (other_place, other) in ordered.iter().enumerate() {
                assert_eq!(
                    natural(one, other),
                    place.cmp(&other_place),
                    "{one} {other}"
                );
            }
        }
        assert_eq!(natural("01", "1"), Ordering::Less);
    }

    #[test]
    fn a_name_leads_to_no_other_folder() {
        for name in ["review", "review-2", "überblick", "v1.2"] {
            assert!(prompt_name(name), "{name}");
        }
        for name in [
            "",
            ".",
            "..",
            ".git",
            "a/b",
            "/etc/passwd",
            "a\\b",
            "a b",
            "a\0",
        ] {
            assert!(!prompt_name(name), "{name}");
        }
    }
}
