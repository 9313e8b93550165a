//! The stemmer of M. F. Porter, "An algorithm for suffix stripping", Program 14(3), 1980.
//!
//! It takes endings off English words, step by step, as long as enough of the word is left. What is enough is counted
//! in *measure*: how often a run of vowels is followed by one of consonants.

/// A step that replaces one of several endings. The first that fits decides, so longer ones come first.
type Endings = [(&'static str, &'static str)];

const STEP_2: &Endings = &[
    ("ational", "ate"),
    ("ization", "ize"),
    ("iveness", "ive"),
    ("fulness", "ful"),
    ("ousness", "ous"),
    ("tional", "tion"),
    ("biliti", "ble"),
    ("entli", "ent"),
    ("ousli", "ous"),
    ("ation", "ate"),
    ("alism", "al"),
    ("aliti", "al"),
    ("iviti", "ive"),
    ("enci", "ence"),
    ("anci", "ance"),
    ("izer", "ize"),
    ("abli", "able"),
    ("alli", "al"),
    ("ator", "ate"),
    ("eli", "e"),
];

const STEP_3: &Endings = &[
    ("icate", "ic"),
    ("ative", ""),
    ("alize", "al"),
    ("iciti", "ic"),
    ("ical", "ic"),
    ("ness", ""),
    ("ful", ""),
];

const STEP_4: &Endings = &[
    ("ement", ""),
    ("ance", ""),
    ("ence", ""),
    ("able", ""),
    ("ible", ""),
    ("ment", ""),
    ("ant", ""),
    ("ent", ""),
    ("ion", ""),
    ("ism", ""),
    ("ate", ""),
    ("iti", ""),
    ("ous", ""),
    ("ive", ""),
    ("ize", ""),
    ("al", ""),
    ("er", ""),
    ("ic", ""),
    ("ou", ""),
];

/// Leaves the stem of an English word in lower case. Words of one or two letters, and those with other than the letters
/// `a` to `z`, stay as they are.
pub(crate) fn stem(word: &mut String) {
    if word.len() > 2 && word.bytes().all(|byte| byte.is_ascii_lowercase()) {
        plurals(word);
        past_and_progressive(word);
        if let Some(rest) = word.strip_suffix('y')
            && has_vowel(rest)
        {
            cut(word, 1, "i");
        }
        replace(word, STEP_2, |rest, _| measure(rest) > 0);
        replace(word, STEP_3, |rest, _| measure(rest) > 0);
        replace(word, STEP_4, |rest, ending| {
            measure(rest) > 1 && (ending != "ion" || rest.ends_with(['s', 't']))
        });
        last_letters(word);
    }
}

/// Step 1a.
fn plurals(word: &mut String) {
    if word.ends_with("sses") || word.ends_with("ies") {
        cut(word, 2, "");
    } else if word.ends_with('s') && !word.ends_with("ss") {
        cut(word, 1, "");
    }
}

/// Step 1b.
fn past_and_progressive(word: &mut String) {
    if let Some(rest) = word.strip_suffix("eed") {
        if measure(rest) > 0 {
            cut(word, 1, "");
        }
        return;
    }
    let rest = word.strip_suffix("ed").or(word.strip_suffix("ing"));
    let Some(rest) = rest.filter(|rest| has_vowel(rest)) else {
        return;
    };
    let length = rest.len();
    word.truncate(length);
    if word.ends_with("at") || word.ends_with("bl") || word.ends_with("iz") {
        word.push('e');
    } else if ends_double(word) && !word.ends_with(['l', 's', 'z']) {
        word.pop();
    } else if measure(word) == 1 && ends_short(word) {
        word.push('e');
    }
}

/// Step 5.
fn last_letters(word: &mut String) {
    if let Some(rest) = word.strip_suffix('e') {
        let measure = measure(rest);
        if measure > 1 || (measure == 1 && !ends_short(rest)) {
            word.pop();
        }
    }
    if word.ends_with("ll") && measure(word) > 1 {
        word.pop();
    }
}

/// Replaces the first of the endings that the word has, if what is before it is `enough`.
fn replace(word: &mut String, endings: &Endings, enough: impl Fn(&str, &str) -> bool) {
    // Most endings differ in the last letter, and to see that is far cheaper than a comparison.
    let last = word.as_bytes().last();
    let fits =
        |(ending, _): &&(&str, &str)| ending.as_bytes().last() == last && word.ends_with(ending);
    if let Some((ending, replacement)) = endings.iter().find(fits)
        && enough(&word[..word.len() - ending.len()], ending)
    {
        cut(word, ending.len(), replacement);
    }
}

/// Puts something in the place of the last letters.
fn cut(word: &mut String, letters: usize, replacement: &str) {
    word.truncate(word.len() - letters);
    word.push_str(replacement);
}

/// Whether each letter is a consonant. A `y` is one at the beginning and after a vowel.
fn consonants(word: &str) -> impl Iterator<Item = bool> {
    word.bytes().scan(false, |before, letter| {
        *before = match letter {
            b'a' | b'e' | b'i' | b'o' | b'u' => false,
            b'y' => !*before,
            _ => true,
        };
        Some(*before)
    })
}

/// Counts how often a vowel is followed by a consonant.
fn measure(word: &str) -> usize {
    let after = consonants(word).skip(1);
    consonants(word)
        .zip(after)
        .filter(|(one, next)| !one && *next)
        .count()
}

fn has_vowel(word: &str) -> bool {
    consonants(word).any(|consonant| !consonant)
}

/// Whether the last two letters are the same consonant.
fn ends_double(word: &str) -> bool {
    let letters = word.as_bytes();
    letters.len() > 1
        && letters[letters.len() - 2] == letters[letters.len() - 1]
        && consonants(word).last() == Some(true)
}

/// Whether the last three letters are consonant, vowel, consonant, the last none of `w`, `x` and `y`.
fn ends_short(word: &str) -> bool {
    let before = word.len().saturating_sub(3);
    word.len() > 2
        && consonants(word).skip(before).eq([true, false, true])
        && !word.ends_with(['w', 'x', 'y'])
}

#[cfg(test)]
mod tests {
    use super::stem;

    #[test]
    fn endings_are_taken_off() {
        let check = |words: &str, expected: &str| {
            let stems = words.split(' ').map(|word| {
                let mut word = word.to_owned();
                stem(&mut word);
                word
            });
            assert_eq!(stems.collect::<Vec<_>>().join(" "), expected);
        };
        // Each step, where it applies and where too little of the word would be left.
        check(
            "caresses ponies ties caress cats",
            "caress poni ti caress cat",
        );
        check(
            "feed agreed plastered bled motoring sing",
            "feed agre plaster bled motor sing",
        );
        check(
            "conflated troubled sized hopping falling",
            "conflat troubl size hop fall",
        );
        check(
            "hissing failing filing happy sky",
            "hiss fail file happi sky",
        );
        check(
            "relational rational valency digitizer",
            "relat ration valenc digit",
        );
        check(
            "vietnamization feudalism callousness",
            "vietnam feudal callous",
        );
        check(
            "triplicate formative electricity goodness",
            "triplic form electr good",
        );
        check(
            "revival adoption replacement effective",
            "reviv adopt replac effect",
        );
        check(
            "probate rate cease controlling roll",
            "probat rate ceas control roll",
        );
        check("syzygy yyyy by", "syzygi yyyi by");
        // No English words, or too short.
        check("größer b2b is a \u{e9}s", "größer b2b is a \u{e9}s");
    }
}
