//! The crate through its public API.

use victor_lexical::{Bm25, each_term};

#[test]
fn texts_have_terms() {
    let check = |text: &str, expected: &str| {
        let mut terms = Vec::new();
        each_term(text, |term| terms.push(term.to_owned()));
        assert_eq!(terms.join(" "), expected, "{text}");
    };
    check("getUserName", "get user name");
    check("parse_URLs-fast HTTPServer2", "pars url fast http server 2");
    check("東京タワー", "東京 京タ タワ ワー");
}

#[test]
fn equals_are_found_in_their_order() {
    let mut index = Bm25::default();
    for text in ["a red fox", "a blue fox", "a red fox", "a red red fox"] {
        index.add(text);
    }
    let found: Vec<_> = index.top("red", 3).iter().map(|hit| hit.document).collect();
    assert_eq!(found, [3, 0, 2]);
}
