//! What holds for every text.

use proptest::prelude::*;
use victor_context_protocol::TokenCounter;
use victor_tiktoken::{Encoding, TiktokenCounter};

const ALL: [Encoding; 3] = [
    Encoding::Cl100kBase,
    Encoding::O200kBase,
    Encoding::O200kHarmony,
];

#[test]
fn every_counter_keeps_the_laws() {
    for encoding in ALL {
        victor_testkit::conformance::token_counter(&TiktokenCounter::new(encoding));
    }
}

#[test]
fn counters_that_count_differently_have_different_names() {
    let names = ALL.map(|encoding| TiktokenCounter::new(encoding).name().to_owned());
    assert!(names[0] != names[1] && names[1] != names[2] && names[0] != names[2]);
    for (encoding, name) in ALL.iter().zip(&names) {
        assert_eq!(*name, format!("tiktoken/{}", encoding.name()));
    }
}

/// What stands on either side of the places where a long text may be cut.
const FRAGMENTS: [&str; 24] = [
    "word", "Word", "can't", "x", "42", "1234", "é", "中文", "🙂", "e\u{301}", "'s", "!", "...",
    "/", " ", "  ", "\t", "\u{3000}", "\u{a0}", "\n", "\r\n", " \n", "\n\n", "\u{85}",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// The witness is the tokenizer itself, which takes the text as a whole.
    #[test]
    fn a_long_text_is_counted_as_a_whole(
        fragments in prop::collection::vec(prop::sample::select(&FRAGMENTS[..]), 8_000..16_000),
    ) {
        let text = fragments.concat();
        for encoding in [Encoding::Cl100kBase, Encoding::O200kBase] {
            let whole = tiktoken::get_encoding(encoding.name()).unwrap().count(&text);
            prop_assert_eq!(TiktokenCounter::new(encoding).count_text(&text) as usize, whole);
        }
    }
}
