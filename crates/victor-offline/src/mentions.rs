//! Paths, folders and subjects that a clause mentions.

use crate::lex::{Kind, Piece, path};
use crate::lexicon::{Concept, weight};
use crate::request::Clause;

impl<'a> Clause<'a> {
    /// The pieces of a kind, in order.
    pub(crate) fn of_kind(&self, kind: Kind) -> impl Iterator<Item = &'a str> {
        self.pieces
            .iter()
            .filter(move |piece| piece.kind == kind)
            .map(|piece| piece.text)
    }

    /// The paths, each once, and whether they look like folders; those in quotes too if `quoted`.
    pub(crate) fn paths(&self, quoted: bool) -> Vec<(&'a str, bool)> {
        let mut paths = Vec::new();
        for piece in &self.pieces {
            let found = match piece.kind {
                Kind::Path { folder } => Some(folder),
                Kind::Quoted if quoted => path(piece.text),
                _ => None,
            };
            if let Some(folder) = found
                && !paths.iter().any(|(known, _)| *known == piece.text)
            {
                paths.push((piece.text, folder));
            }
        }
        paths
    }

    /// The name of a folder that is no path by itself: `crates` in "the folder crates", "the crates folder" and
    /// "the files in crates".
    pub(crate) fn bare_folder(&self) -> Option<&'a str> {
        let name = |piece: &Piece<'a>| {
            let plain =
                piece.kind == Kind::Word && piece.concept.is_none() || piece.kind == Kind::Quoted;
            (plain
                && weight(&piece.text.to_lowercase()) > 0.5
                && !piece.text.contains(char::is_whitespace))
            .then_some(piece.text)
        };
        let folder = |piece: &Piece<'a>| piece.concept == Some(Concept::Folder);
        let beside = self.pieces.windows(2).find_map(|pair| match pair {
            [noun, after] if folder(noun) => name(after),
            [before, noun] if folder(noun) => {
                name(before).filter(|_| !self.is_folder_then_name(noun))
            }
            _ => None,
        });
        beside.or_else(|| {
            let at = self.pieces.iter().rposition(|piece| {
                ["in", "of", "under", "inside", "from", "within"]
                    .contains(&piece.text.to_lowercase().as_str())
            })?;
            let after = &self.pieces[at + 1..];
            let after = match after {
                [article, rest @ ..] if weight(&article.text.to_lowercase()) == 0.0 => rest,
                all => all,
            };
            match after {
                [only] => name(only).filter(|name| !PLACES.contains(&name.to_lowercase().as_str())),
                _ => None,
            }
        })
    }

    fn is_folder_then_name(&self, noun: &Piece<'a>) -> bool {
        let at = self
            .pieces
            .iter()
            .position(|piece| piece.begin == noun.begin)
            .unwrap_or_default();
        self.pieces.get(at + 1).is_some_and(|after| {
            after.kind == Kind::Word
                && after.concept.is_none()
                && weight(&after.text.to_lowercase()) > 0.5
        })
    }

    /// The words that say what to look for: the longest run of words that mean something by themselves.
    pub(crate) fn subject(&self) -> Option<&'a str> {
        let means = |piece: &Piece<'a>| {
            let lower = piece.text.to_lowercase();
            piece.kind == Kind::Word
                && piece.concept.is_none()
                && weight(&lower) > 0.5
                && !PLACES.contains(&lower.as_str())
                && ![
                    "used",
                    "defined",
                    "implemented",
                    "declared",
                    "called",
                    "word",
                    "string",
                    "text",
                    "term",
                    "all",
                    "occurrences",
                    "everything",
                ]
                .contains(&lower.as_str())
        };
        let identifier = self
            .words()
            .find(|piece| means(piece) && (piece.text.contains('_') || piece.text.contains("::")));
        let run = self
            .pieces
            .split(|piece| !means(piece))
            .rev()
            .max_by_key(|run| run.len());
        let run = identifier.map(std::slice::from_ref).or(run)?;
        let (first, last) = (run.first()?, run.last()?);
        let start = offset(self.text, first.text);
        Some(&self.text[start..offset(self.text, last.text) + last.text.len()])
    }

    /// The text from one piece to before another.
    pub(crate) fn span(&self, from: usize, to: usize) -> Option<&'a str> {
        let pieces = self.pieces.get(from..to)?;
        let (first, last) = (pieces.first()?, pieces.last()?);
        Some(
            &self.text
                [offset(self.text, first.text)..offset(self.text, last.text) + last.text.len()],
        )
    }

    /// The text after the first word of an action, up to the end: what follows "run".
    pub(crate) fn after_action(&self, action: Concept) -> Option<&'a str> {
        let at = self
            .pieces
            .iter()
            .position(|piece| piece.concept == Some(action))?;
        let next = self.pieces.get(at + 1)?;
        let stop = weight(&next.text.to_lowercase()) == 0.0;
        let rest = self.text[offset(self.text, next.text)..]
            .trim_end_matches(['.', '?', '!'])
            .trim();
        (!stop && !rest.is_empty()).then_some(rest)
    }

    /// The text between the first word of an action and the "to", "in" or "into" before a path.
    pub(crate) fn before_target(&self, action: Concept) -> Option<&'a str> {
        let at = self
            .pieces
            .iter()
            .position(|piece| piece.concept == Some(action))?;
        let target = self.pieces.windows(2).position(|pair| {
            ["to", "in", "into"].contains(&pair[0].text.to_lowercase().as_str())
                && (matches!(pair[1].kind, Kind::Path { .. }) || path(pair[1].text).is_some())
        })?;
        self.span(at + 1, target)
    }
}

/// Words for where things are, which are neither folders nor subjects.
const PLACES: &[&str] = &[
    "code",
    "codebase",
    "project",
    "repository",
    "repo",
    "workspace",
    "source",
    "sources",
    "directory",
    "tree",
    "here",
    "detail",
    "general",
    "line",
    "lines",
    "conversation",
    "place",
    "world",
    "use",
];

/// Returns the beginning of a part of a text in it.
fn offset(text: &str, part: &str) -> usize {
    // Both borrow from the one request, so the difference of their addresses is the offset.
    (part.as_ptr() as usize).saturating_sub(text.as_ptr() as usize)
}

#[cfg(test)]
mod tests {
    use crate::request::clauses;

    #[test]
    fn subjects_are_what_to_look_for() {
        for (request, expected) in [
            ("find where the word budget is used", Some("budget")),
            ("search for the retry loop in the code", Some("retry loop")),
            (
                "where is max_delay of the options defined?",
                Some("max_delay"),
            ),
            ("search the code", None),
        ] {
            assert_eq!(clauses(request)[0].subject(), expected, "{request}");
        }
    }

    #[test]
    fn folders_need_not_look_like_paths() {
        for (request, expected) in [
            ("What is in the folder crates?", Some("crates")),
            ("What is in the crates folder?", Some("crates")),
            ("list the files in src", Some("src")),
            ("list the files", None),
            ("list the files in the project", None),
            ("What is a folder?", None),
        ] {
            assert_eq!(clauses(request)[0].bare_folder(), expected, "{request}");
        }
    }
}
