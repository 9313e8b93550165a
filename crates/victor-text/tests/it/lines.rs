//! Short texts.

use victor_text::{cleaned, excerpt, grouped, one_line, shortened};

#[test]
fn an_excerpt_is_one_short_line() {
    assert_eq!(excerpt(" a\n\tb  c ", 9), "a b c");
    assert_eq!(excerpt("äöü", 3), "äöü");
    assert_eq!(excerpt("äöü", 2), "äö…");
    assert_eq!(excerpt("ab cd", 2), "ab…");
    assert_eq!(excerpt("ab cd", 3), "ab…");
    assert_eq!(excerpt("ab cd", 4), "ab c…");
    assert_eq!(excerpt("ab cd", 0), "…");
    assert_eq!(excerpt("", 0), "");
    assert_eq!(excerpt("a\u{1b}[2J\u{202e}b", 99), r"a\u{1b}[2J\u{202e}b");
    assert_eq!(excerpt(&"x ".repeat(1_000_000), 3), "x x…");
    assert_eq!(excerpt(&"x".repeat(1_000_000), 3), "xxx…");
    assert_eq!(one_line("a\r\n  b\u{2028}c"), "a b c");
}

#[test]
fn what_is_shortened_keeps_its_end() {
    assert_eq!(shortened("12345", 5), "12345");
    assert_eq!(shortened("123456", 5), "123… (1 characters not shown) …56");
    assert_eq!(shortened("äöüäöü", 5), "äöü… (1 characters not shown) …öü");
}

#[test]
fn what_is_cleaned_keeps_its_lines() {
    assert_eq!(cleaned(" a\r\n\tb\u{7} ", 9), "a\n\tb");
    assert_eq!(cleaned("äöü", 3), "ä…");
}

#[test]
fn numbers_have_commas() {
    for (number, text) in [
        (0, "0"),
        (999, "999"),
        (1_000, "1,000"),
        (12_345_678, "12,345,678"),
    ] {
        assert_eq!(grouped(number), text);
    }
}
