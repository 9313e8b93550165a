//! Long texts in a terminal.

use unicode_width::UnicodeWidthChar as _;

use crate::{grouped, is_hidden};

/// The least width of a row.
const MIN_COLUMNS: usize = 20;

/// The most equal rows in succession that are shown; further ones are counted.
const MAX_EQUAL: usize = 3;

/// The blanks in place of a tab.
const TAB: &str = "    ";

/// A text in rows that fit the terminal, each marked at its left edge, so that no text passes for a message of the
/// program that shows it.
///
/// The mark is `| ` for a row that begins a line and `: ` for one that continues it. Repeated rows are counted in a row
/// in brackets without a mark. Hidden characters are escaped.
///
/// ```
/// use victor_text::Sheet;
///
/// let text = format!("touch a;{}ls", "\n".repeat(5_000));
/// let sheet = Sheet::new(&text, 80);
/// let rows: Vec<_> = sheet.rows().collect();
/// assert_eq!(rows, ["| touch a;", "| ", "[4,998 more rows like this]", "| ls"]);
/// ```
#[derive(Debug, Clone)]
pub struct Sheet {
    rows: Vec<Row>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    text: String,
    /// The number of characters of the text in this row.
    chars: usize,
}

/// A [`Sheet`] within a number of rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folded {
    /// The rows, with one in the middle that counts the rows left out.
    pub rows: Vec<String>,
    /// The number of characters left out; zero for the whole text.
    pub omitted: usize,
}

impl Sheet {
    /// Breaks a text into rows for a terminal with this number of columns.
    #[must_use]
    pub fn new(text: &str, columns: usize) -> Self {
        let columns = columns.max(MIN_COLUMNS);
        let mut rows = Vec::new();
        for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
            wrap(line, columns, &mut rows);
        }
        Self {
            rows: counted(&rows),
        }
    }

    /// The number of rows.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Always `false`: an empty text has one empty row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// All rows.
    pub fn rows(&self) -> impl Iterator<Item = &str> {
        self.rows.iter().map(|row| row.text.as_str())
    }

    /// Returns all rows if there are at most `max_rows`; otherwise the first and the last, with a count of those
    /// between.
    #[must_use]
    pub fn folded(&self, max_rows: usize) -> Folded {
        let texts = |rows: &[Row]| rows.iter().map(|row| row.text.clone()).collect::<Vec<_>>();
        if self.rows.len() <= max_rows {
            return Folded {
                rows: texts(&self.rows),
                omitted: 0,
            };
        }
        let shown = max_rows.saturating_sub(1);
        let tail = shown * 2 / 5;
        let (head, rest) = self.rows.split_at(shown - tail);
        let (middle, tail) = rest.split_at(rest.len() - tail);
        let omitted = middle.iter().map(|row| row.chars).sum::<usize>().max(1);
        let mut rows = texts(head);
        rows.push(format!(
            "[{} rows with {} characters are not shown]",
            grouped(middle.len()),
            grouped(omitted)
        ));
        rows.extend(texts(tail));
        Folded { rows, omitted }
    }
}

/// Breaks a line into rows.
fn wrap(line: &str, columns: usize, rows: &mut Vec<Row>) {
    // Without the mark, and without the last column, after which some terminals begin a new row.
    let room = columns - 3;
    let mut row = Row {
        text: "| ".to_owned(),
        chars: 0,
    };
    let mut used = 0;
    for char in line.chars() {
        let escape: String;
        let mut bytes = [0; 4];
        let piece = match char {
            '\t' => TAB,
            char if is_hidden(char) => {
                escape = char.escape_unicode().collect();
                &escape
            }
            char => char.encode_utf8(&mut bytes),
        };
        for char in piece.chars() {
            // Wide where some terminal takes it to be wide; never zero, since marks could be piled up without end.
            let width = char.width_cjk().unwrap_or(1).max(1);
            if used + width > room {
                let next = Row {
                    text: ": ".to_owned(),
                    chars: 0,
                };
                rows.push(std::mem::replace(&mut row, next));
                used = 0;
            }
            row.text.push(char);
            used += width;
        }
        row.chars += 1;
    }
    rows.push(row);
}

/// Replaces repeated rows by their count.
fn counted(rows: &[Row]) -> Vec<Row> {
    let mut kept: Vec<Row> = Vec::with_capacity(rows.len());
    for equal in rows.chunk_by(|one, next| one.text == next.text) {
        if equal.len() <= MAX_EQUAL {
            kept.extend_from_slice(equal);
            continue;
        }
        let more = &equal[1..];
        kept.push(equal[0].clone());
        kept.push(Row {
            text: format!("[{} more rows like this]", grouped(more.len())),
            chars: more.iter().map(|row| row.chars).sum(),
        });
    }
    kept
}
