//! The user's request: its clauses, and the things that they mention.

use crate::lex::{Kind, Piece, lex, path};
use crate::lexicon::{Concept, is_courtesy, weight};
use crate::tokens::each_word;

/// A part of a request that asks for one thing.
#[derive(Debug, Clone)]
pub(crate) struct Clause<'a> {
    /// The clause as the user wrote it.
    pub(crate) text: &'a str,
    pub(crate) pieces: Vec<Piece<'a>>,
    /// Whether it asks and does not order.
    pub(crate) question: bool,
}

/// Splits a request into clauses: at the ends of sentences, and where another thing to do follows an "and" or a comma.
pub(crate) fn clauses(request: &str) -> Vec<Clause<'_>> {
    let mut clauses = Vec::new();
    let mut pieces: Vec<Piece<'_>> = Vec::new();
    let mut rest = 0;
    while let Some(lexed) = lex(request, rest) {
        rest = lexed.piece.end;
        let action = lexed.piece.concept.is_some_and(Concept::is_action);
        if action && let Some(length) = before_joint(&pieces) {
            pieces.truncate(length);
            finish(request, &mut pieces, false, &mut clauses);
        }
        if !lexed.piece.text.is_empty() {
            pieces.push(lexed.piece);
        }
        if let Some(terminator) = lexed.terminator {
            finish(
                request,
                &mut pieces,
                matches!(terminator, '?' | '？'),
                &mut clauses,
            );
        }
    }
    finish(request, &mut pieces, false, &mut clauses);
    clauses
}

/// Returns the number of pieces that are a clause by themselves, if another may begin behind them: those before "and",
/// "then" and the like, or before a comma.
fn before_joint(pieces: &[Piece<'_>]) -> Option<usize> {
    let is =
        |piece: &Piece<'_>, words: &[&str]| words.contains(&piece.text.to_lowercase().as_str());
    let joints = pieces
        .iter()
        .rev()
        .take_while(|piece| is(piece, &["and", "then", "also", "please"]));
    let length = pieces.len() - joints.count();
    let last = pieces[..length].last()?;
    let joined = pieces[length..]
        .iter()
        .any(|piece| is(piece, &["and", "then"]));
    (joined || last.comma).then_some(length)
}

fn finish<'a>(
    request: &'a str,
    pieces: &mut Vec<Piece<'a>>,
    asked: bool,
    clauses: &mut Vec<Clause<'a>>,
) {
    let (Some(first), Some(last)) = (pieces.first(), pieces.last()) else {
        return;
    };
    let text = &request[first.begin..last.end];
    let first = first.text.to_lowercase();
    let interrogative = [
        "what", "which", "who", "whom", "whose", "where", "when", "why", "how",
    ];
    let polite = ["can", "could", "would", "will", "please"];
    let question =
        (asked || interrogative.contains(&first.as_str())) && !polite.contains(&first.as_str());
    clauses.push(Clause {
        text,
        pieces: std::mem::take(pieces),
        question,
    });
}

impl<'a> Clause<'a> {
    /// Returns the task, by the first word that names one.
    pub(crate) fn action(&self) -> Option<Concept> {
        let words: Vec<String> = self
            .words()
            .map(|piece| piece.text.to_lowercase())
            .collect();
        let text = words.join(" ");
        if text.starts_with("where ")
            && [
                "used",
                "defined",
                "implemented",
                "declared",
                "called",
                "set",
                "mentioned",
            ]
            .iter()
            .any(|verb| words.iter().any(|word| word == verb))
        {
            return Some(Concept::Search);
        }
        let asks_for_entries = ["what", "which"]
            .contains(&words.first().map_or("", String::as_str))
            && self.words().nth(1).is_some_and(|piece| {
                matches!(piece.concept, Some(Concept::File | Concept::Folder))
            })
            && words
                .get(2)
                .is_some_and(|word| ["are", "is", "exist", "do"].contains(&word.as_str()));
        // "What is in src?", but not "What is in the news?".
        let asks_what_is_in = ["what is in ", "what's in ", "what’s in "]
            .iter()
            .any(|start| {
                text.strip_prefix(start).is_some_and(|rest| {
                    self.bare_folder()
                        .is_some_and(|name| name.eq_ignore_ascii_case(rest))
                })
            });
        if asks_for_entries || asks_what_is_in {
            return Some(Concept::List);
        }
        if text.contains("look for") || text.contains("looking for") {
            return Some(Concept::Search);
        }
        self.pieces
            .iter()
            .filter(|piece| piece.kind == Kind::Word)
            .find_map(|piece| piece.concept.filter(|c| c.is_action()))
    }

    /// Whether it says what not to do.
    pub(crate) fn is_negated(&self) -> bool {
        self.words().any(|piece| {
            ["don't", "don’t", "dont", "never", "without"]
                .contains(&piece.text.to_lowercase().as_str())
        }) || self.text.to_lowercase().contains("do not ")
    }

    /// The plain words.
    pub(crate) fn words(&self) -> impl Iterator<Item = &Piece<'a>> {
        self.pieces.iter().filter(|piece| piece.kind == Kind::Word)
    }

    /// The words by which an answer is found, in order, with their weights. Pieces in `places` say only where.
    pub(crate) fn terms(&self, places: &[&str]) -> Vec<(String, f32)> {
        let mut terms = Vec::new();
        for piece in self
            .pieces
            .iter()
            .filter(|piece| !places.contains(&piece.text))
        {
            let says = match piece.kind {
                Kind::Word | Kind::Number => true,
                Kind::Quoted => path(piece.text).is_none(),
                _ => false,
            };
            // Files and folders are where one looks and seldom what one looks for.
            let share = if piece.concept.is_some_and(|concept| !concept.is_action()) {
                0.4
            } else {
                1.0
            };
            let words = if says { piece.text } else { "" };
            each_word(words, |word| {
                let weight = if word.compound {
                    1.5
                } else {
                    share * weight(word.lower)
                };
                if weight > 0.0 && !is_courtesy(word.lower) {
                    terms.push((word.stem.to_owned(), weight));
                }
            });
        }
        terms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(request: &str, expected: &[&str]) {
        let found: Vec<String> = clauses(request)
            .iter()
            .map(|clause| {
                let pieces = clause.pieces.iter().map(|piece| match piece.kind {
                    Kind::Word => piece.text.to_owned(),
                    Kind::Path { folder: true } => format!("<{}/>", piece.text),
                    Kind::Path { folder: false } => format!("<{}>", piece.text),
                    kind => format!("{kind:?}({})", piece.text),
                });
                let mark = if clause.question { "? " } else { "" };
                format!("{mark}{}", pieces.collect::<Vec<_>>().join(" "))
            })
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn sentences_and_joined_actions_are_clauses() {
        check(
            "Which crate retries a failed model call? Read docs/architecture.md",
            &[
                "? Which crate retries a failed model call",
                "Read <docs/architecture.md>",
            ],
        );
        check(
            "Read a.txt and b.txt and tell me which one mentions Rust",
            &[
                "Read <a.txt> and <b.txt>",
                "tell me which one mentions Rust",
            ],
        );
        check(
            "List src, then read Cargo.toml.",
            &["List src", "read <Cargo.toml>"],
        );
        check("Could you read notes.txt?", &["Could you read <notes.txt>"]);
        check("", &[]);
        check(" ?! ", &[]);
    }

    #[test]
    fn quotes_paths_and_numbers_are_told_from_words() {
        check(
            "write 'it's here' to out.txt",
            &["write Quoted(it's here) to <out.txt>"],
        );
        check(
            "search for `retry_after` in the code",
            &["search for Quoted(retry_after) in the code"],
        );
        check(
            "what's in ./src/ and/or ../x?",
            &["? what's in <./src//> and/or <../x/>"],
        );
        check(
            "use e.g. *.rs, 3.5 or https://a.b/c.",
            &["use e.g Glob(*.rs) Number(3.5) or Url(https://a.b/c)"],
        );
        check("open .gitignore (README)", &["open <.gitignore> <README>"]);
        check("an unclosed 'quote", &["an unclosed quote"]);
        check("notes.txtを読んで。", &["<notes.txt> を読んで"]);
        check("\"„“`''«", &["„“`''«"]);
    }
}
