//! Words and their stems.

/// One word of a text.
#[derive(Debug)]
pub(crate) struct Word<'a> {
    /// Stem of the word, in lower case: `retri` for `retry` and `Retries`.
    pub(crate) stem: &'a str,
    /// The word in lower case.
    pub(crate) lower: &'a str,
    /// Position among the words of the text. A compound stands where its first part does.
    pub(crate) position: usize,
    /// Whether it is a compound such as `victor-provider`, whose parts follow as words of their own.
    pub(crate) compound: bool,
}

/// Calls `each` with every word of a text, in order.
///
/// Compounds such as `retry_after`, `docs/notes.md` and `ChatProvider` come whole and then in parts. Scripts without
/// spaces come in pairs of characters. It allocates nothing per word, so that a megabyte takes milliseconds.
pub(crate) fn each_word(text: &str, mut each: impl FnMut(&Word<'_>)) {
    let mut buffers = (String::new(), String::new());
    let mut position = 0;
    let mut rest = text;
    while let Some(begin) = rest.find(char::is_alphanumeric) {
        rest = &rest[begin..];
        let end = end_of_word(rest);
        let raw = &rest[..end];
        rest = &rest[end..];
        if raw.starts_with(is_unspaced) {
            pairs(raw, |pair| {
                each(&Word {
                    stem: pair,
                    lower: pair,
                    position,
                    compound: false,
                });
                position += 1;
            });
            continue;
        }
        let parts = || {
            raw.split(is_joiner)
                .flat_map(humps)
                .filter(|part| !part.is_empty())
        };
        if parts().nth(1).is_some() && !raw.contains(is_apostrophe) {
            lower_into(raw, &mut buffers.0);
            each(&Word {
                stem: &buffers.0,
                lower: &buffers.0,
                position,
                compound: true,
            });
        }
        for part in parts() {
            let (lower, stem) = &mut buffers;
            lower_into(part, lower);
            stem.clear();
            stem.push_str(lower);
            self::stem(stem);
            each(&Word {
                stem,
                lower,
                position,
                compound: false,
            });
            position += 1;
        }
    }
}

/// The stems of the words of a short text, without compounds.
pub(crate) fn stems(text: &str) -> Vec<String> {
    let mut stems = Vec::new();
    each_word(text, |word| {
        if !word.compound {
            stems.push(word.stem.to_owned());
        }
    });
    stems
}

/// Whether a character belongs to a script that puts no spaces between words.
pub(crate) fn is_unspaced(c: char) -> bool {
    matches!(c, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}'
        | '\u{0e00}'..='\u{0eff}' | '\u{20000}'..='\u{3ffff}')
}

fn is_apostrophe(c: char) -> bool {
    matches!(c, '\'' | '’')
}

fn is_joiner(c: char) -> bool {
    matches!(c, '-' | '_' | '.' | '/' | '\\' | ':') || is_apostrophe(c)
}

/// The end of the word with which a text begins: a joiner belongs to it where letters or digits stand on both sides.
fn end_of_word(text: &str) -> usize {
    let mut characters = text.char_indices().peekable();
    let unspaced = text.starts_with(is_unspaced);
    let mut end = 0;
    while let Some((index, c)) = characters.next() {
        let inside = c.is_alphanumeric() && is_unspaced(c) == unspaced;
        let next = characters.peek().map(|(_, next)| *next);
        let joins = !unspaced
            && is_joiner(c)
            && next.is_some_and(|next| {
                (next.is_alphanumeric() && !is_unspaced(next)) || (c == ':' && next == ':')
            });
        if !inside && !joins {
            break;
        }
        end = index + c.len_utf8();
    }
    end
}

/// The pairs of neighbouring characters, or the one character that there is.
fn pairs(run: &str, mut each: impl FnMut(&str)) {
    let mut from = 0;
    let mut previous = None;
    for (index, c) in run.char_indices() {
        if let Some(previous) = previous.replace(index) {
            from = previous;
            each(&run[from..index + c.len_utf8()]);
        }
    }
    if from == 0 && run.chars().nth(1).is_none() {
        each(run);
    }
}

/// Splits `ChatProvider` into `Chat` and `Provider`.
fn humps(word: &str) -> impl Iterator<Item = &str> {
    let mut rest = word;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let mut previous = ' ';
        let split = rest.char_indices().find(|(_, c)| {
            let hump = previous.is_lowercase() && c.is_uppercase();
            previous = *c;
            hump
        });
        let (head, tail) = rest.split_at(split.map_or(rest.len(), |(index, _)| index));
        rest = tail;
        Some(head)
    })
}

fn lower_into(word: &str, buffer: &mut String) {
    buffer.clear();
    if word.is_ascii() {
        buffer.push_str(word);
        buffer.make_ascii_lowercase();
    } else {
        buffer.extend(word.chars().flat_map(char::to_lowercase));
    }
}

/// Cuts the endings of English words, so that forms of one word meet. What remains need not be a word.
fn stem(word: &mut String) {
    if word.len() < 3 || !word.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return;
    }
    if word.ends_with("ies") && word.len() > 4 {
        cut(word, 3, "y");
    } else if ["sses", "xes", "ches", "shes", "zes"]
        .iter()
        .any(|ending| word.ends_with(ending))
    {
        cut(word, 2, "");
    } else if word.ends_with('s')
        && !["ss", "us", "is"]
            .iter()
            .any(|ending| word.ends_with(ending))
    {
        cut(word, 1, "");
    }
    if word.ends_with("ied") && word.len() > 4 {
        cut(word, 3, "y");
    } else if word.ends_with("eed") {
    } else {
        // The least length of what remains keeps `red`, `string` and `user` whole.
        let endings = [
            ("ation", 4),
            ("ure", 4),
            ("ing", 2),
            ("ion", 4),
            ("ly", 3),
            ("ed", 2),
            ("er", 4),
            ("or", 5),
        ];
        if let Some((ending, _)) = endings.iter().find(|(ending, least)| {
            word.strip_suffix(ending)
                .is_some_and(|rest| rest.len() >= *least && has_vowel(rest))
        }) {
            cut(word, ending.len(), "");
        }
    }
    if word.len() > 2 && word.ends_with('e') {
        cut(word, 1, "");
    }
    let bytes = word.as_bytes();
    if let [.., before, last] = bytes
        && before == last
        && word.len() > if *last == b'l' { 5 } else { 3 }
        && !b"aeiou".contains(last)
    {
        cut(word, 1, "");
    }
    if let [.., before, b'y'] = word.as_bytes()
        && !b"aeiou".contains(before)
    {
        cut(word, 1, "i");
    }
}

fn has_vowel(text: &str) -> bool {
    text.contains(['a', 'e', 'i', 'o', 'u', 'y'])
}

fn cut(word: &mut String, length: usize, replacement: &str) {
    word.truncate(word.len() - length);
    word.push_str(replacement);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_one_word_meet() {
        let families = [
            "retry retries retried retrying Retry",
            "fail fails failed failing failure",
            "call calls called calling caller",
            "use uses used using",
            "store stores stored storing",
            "create creates created creating creation",
            "compact compacts compaction compacting",
            "stop stops stopped stopping",
            "run runs running",
            "crate crates",
            "model models modelling",
            "cancel cancels cancelled",
            "provide provides provider providers",
            "process processes processing",
            "try tries tried trying",
            "search searches searched",
            "budget budgets",
        ];
        for family in families {
            let stems = stems(family);
            assert!(
                stems.iter().all(|stem| *stem == stems[0]),
                "{family}: {stems:?}"
            );
        }
    }

    #[test]
    fn different_words_stay_apart() {
        let all = stems(
            "red string user thing need status process use provide retry read reader bring deadline",
        );
        for (index, stem) in all.iter().enumerate() {
            // `read` and `reader` are meant to meet.
            let same = all.iter().filter(|other| *other == stem).count();
            assert!(same == 1 || stem == "read", "{index} {stem}");
        }
    }

    #[track_caller]
    fn check(text: &str, expected: &str) {
        let mut found = Vec::new();
        each_word(text, |word| {
            found.push(format!("{}{}", word.lower, word.position));
        });
        assert_eq!(found.join(" "), expected);
    }

    #[test]
    fn compounds_come_whole_and_in_parts() {
        check(
            "the victor-provider.",
            "the0 victor-provider1 victor1 provider2",
        );
        check("docs/a.md, x", "docs/a.md0 docs0 a1 md2 x3");
        check(
            "ChatProvider::new",
            "chatprovider::new0 chat0 provider1 new2",
        );
        check("What's up - now", "what0 s1 up2 now3");
        check("-- _ . 3.5%", "3.50 30 51");
    }

    #[test]
    fn scripts_without_spaces_come_in_pairs() {
        check("締め切り", "締め0 め切1 切り2");
        check("a締b", "a0 締1 b2");
        check("Größe à Paris", "größe0 à1 paris2");
        check("", "");
    }
}
