//! Laws that hold for every text.

use proptest::prelude::*;
use victor_text::{Sheet, escaped, excerpt, is_blank_lookalike, is_hidden, json_escaped, visible};

/// Texts with many of the characters that matter.
fn text() -> impl Strategy<Value = String> {
    let chars = prop_oneof![
        4 => proptest::char::range(' ', '~'),
        1 => Just('\n'),
        1 => Just('\\'),
        1 => Just('漢'),
        1 => any::<char>(),
        1 => proptest::sample::select(vec!['\u{1b}', '\u{202e}', '\u{200b}', '\u{a0}', '\u{e0041}', '\t', '\r']),
    ];
    let pieces = prop_oneof![
        8 => chars.prop_map(String::from),
        1 => Just(r"\u{1b}".to_owned()),
        1 => Just("\n".repeat(9)),
        1 => Just(" ".repeat(90)),
        1 => Just("| ".to_owned()),
        1 => Just("\n[7 more rows like this]\n".to_owned()),
    ];
    proptest::collection::vec(pieces, 0..60).prop_map(|pieces| pieces.concat())
}

/// The text that was escaped.
fn unescaped(shown: &str) -> String {
    let mut text = String::new();
    let mut rest = shown;
    while let Some((before, escape)) = rest.split_once("\\u{") {
        let (code, after) = escape.split_once('}').unwrap();
        text.push_str(before);
        text.push(char::from_u32(u32::from_str_radix(code, 16).unwrap()).unwrap());
        rest = after;
    }
    text + rest
}

/// The text that was put into rows, by what a person sees of them.
fn read(sheet: &Sheet) -> String {
    let mut lines: Vec<String> = Vec::new();
    let mut last = None;
    for row in sheet.rows() {
        let count = match row.strip_prefix('[') {
            Some(note) => note
                .split(' ')
                .next()
                .unwrap()
                .replace(',', "")
                .parse()
                .unwrap(),
            None => {
                last = Some(row);
                1
            }
        };
        let row: &str = last.unwrap();
        for _ in 0..count {
            match row.split_at(2) {
                ("| ", line) => lines.push(line.to_owned()),
                (": ", more) => lines.last_mut().unwrap().push_str(more),
                other => panic!("{other:?}"),
            }
        }
    }
    lines.join("\n")
}

proptest! {
    #[test]
    fn an_escaped_text_hides_nothing_and_can_be_read_back(text in text()) {
        let shown = escaped(&text);
        let strange = |char| char != '\n' && char != '\t' && (is_hidden(char) || is_blank_lookalike(char));
        prop_assert!(!shown.contains(strange));
        prop_assert_eq!(unescaped(&shown), text);
    }

    #[test]
    fn rows_say_all_of_the_text(text in text(), columns in 0_usize..200) {
        let text = text.replace('\t', " ");
        let shown = escaped(&text);
        let sheet = Sheet::new(&shown, columns);
        prop_assert_eq!(read(&sheet), shown.strip_suffix('\n').unwrap_or(&shown));
        for row in sheet.rows() {
            prop_assert!(row.starts_with("| ") || row.starts_with(": ") || row.starts_with('['));
            prop_assert!(!row.contains(is_hidden));
            let columns = columns.max(20);
            prop_assert!(row.starts_with('[') || unicode_width::UnicodeWidthStr::width_cjk(row) < columns);
        }
        for max in [0, 1, 5] {
            let folded = sheet.folded(max);
            prop_assert!(folded.rows.len() <= max.max(1));
            prop_assert_eq!(folded.omitted == 0, sheet.len() <= max);
        }
    }

    #[test]
    fn json_stays_equal_in_value(text in text()) {
        let json = serde_json::to_string_pretty(&serde_json::json!({ "a": text })).unwrap();
        let shown = json_escaped(&json);
        prop_assert!(!shown.contains(|char| char != '\n' && is_hidden(char)));
        let read: serde_json::Value = serde_json::from_str(&shown).unwrap();
        prop_assert_eq!(read["a"].as_str(), Some(text.as_str()));
    }

    #[test]
    fn lines_and_prose_move_no_cursor(text in text(), max in 0_usize..40) {
        let line = excerpt(&text, max);
        prop_assert!(line.chars().count() <= max + 1 && !line.contains('\n'));
        for shown in [line, visible(&text, None).into_owned()] {
            prop_assert!(!shown.contains(|char: char| char.is_control() && char != '\n' && char != '\t'));
            let deceives = shown.contains(['\u{202e}', '\u{200b}', '\u{e0041}']);
            prop_assert!(!deceives);
        }
    }
}
