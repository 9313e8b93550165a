//! Sentences of a text, which may be prose, Markdown, code, a listing or a log.

use std::borrow::Cow;

use crate::tokens::is_unspaced;

/// A sentence, a line or a row of a table.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sentence<'a> {
    pub(crate) text: Cow<'a, str>,
    /// Weight of its kind: prose 1, headings and code less.
    pub(crate) weight: f32,
    /// Text above it that counts for it too: the heading, or the head of the table.
    pub(crate) above: Option<usize>,
}

/// Length beyond which a text is cut into pieces.
const LONGEST: usize = 600;

/// Splits a text into sentences, in one pass.
pub(crate) fn sentences(text: &str) -> Vec<Sentence<'_>> {
    let mut reader = Reader::default();
    let numbered = is_numbered(text);
    for line in text.lines() {
        reader.line(if numbered { without_number(line) } else { line });
    }
    reader.end_paragraph();
    reader.sentences
}

#[derive(Default)]
struct Reader<'a> {
    sentences: Vec<Sentence<'a>>,
    paragraph: Cow<'a, str>,
    heading: Option<usize>,
    /// The head of the table that is being read.
    head: Option<usize>,
    in_table: bool,
    in_code: bool,
    /// Whether the paragraph is one line that is too short to be wrapped, and may be a sentence of its own.
    is_short: bool,
}

impl<'a> Reader<'a> {
    fn line(&mut self, line: &'a str) {
        let trimmed = line.trim();
        if trimmed.starts_with("```") || trimmed.starts_with("~~~") {
            self.end_paragraph();
            self.in_code = !self.in_code;
        } else if self.in_code {
            self.push(Cow::Borrowed(trimmed), 0.2);
        } else if trimmed.starts_with('|') && trimmed.len() > 1 {
            self.end_paragraph();
            self.row(trimmed);
        } else {
            self.in_table = false;
            self.head = None;
            self.prose(line, trimmed);
        }
    }

    fn prose(&mut self, line: &'a str, trimmed: &'a str) {
        let heading = trimmed.trim_start_matches('#');
        let level = trimmed.len() - heading.len();
        if trimmed.is_empty()
            || trimmed
                .bytes()
                .all(|byte| matches!(byte, b'-' | b'=' | b'*' | b'_'))
        {
            self.end_paragraph();
        } else if (1..=6).contains(&level) && heading.starts_with(' ') {
            self.end_paragraph();
            self.heading = None;
            self.push(Cow::Borrowed(heading.trim()), 0.5);
            self.heading = self.sentences.len().checked_sub(1);
        } else if let Some(item) = list_item(trimmed) {
            self.end_paragraph();
            self.paragraph = Cow::Borrowed(item);
        } else if is_line(line, trimmed) {
            self.end_paragraph();
            self.push(Cow::Borrowed(trimmed), 0.9);
        } else {
            let quote = trimmed.trim_start_matches("> ");
            // A short line is one by itself, since wrapped prose has long ones; unless its sentence goes on.
            if self.is_short && !quote.starts_with(char::is_lowercase) {
                self.end_paragraph();
            }
            self.is_short =
                self.paragraph.is_empty() && trimmed.chars().count() < 45 && !line.starts_with(' ');
            if self.paragraph.is_empty() {
                self.paragraph = Cow::Borrowed(quote);
            } else if self.paragraph.len() < 20 * LONGEST {
                let paragraph = self.paragraph.to_mut();
                paragraph.push(' ');
                paragraph.push_str(quote);
            } else {
                self.end_paragraph();
                self.paragraph = Cow::Borrowed(quote);
            }
        }
    }

    /// A row of a table: `| a | b |` reads `a: b`. Its head speaks for all rows, and the line below the head is none.
    fn row(&mut self, row: &str) {
        let cells: Vec<&str> = row
            .split('|')
            .map(str::trim)
            .filter(|cell| !cell.is_empty())
            .collect();
        if cells
            .iter()
            .all(|cell| cell.bytes().all(|byte| matches!(byte, b'-' | b':' | b' ')))
        {
            return;
        }
        let text = match cells.as_slice() {
            [first, rest @ ..] if !rest.is_empty() => format!("{first}: {}", rest.join("; ")),
            cells => cells.join(" "),
        };
        let is_head = !self.in_table;
        self.in_table = true;
        self.push(Cow::Owned(text), if is_head { 0.5 } else { 1.0 });
        if is_head {
            self.head = self.sentences.len().checked_sub(1);
        }
    }

    fn end_paragraph(&mut self) {
        self.is_short = false;
        match std::mem::take(&mut self.paragraph) {
            Cow::Borrowed(text) => split(text, |sentence| self.push(Cow::Borrowed(sentence), 1.0)),
            Cow::Owned(text) => split(&text, |sentence| {
                self.push(Cow::Owned(sentence.to_owned()), 1.0);
            }),
        }
    }

    fn push(&mut self, text: Cow<'a, str>, weight: f32) {
        if text.chars().any(char::is_alphanumeric) {
            self.sentences.push(Sentence {
                text,
                weight,
                above: self.head.or(self.heading),
            });
        }
    }
}

/// Whether a line stands for itself: code, a match of a search, the end of something.
fn is_line(line: &str, trimmed: &str) -> bool {
    line.starts_with("    ")
        || line.starts_with('\t')
        || trimmed.ends_with([';', '{', '}'])
        || trimmed.starts_with(['{', '}', '[', '<', '"'])
        || is_match(trimmed)
}

/// Whether a line looks like `src/lib.rs:12: text`.
fn is_match(line: &str) -> bool {
    let mut fields = line.splitn(3, [':', '-']);
    let (name, number) = (
        fields.next().unwrap_or_default(),
        fields.next().unwrap_or_default(),
    );
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    is_number && !name.is_empty() && !name.contains(' ') && fields.next().is_some()
}

fn list_item(line: &str) -> Option<&str> {
    let rest = line.strip_prefix(['-', '*', '+', '•']).or_else(|| {
        let rest = line.trim_start_matches(|c: char| c.is_ascii_digit());
        (rest.len() < line.len())
            .then(|| rest.strip_prefix(['.', ')']))
            .flatten()
    })?;
    rest.starts_with(' ').then(|| rest.trim_start())
}

/// Whether the first lines are numbered, as tools that read files show them.
fn is_numbered(text: &str) -> bool {
    let mut lines = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .take(3)
        .peekable();
    let mut last = None;
    lines.peek().is_some()
        && lines.all(|line| {
            let number = number(line).map(|(number, _)| number);
            let follows = number > last;
            last = number;
            follows
        })
}

/// The number at the beginning of a line, and the line without it.
fn number(line: &str) -> Option<(u64, &str)> {
    let line = line.trim_start();
    let digits = line.len() - line.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let number = line[..digits].parse().ok()?;
    let rest = &line[digits..];
    let after = rest
        .strip_prefix(['\t', '→', '|'])
        .or_else(|| rest.strip_prefix(": "))
        .or_else(|| rest.strip_prefix(" | "));
    after
        .or_else(|| rest.is_empty().then_some(""))
        .map(|after| (number, after))
}

fn without_number(line: &str) -> &str {
    number(line).map_or(line, |(_, rest)| rest)
}

/// Splits a paragraph at the ends of its sentences, and what is too long wherever there is a space.
fn split<'a>(paragraph: &'a str, mut each: impl FnMut(&'a str)) {
    let mut begin = 0;
    let mut space = 0;
    let mut characters = paragraph.char_indices().peekable();
    while let Some((index, c)) = characters.next() {
        let end = index + c.len_utf8();
        if c.is_whitespace() {
            space = end;
        }
        let next = characters.peek().map(|(_, next)| *next);
        let ends = match c {
            '。' | '！' | '？' => true,
            '.' | '!' | '?' => {
                next.is_some_and(char::is_whitespace)
                    && is_end(&paragraph[begin..end], &paragraph[end..])
            }
            _ => false,
        };
        if ends {
            each(paragraph[begin..end].trim());
            begin = end;
        } else if end - begin > LONGEST {
            let cut = if space > begin { space } else { end };
            each(paragraph[begin..cut].trim());
            begin = cut;
        }
    }
    each(paragraph[begin..].trim());
}

/// Whether a full stop before `after` ends a sentence: not after an abbreviation, and not before a small letter.
fn is_end(sentence: &str, after: &str) -> bool {
    let word = sentence
        .rsplit(char::is_whitespace)
        .next()
        .unwrap_or_default()
        .trim_start_matches('(');
    let abbreviation = [
        "e.g.", "i.e.", "etc.", "vs.", "cf.", "no.", "Dr.", "Mr.", "Mrs.", "Ms.", "St.", "z.B.",
        "bzw.",
    ]
    .contains(&word);
    let next = after.trim_start().chars().next();
    !abbreviation && next.is_none_or(|c| !c.is_lowercase() || is_unspaced(c))
}

/// A sentence as a person reads it, without the marks of Markdown. Code keeps its backticks.
pub(crate) fn clean(text: &str) -> String {
    let text = text.trim().trim_start_matches('#').trim_start();
    let text = list_item(text).unwrap_or(text);
    let mut cleaned = String::with_capacity(text.len());
    let mut rest = text;
    let mut code = false;
    while let Some(c) = rest.chars().next() {
        code ^= c == '`';
        if !code && (rest.starts_with("**") || rest.starts_with("__")) {
            rest = &rest[2..];
        } else if let Some((label, length)) = link(rest).filter(|_| !code) {
            cleaned.push_str(label);
            rest = &rest[length..];
        } else {
            cleaned.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    cleaned
}

/// The label of the link with which a text begins, and the length of the link.
fn link(text: &str) -> Option<(&str, usize)> {
    let (label, _) = text.strip_prefix('[')?.split_once(']')?;
    let target = text[label.len() + 2..].strip_prefix('(')?;
    let end = target.find(')')?;
    (!label.contains('[')).then_some((label, label.len() + end + 4))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let found: Vec<_> = sentences(text)
            .into_iter()
            .map(|sentence| clean(&sentence.text))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn prose_is_split_at_full_stops_and_joined_over_lines() {
        check(
            "It holds the loop, e.g. for retries, in one single\nplace. Nobody waits twice. `next` ends v1.2 now.",
            &[
                "It holds the loop, e.g. for retries, in one single place.",
                "Nobody waits twice.",
                "`next` ends v1.2 now.",
            ],
        );
        check(
            "Deadline: Friday\nBudget: 300\n",
            &["Deadline: Friday", "Budget: 300"],
        );
        check(
            "The deadline is\nnoon on Friday, and the\nbudget is 300. There is cake.\nBring a friend",
            &[
                "The deadline is noon on Friday, and the budget is 300.",
                "There is cake.",
                "Bring a friend",
            ],
        );
        check(
            "締め切りは金曜日です。予算は三百。",
            &["締め切りは金曜日です。", "予算は三百。"],
        );
        check("", &[]);
        check("...\n---\n", &[]);
    }

    #[test]
    fn markdown_is_read_as_it_is_meant() {
        check(
            "# Crates\n\n- **one** is [here](a.md)\n- two\n  goes on\n",
            &["Crates", "one is here", "two goes on"],
        );
        check(
            "| crate | task |\n|---|---|\n| `a-b` | Holds **it** |\n| c | d | e |\n",
            &["crate: task", "`a-b`: Holds it", "c: d; e"],
        );
        check(
            "```rust\nlet a = 1;\n\n}\n```\nProse.",
            &["let a = 1;", "Prose."],
        );
    }

    #[test]
    fn lines_of_code_searches_and_numbered_files_stay_apart() {
        check(
            "src/a.rs:12: let the_longest_line_of_all = some_function_of(this, that, other)\nsrc/b.rs:3: b",
            &[
                "src/a.rs:12: let the_longest_line_of_all = some_function_of(this, that, other)",
                "src/b.rs:3: b",
            ],
        );
        check("1\tOne.\n2\t\n3\tThree.", &["One.", "Three."]);
        check("  1→One.\n  2→Two.", &["One.", "Two."]);
        check("1. First\n2. Second", &["First", "Second"]);
    }

    #[test]
    fn what_is_endless_is_cut() {
        let endless = "word ".repeat(1000);
        let found = sentences(&endless);
        assert!(
            found.len() > 5
                && found
                    .iter()
                    .all(|sentence| sentence.text.len() <= LONGEST + 1)
        );
        assert!(
            sentences(&"x".repeat(5000))
                .iter()
                .all(|sentence| sentence.text.len() <= LONGEST + 1)
        );
    }

    #[test]
    fn rows_know_their_head_and_sentences_their_heading() {
        let found = sentences("# Title\nProse here.\n| crate | x |\n|--|--|\n| a | b |\nMore.");
        let above: Vec<_> = found.iter().map(|sentence| sentence.above).collect();
        assert_eq!(above, [None, Some(0), Some(0), Some(2), Some(0)]);
    }
}
