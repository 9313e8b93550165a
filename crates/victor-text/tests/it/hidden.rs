//! The list of characters that are never shown as they are.

use victor_text::{cleaned, escaped, is_blank_lookalike, is_hidden, json_escaped, visible};

/// Code points and what they are. Each stands for its neighbours of the same kind.
const HIDDEN: &[(u32, &str)] = &[
    (0x00, "null"),
    (0x07, "bell"),
    (0x08, "backspace"),
    (0x0d, "carriage return"),
    (0x1b, "escape"),
    (0x7f, "delete"),
    (0x85, "next line"),
    (0x9b, "control sequence introducer"),
    (0xad, "soft hyphen"),
    (0x34f, "combining grapheme joiner"),
    (0x61c, "Arabic letter mark"),
    (0x115f, "Hangul filler"),
    (0x17b4, "Khmer inherent vowel"),
    (0x180e, "Mongolian vowel separator"),
    (0x200b, "zero-width space"),
    (0x200c, "zero-width non-joiner"),
    (0x200d, "zero-width joiner"),
    (0x200e, "left-to-right mark"),
    (0x200f, "right-to-left mark"),
    (0x2028, "line separator"),
    (0x2029, "paragraph separator"),
    (0x202a, "left-to-right embedding"),
    (0x202e, "right-to-left override"),
    (0x2060, "word joiner"),
    (0x2063, "invisible separator"),
    (0x2066, "left-to-right isolate"),
    (0x2069, "pop directional isolate"),
    (0x206f, "nominal digit shapes"),
    (0x2800, "Braille blank"),
    (0x3164, "Hangul filler"),
    (0xfe00, "variation selector 1"),
    (0xfe0f, "variation selector 16"),
    (0xfeff, "byte order mark"),
    (0xffa0, "half-width Hangul filler"),
    (0xfff9, "interlinear annotation anchor"),
    (0x13430, "Egyptian vertical joiner"),
    (0x1bca0, "shorthand format letter overlap"),
    (0x1d173, "musical begin beam"),
    (0xe0001, "language tag"),
    (0xe0041, "tag letter A"),
    (0xe007f, "cancel tag"),
    (0xe0100, "variation selector 17"),
];

const BLANKS: &[(u32, &str)] = &[
    (0xa0, "no-break space"),
    (0x1680, "Ogham space mark"),
    (0x2003, "em space"),
    (0x200a, "hair space"),
    (0x202f, "narrow no-break space"),
    (0x205f, "mathematical space"),
    (0x3000, "ideographic space"),
];

fn char(code: u32) -> char {
    char::from_u32(code).unwrap()
}

#[test]
fn hidden_characters_are_escaped_everywhere() {
    for (code, name) in HIDDEN {
        let char = char(*code);
        let text = format!("a{char}b");
        let shown = format!("a\\u{{{code:x}}}b");
        assert!(is_hidden(char) && !is_blank_lookalike(char), "{name}");
        assert_eq!(escaped(&text), shown, "{name}");
        assert_eq!(visible(&text, None), shown, "{name}");
        assert_eq!(cleaned(&text, 99), "ab", "{name}");
        let json = serde_json::to_string(&text).unwrap();
        let escaped = json_escaped(&json);
        assert!(!escaped.contains(is_hidden), "{name}: {escaped:?}");
        let read: String = serde_json::from_str(&escaped).unwrap();
        assert_eq!(read, text, "{name}");
    }
}

#[test]
fn blanks_that_are_no_spaces_are_escaped_where_a_person_decides() {
    for (code, name) in BLANKS {
        let char = char(*code);
        let text = format!("a{char}b");
        assert!(!is_hidden(char) && is_blank_lookalike(char), "{name}");
        assert_eq!(escaped(&text), format!("a\\u{{{code:x}}}b"), "{name}");
        assert_eq!(visible(&text, None), text, "{name}");
        assert_eq!(json_escaped(&text), format!("a\\u{code:04x}b"), "{name}");
    }
}

#[test]
fn what_is_seen_stays() {
    for text in [
        "",
        "a\n\tb",
        "äöü ß",
        "漢字",
        "שלום",
        "🙂",
        "e\u{301}",
        "a\\n",
    ] {
        assert_eq!(escaped(text), text);
        assert_eq!(visible(text, None), text);
        assert_eq!(json_escaped(text), text);
    }
}

#[test]
fn prose_keeps_what_scripts_and_emoji_need() {
    let kept = [
        "❤\u{fe0f}",
        "1\u{fe0f}\u{20e3}",
        "👨\u{200d}👩\u{200d}👧",
        "❤\u{fe0f}\u{200d}🔥",
        "می\u{200c}خواهم",
    ];
    for text in kept {
        assert_eq!(visible(text, None), text);
        assert_ne!(escaped(text), text);
    }
    assert_eq!(visible("a\u{200d}b", None), r"a\u{200d}b");
    assert_eq!(visible("é\u{200d}\u{200d}", None), "é\u{200d}\\u{200d}");
    assert_eq!(visible("🙂\u{fe01}", None), "🙂\\u{fe01}");
    // In pieces, as answers come.
    assert_eq!(visible("\u{fe0f} yes", Some('❤')), "\u{fe0f} yes");
    assert_eq!(visible("\u{fe0f} yes", None), r"\u{fe0f} yes");
}

#[test]
fn prose_loses_carriage_returns_at_the_ends_of_lines_only() {
    assert_eq!(visible("a\r\nb\r", None), "a\nb");
    assert_eq!(visible("safe\rrm", None), r"safe\u{d}rm");
}

#[test]
fn two_texts_never_look_alike() {
    let real = "a\u{1b}b";
    assert_ne!(escaped(real), escaped(r"a\u{1b}b"));
    assert_eq!(escaped(r"\u{1b}"), r"\u{5c}u{1b}");
    assert_eq!(escaped(r"\\u{1b} \u \x"), r"\\u{5c}u{1b} \u \x");
}
