//! Long texts in rows.

use victor_text::Sheet;

#[track_caller]
fn check(text: &str, columns: usize, expected: &[&str]) {
    let sheet = Sheet::new(text, columns);
    assert_eq!(sheet.rows().collect::<Vec<_>>(), expected);
    assert_eq!(sheet.len(), expected.len());
}

#[test]
fn every_row_is_marked() {
    check("", 80, &["| "]);
    check("a\nb\n", 80, &["| a", "| b"]);
    check("a\n\n", 80, &["| a", "| "]);
    check("\ta", 80, &["|     a"]);
    check(
        &"x".repeat(40),
        23,
        &["| xxxxxxxxxxxxxxxxxxxx", ": xxxxxxxxxxxxxxxxxxxx"],
    );
    // Twice as wide, and marks that could be piled up.
    check(&"漢".repeat(11), 23, &["| 漢漢漢漢漢漢漢漢漢漢", ": 漢"]);
    check(
        &"\u{301}".repeat(21),
        23,
        &[&format!("| {}", "\u{301}".repeat(20)), ": \u{301}"],
    );
    // A terminal without columns has some all the same.
    check("xxxxxxxxxxxxxxxxxx", 0, &["| xxxxxxxxxxxxxxxxx", ": x"]);
    check("a\u{1b}[2J", 80, &[r"| a\u{1b}[2J"]);
}

#[test]
fn repeated_rows_are_counted() {
    check("a\n\n\n\nb", 80, &["| a", "| ", "| ", "| ", "| b"]);
    check(
        "a\n\n\n\n\nb",
        80,
        &["| a", "| ", "[3 more rows like this]", "| b"],
    );
    let blanks = format!("a{}b", " ".repeat(10_000));
    check(
        &blanks,
        103,
        &[
            &format!("| a{}", " ".repeat(99)),
            &format!(": {}", " ".repeat(100)),
            "[98 more rows like this]",
            ":  b",
        ],
    );
    // Rows of the program's own cannot be imitated.
    check(
        "[9 more rows like this]",
        80,
        &["| [9 more rows like this]"],
    );
}

#[test]
fn what_does_not_fit_is_counted_and_ends_with_its_end() {
    let lines: Vec<_> = (0..1_000).map(|n| format!("{n:04}")).collect();
    let sheet = Sheet::new(&lines.join("\n"), 80);
    let folded = sheet.folded(6);
    assert_eq!(
        folded.rows,
        [
            "| 0000",
            "| 0001",
            "| 0002",
            "[995 rows with 3,980 characters are not shown]",
            "| 0998",
            "| 0999"
        ]
    );
    assert_eq!(folded.omitted, 3_980);
    let whole = sheet.folded(1_000);
    assert_eq!((whole.rows.len(), whole.omitted), (1_000, 0));
    assert_eq!(
        sheet.folded(0).rows,
        ["[1,000 rows with 4,000 characters are not shown]"]
    );
}
