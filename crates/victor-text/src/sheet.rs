//! Long texts in a terminal.

use unicode_width::UnicodeWidthChar as _;

use crate::{grouped, is_hidden};

/// The fewest columns that rows are made for.
const MIN_COLUMNS: usize = 20;

/// How many equal rows one after the other are shown before they are counted instead.
const MAX_EQUAL: usize = 3;

/// How many blanks a tab is shown as.
const TAB: &str = "    ";

/// A text in rows, none of which is wider than the terminal and all of which are marked at their left edge, so that no
/// text can pass for the words of the program that shows it.
///
/// A row that begins a line has the mark `| `, one that goes on with a line the mark `: `. Rows that repeat the row
/// before are counted in a row of the program's own, in brackets and without a mark. Hidden characters that the text
/// still has are escaped.
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
    /// How many characters of the text it stands for.
    chars: usize,
}

/// A [`Sheet`] within a number of rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folded {
    /// The rows, with one in the middle that says what is left out.
    pub rows: Vec<String>,
    /// The number of characters that are left out; zero if all of the text is there.
    pub omitted: usize,
}

impl Sheet {
    /// Puts a text into rows for a terminal of so many columns.
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

    /// Whether there are no rows, which never happens: an empty text has an empty row.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// All rows.
    pub fn rows(&self) -> impl Iterator<Item = &str> {
        self.rows.iter().map(|row| row.text.as_str())
    }

    /// The rows if they are at most `max_rows`; otherwise the first and the last of them, and how much is between.
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

/// Puts a line into rows.
fn wrap(line: &str, columns: usize, rows: &mut Vec<Row>) {
    // Without the mark, and without the last column, which some terminals begin a new row after.
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

/// Counts rows that repeat the one before.
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
