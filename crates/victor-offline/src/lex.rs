//! The pieces of a request: words, quotations, paths, numbers.

use crate::lexicon::{Concept, weight};
use crate::tokens::{is_unspaced, stems};

/// A word of a clause, or something that stands in its place.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Piece<'a> {
    /// The text, without quotes and punctuation.
    pub(crate) text: &'a str,
    pub(crate) kind: Kind,
    pub(crate) concept: Option<Concept>,
    /// Beginning in the request.
    pub(crate) begin: usize,
    /// End in the request, with quotes and punctuation.
    pub(crate) end: usize,
    /// Whether a comma follows.
    pub(crate) comma: bool,
}

/// The kind of a piece.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Word,
    Quoted,
    /// A path of a file, or of a folder.
    Path {
        folder: bool,
    },
    Glob,
    Url,
    Number,
}

/// A piece, and the end of a sentence if one follows it.
pub(crate) struct Lexed<'a> {
    pub(crate) piece: Piece<'a>,
    pub(crate) terminator: Option<char>,
}

/// The piece that begins at `from` or after it.
pub(crate) fn lex(request: &str, from: usize) -> Option<Lexed<'_>> {
    let begin = from + request[from..].find(|c: char| !c.is_whitespace())?;
    let text = &request[begin..];
    if let Some((inner, length)) = quoted(text) {
        let after = &text[length..];
        let tail = after.len() - after.trim_start_matches(is_trailing).len();
        let piece = Piece {
            text: inner,
            kind: Kind::Quoted,
            concept: None,
            begin,
            end: begin + length + tail,
            comma: after.starts_with(','),
        };
        return Some(Lexed {
            piece,
            terminator: terminator(inner, &after[..tail], &after[tail..]),
        });
    }
    let mut characters = text.char_indices();
    let unspaced = text.starts_with(is_unspaced);
    let length = characters
        .find(|(_, c)| {
            c.is_whitespace()
                || (is_unspaced(*c) != unspaced
                    && (c.is_alphanumeric() || unspaced)
                    && !is_trailing(*c))
        })
        .map_or(text.len(), |(index, _)| index);
    // A single character that is neither space nor word still moves on.
    let length = length.max(text.chars().next().map_or(1, char::len_utf8));
    let token = &text[..length];
    let core = token
        .trim_start_matches(['(', '[', '{', '<', '"', '\''])
        .trim_end_matches(is_trailing);
    let tail = &token[token.trim_end_matches(is_trailing).len()..];
    let kind = kind(core);
    let concept = if kind == Kind::Word {
        concept(core)
    } else {
        None
    };
    let piece = Piece {
        text: core,
        kind,
        concept,
        begin,
        end: begin + length,
        comma: tail.starts_with([',', ';']),
    };
    Some(Lexed {
        piece,
        terminator: terminator(core, tail, &text[length..]),
    })
}

fn concept(word: &str) -> Option<Concept> {
    match stems(word).as_slice() {
        [stem] => Concept::of(stem),
        _ => None,
    }
}

fn is_trailing(c: char) -> bool {
    matches!(
        c,
        '.' | ','
            | ';'
            | ':'
            | '?'
            | '!'
            | ')'
            | ']'
            | '}'
            | '>'
            | '"'
            | '\''
            | '。'
            | '？'
            | '！'
            | '、'
            | '」'
    )
}

/// The character that ends a sentence after `core`, if one does.
fn terminator(core: &str, tail: &str, after: &str) -> Option<char> {
    let abbreviation = ["e.g", "i.e", "etc", "vs", "z.B", "Dr", "Mr", "Mrs", "Ms"].contains(&core);
    tail.chars().find(|c| match c {
        '?' | '!' | '。' | '？' | '！' => true,
        '.' => !abbreviation && after.starts_with(char::is_whitespace),
        _ => false,
    })
}

const LONGEST_QUOTATION: usize = 2000;

/// Returns a text in quotes, and its length with them.
fn quoted(text: &str) -> Option<(&str, usize)> {
    let open = text.chars().next()?;
    let close = match open {
        '`' | '"' | '\'' => open,
        '“' | '„' => '”',
        '‘' => '’',
        '«' => '»',
        '「' => '」',
        _ => return None,
    };
    let mark = text.len() - text.trim_start_matches(open).len();
    let (open, close) = if open == '`' {
        (&text[..mark], text[..mark].to_owned())
    } else {
        (&text[..open.len_utf8()], close.to_string())
    };
    let inner = &text[open.len()..];
    // Nobody quotes more, and looking further for the end of every quotation would take time without end.
    let inner = &inner[..inner.floor_char_boundary(LONGEST_QUOTATION)];
    let mut search = 0;
    loop {
        let end = search + inner[search..].find(&close)?;
        let after = &inner[end + close.len()..];
        // The apostrophe of a word ends no quotation.
        if !(close == "'" || close == "’") || !after.starts_with(char::is_alphanumeric) {
            let content = inner[..end].trim();
            return (!content.is_empty()).then_some((content, open.len() + end + close.len()));
        }
        search = end + close.len();
    }
}

fn kind(token: &str) -> Kind {
    if token.contains("://") {
        Kind::Url
    } else if token.contains('*') {
        Kind::Glob
    } else if token.parse::<f64>().is_ok() {
        Kind::Number
    } else if let Some(folder) = path(token) {
        Kind::Path { folder }
    } else {
        Kind::Word
    }
}

/// Whether a text looks like a path, and if so whether like that of a folder.
pub(crate) fn path(token: &str) -> Option<bool> {
    const BARE: [&str; 9] = [
        "Makefile",
        "Dockerfile",
        "README",
        "LICENSE",
        "CHANGELOG",
        "Justfile",
        "Gemfile",
        "Procfile",
        "Jenkinsfile",
    ];
    if token.contains(char::is_whitespace) || token.contains("://") || token.chars().count() > 500 {
        return None;
    }
    if BARE.contains(&token) {
        return Some(false);
    }
    let slashed = token.contains(['/', '\\']);
    let name = token.rsplit(['/', '\\']).next().unwrap_or_default();
    if name.is_empty() || matches!(name, "." | "..") {
        return (slashed || name == "..")
            .then_some(true)
            .filter(|_| token.len() > 1 || token == "/");
    }
    let extension = name.rsplit_once('.').filter(|(stem, extension)| {
        let abbreviation = matches!(name, "e.g" | "i.e" | "a.m" | "p.m" | "u.s" | "z.B" | "d.h");
        let domain = !slashed && matches!(*extension, "com" | "org" | "net" | "io");
        (1..=10).contains(&extension.len())
            && extension.starts_with(|c: char| c.is_ascii_alphabetic())
            && extension.bytes().all(|byte| byte.is_ascii_alphanumeric())
            && (slashed || stem.is_empty() || stem.ends_with(char::is_alphanumeric))
            && !(stem.is_empty() && extension.len() < 2)
            && !abbreviation
            && !domain
    });
    match extension {
        Some(_) => Some(false),
        // `and/or` is no path, and `src/bin` is one; letters and slashes do not tell, so prose wins where it may.
        None => (slashed && !is_prose(token)).then_some(true),
    }
}

/// Whether slashes stand between alternatives, as in `and/or` and `TCP/IP`.
fn is_prose(token: &str) -> bool {
    token.split('/').all(|part| {
        weight(&part.to_lowercase()) == 0.0
            || part.chars().all(char::is_uppercase)
            || matches!(
                part,
                "yes"
                    | "client"
                    | "server"
                    | "read"
                    | "write"
                    | "input"
                    | "output"
                    | "true"
                    | "false"
            )
            || part.bytes().all(|byte| byte.is_ascii_digit())
    })
}
