//! The limit of the text of a result.

use std::borrow::Cow;

use victor_core::{Part, text_of};

/// Counts the bytes of text in the parts.
pub(crate) fn text_bytes(parts: &[Part]) -> usize {
    texts(parts).map(str::len).sum()
}

/// All text of the parts; borrowed if it is in one of them, as it usually is.
pub(crate) fn whole_text(parts: &[Part]) -> Cow<'_, str> {
    text_of(parts)
}

/// Takes the middle out of the text of `parts` so that about `max` bytes of it remain. What `note` says about the bytes
/// that are left out, by where they begin and end in all the text, stands in their place.
///
/// Head and tail stay, because commands tell what went wrong at the end and files what they are at the beginning.
/// Pictures and documents cannot be cut and stay as they are. The whole text is given free, also where it was large.
pub(crate) fn cut(parts: &mut Vec<Part>, max: usize, note: impl FnOnce(usize, usize) -> String) {
    let total = text_bytes(parts);
    if total <= max {
        return;
    }
    // The gap, in bytes of all text taken together.
    let (gap_start, gap_end) = (max.div_ceil(2), total - max / 2);
    let (mut at, mut left_out) = (0, None);
    for (index, part) in parts.iter_mut().enumerate() {
        let Part::Text(part) = part else { continue };
        let text = &mut part.text;
        let len = text.len();
        let start = text.floor_char_boundary(gap_start.saturating_sub(at).min(len));
        let end = text.ceil_char_boundary(gap_end.saturating_sub(at).min(len));
        if start < end {
            *text = [&text[..start], &text[end..]].concat();
            let (_, _, _, to) = left_out.get_or_insert((index, start, at + start, 0));
            *to = at + end;
        }
        at += len;
    }
    if let Some((index, position, from, to)) = left_out
        && let Part::Text(part) = &mut parts[index]
    {
        part.text
            .insert_str(position, &format!("\n[{}]\n", note(from, to)));
    }
    parts.retain(|part| !matches!(part, Part::Text(text) if text.text.is_empty()));
}

fn texts(parts: &[Part]) -> impl Iterator<Item = &str> {
    parts.iter().filter_map(|part| match part {
        Part::Text(text) => Some(text.text.as_str()),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use victor_core::{Image, MediaSource};

    use super::*;

    fn range(from: usize, to: usize) -> String {
        format!("{from}..{to}")
    }

    #[track_caller]
    fn check(before: &[&str], max: usize, expected: &[&str]) {
        let mut parts = before.iter().copied().map(Part::text).collect();
        cut(&mut parts, max, range);
        assert_eq!(texts(&parts).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn head_and_tail_stay() {
        check(&["12345678"], 8, &["12345678"]);
        check(&["123456789"], 8, &["1234\n[4..5]\n6789"]);
        check(&["123456789"], 3, &["12\n[2..8]\n9"]);
        check(&["123456789"], 0, &["\n[0..9]\n"]);
    }

    #[test]
    fn no_character_is_torn() {
        check(&["äöüäöü"], 6, &["ä\n[2..10]\nü"]);
    }

    #[test]
    fn the_limit_holds_for_all_parts_together() {
        let before = ["123456", "abcdef", "ABCDEF"];
        check(&before, 6, &["123\n[3..15]\n", "DEF"]);
    }

    #[test]
    fn pictures_stay() {
        let image = Part::Image(Image::new(MediaSource::Url("u".into())));
        let mut parts = vec![image.clone(), Part::text("123456")];
        cut(&mut parts, 2, range);
        assert_eq!(parts, [image, Part::text("1\n[1..5]\n6")]);
    }

    #[test]
    fn what_is_left_out_is_given_free() {
        let mut parts = vec![Part::text("x".repeat(1 << 20))];
        cut(&mut parts, 100, range);
        let Part::Text(part) = &parts[0] else {
            panic!("{parts:?}")
        };
        assert!(part.text.capacity() < 1_000);
    }
}
