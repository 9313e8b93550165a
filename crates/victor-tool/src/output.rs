//! What is told to a model is told within a limit.

use victor_core::Part;

/// Takes the middle out of the text of `parts` so that about `max` bytes of it remain, and says so where it was.
///
/// Head and tail stay, because commands tell what went wrong at the end and files what they are at the beginning.
/// Pictures and documents cannot be cut and stay as they are.
pub(crate) fn limit(parts: &mut Vec<Part>, max: usize) {
    let total: usize = parts.iter().map(|part| text_of(part).len()).sum();
    if total <= max {
        return;
    }
    // The gap, in bytes of all text taken together.
    let (gap_start, gap_end) = (max.div_ceil(2), total - max / 2);
    let mut removed = 0;
    let mut at = 0;
    let mut note_in = None;
    for (index, part) in parts.iter_mut().enumerate() {
        let Part::Text(part) = part else { continue };
        let text = &mut part.text;
        let len = text.len();
        let start = text.floor_char_boundary(gap_start.saturating_sub(at).min(len));
        let end = text.ceil_char_boundary(gap_end.saturating_sub(at).min(len));
        at += len;
        if start < end {
            text.replace_range(start..end, "");
            removed += end - start;
            note_in.get_or_insert((index, start));
        }
    }
    if let Some((index, position)) = note_in
        && let Part::Text(part) = &mut parts[index]
    {
        let note = format!(
            "\n[{removed} of {total} bytes left out here: ask for a smaller part to see them]\n"
        );
        part.text.insert_str(position, &note);
    }
    parts.retain(|part| !matches!(part, Part::Text(text) if text.text.is_empty()));
}

fn text_of(part: &Part) -> &str {
    match part {
        Part::Text(text) => &text.text,
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use victor_core::{Image, MediaSource};

    use super::*;

    fn note(removed: usize, total: usize) -> String {
        format!(
            "\n[{removed} of {total} bytes left out here: ask for a smaller part to see them]\n"
        )
    }

    #[track_caller]
    fn check(texts: &[&str], max: usize, expected: &[String]) {
        let mut parts = texts.iter().copied().map(Part::text).collect();
        limit(&mut parts, max);
        let found: Vec<_> = parts.iter().map(text_of).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn head_and_tail_stay() {
        check(&["12345678"], 8, &["12345678".into()]);
        check(&["123456789"], 8, &[format!("1234{}6789", note(1, 9))]);
        check(&["123456789"], 3, &[format!("12{}9", note(6, 9))]);
        check(&["123456789"], 0, &[note(9, 9)]);
    }

    #[test]
    fn no_character_is_torn() {
        check(&["äöüäöü"], 6, &[format!("ä{}ü", note(8, 12))]);
    }

    #[test]
    fn the_limit_holds_for_all_parts_together() {
        check(
            &["123456", "abcdef", "ABCDEF"],
            6,
            &[format!("123{}", note(12, 18)), "DEF".into()],
        );
    }

    #[test]
    fn pictures_stay() {
        let image = Part::Image(Image {
            source: MediaSource::Url("u".into()),
            extra: Default::default(),
        });
        let mut parts = vec![image.clone(), Part::text("123456")];
        limit(&mut parts, 2);
        assert_eq!(parts[0], image);
        assert_eq!(parts.len(), 2);
    }
}
