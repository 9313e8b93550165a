//! Knowledge about English words.

/// The meaning of a word for the choice of a tool, whichever synonym was used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Concept {
    Read,
    List,
    Search,
    Write,
    Edit,
    Delete,
    Move,
    Run,
    Fetch,
    /// A task of the answer and not of the tools: tell, explain, summarise.
    Tell,
    File,
    Folder,
}

impl Concept {
    /// The concept of a stem.
    pub(crate) fn of(stem: &str) -> Option<Self> {
        Some(match stem {
            "read" | "open" | "show" | "view" | "cat" | "print" | "display" | "look" | "load" => {
                Self::Read
            }
            "list" | "ls" | "enumerat" => Self::List,
            "search" | "find" | "grep" | "locat" => Self::Search,
            "writ" | "creat" | "save" | "sav" | "put" | "store" | "stor" | "append" | "add" => {
                Self::Write
            }
            "edit" | "chang" | "replac" | "modifi" | "updat" | "patch" | "fix" => Self::Edit,
            "delet" | "remov" | "rm" | "eras" => Self::Delete,
            "move" | "mov" | "renam" | "copi" | "mv" | "cp" => Self::Move,
            "run" | "execut" | "exec" | "launch" | "start" => Self::Run,
            "fetch" | "download" | "get" | "brows" => Self::Fetch,
            "tell" | "explain" | "summaris" | "summariz" | "describ" | "answer" | "say"
            | "compar" => Self::Tell,
            "fil" | "document" | "filenam" | "filepath" => Self::File,
            "fold" | "folder" | "directori" | "dir" => Self::Folder,
            _ => return None,
        })
    }

    /// Whether it is something to do.
    pub(crate) fn is_action(self) -> bool {
        !matches!(self, Self::File | Self::Folder)
    }

    /// Whether doing it changes the world, so that looking is no substitute for it.
    pub(crate) fn is_change(self) -> bool {
        matches!(
            self,
            Self::Write | Self::Edit | Self::Delete | Self::Move | Self::Run
        )
    }
}

/// Returns the weight of a word in a question: 0 for function words, little for words that are about the asking, 1 for
/// all others.
pub(crate) fn weight(lower: &str) -> f32 {
    if lower.len() < 2 && lower.is_ascii() && !lower.bytes().all(|byte| byte.is_ascii_digit()) {
        return 0.0;
    }
    if STOP_WORDS.binary_search(&lower).is_ok() || FOREIGN.contains(&lower) {
        0.0
    } else if ASKING.binary_search(&lower).is_ok() {
        0.1
    } else {
        1.0
    }
}

/// Words that a greeting or a courtesy is made of.
pub(crate) fn is_courtesy(lower: &str) -> bool {
    [
        "hello",
        "hi",
        "hey",
        "hallo",
        "bonjour",
        "thanks",
        "thank",
        "good",
        "morning",
        "evening",
        "afternoon",
        "day",
        "ok",
    ]
    .contains(&lower)
}

/// Whether a word asks for a thing of a program by its kind, so that the answer likely names an identifier.
pub(crate) fn is_code_noun(stem: &str) -> bool {
    [
        "crat", "modul", "function", "method", "typ", "struct", "trait", "class", "tool",
        "command", "option", "sett", "field", "variabl", "packag", "librari", "fil", "flag",
        "enum", "macro", "key",
    ]
    .contains(&stem)
}

/// Sorted.
const STOP_WORDS: &[&str] = &[
    "a", "about", "after", "again", "all", "also", "am", "an", "and", "any", "are", "as", "at",
    "be", "because", "been", "before", "being", "between", "both", "but", "by", "can", "could",
    "did", "do", "does", "doing", "don", "during", "each", "for", "from", "had", "has", "have",
    "having", "he", "her", "here", "him", "his", "how", "i", "if", "in", "inside", "into", "is",
    "it", "its", "itself", "just", "let", "ll", "may", "me", "might", "more", "most", "must", "my",
    "no", "nor", "not", "now", "of", "off", "on", "once", "one", "ones", "only", "or", "other",
    "our", "out", "over", "own", "please", "re", "same", "she", "should", "so", "some", "such",
    "than", "that", "the", "their", "them", "then", "there", "these", "they", "this", "those",
    "through", "to", "too", "under", "until", "up", "us", "ve", "very", "was", "we", "were",
    "what", "when", "where", "whether", "which", "while", "who", "whom", "whose", "why", "will",
    "with", "within", "without", "would", "you", "your",
];

/// The most frequent function words of German and French; what they are in English says little too.
const FOREIGN: &[&str] = &[
    "wie", "wer", "wo", "wann", "der", "die", "das", "den", "dem", "des", "ein", "eine", "einen",
    "ist", "sind", "steht", "über", "von", "und", "im", "zu", "mit", "für", "auf", "nicht", "les",
    "le", "la", "du", "est", "sont", "que", "qui", "dans", "sur", "une", "un", "quel", "quelle",
    "et", "où", "pour", "il", "elle", "ce",
];

/// Sorted.
const ASKING: &[&str] = &[
    "answer",
    "compare",
    "contain",
    "contains",
    "describe",
    "describes",
    "done",
    "exactly",
    "explain",
    "explains",
    "find",
    "give",
    "happen",
    "happened",
    "happens",
    "know",
    "list",
    "look",
    "mention",
    "mentioned",
    "mentions",
    "open",
    "read",
    "said",
    "say",
    "says",
    "search",
    "show",
    "state",
    "states",
    "summarise",
    "summarize",
    "summary",
    "tell",
    "tells",
    "thing",
    "things",
    "work",
    "works",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_are_sorted() {
        assert!(STOP_WORDS.is_sorted() && ASKING.is_sorted());
    }

    #[test]
    fn concepts_are_found_by_the_stems_of_their_words() {
        let concept = |word: &str| {
            crate::tokens::stems(word)
                .first()
                .and_then(|stem| Concept::of(stem))
        };
        for (words, expected) in [
            ("read reads open show view display", Concept::Read),
            ("list lists listing enumerate", Concept::List),
            ("search searches find grep locate", Concept::Search),
            ("write writing create save stores add", Concept::Write),
            ("edit change replace modify update", Concept::Edit),
            ("delete remove deleting", Concept::Delete),
            ("move rename copy", Concept::Move),
            ("run execute running", Concept::Run),
            (
                "explain summarise summarize describe compare",
                Concept::Tell,
            ),
            ("file files document", Concept::File),
            ("folder folders directory directories dir", Concept::Folder),
        ] {
            for word in words.split(' ') {
                assert_eq!(concept(word), Some(expected), "{word}");
            }
        }
        assert_eq!(concept("weather"), None);
    }
}
