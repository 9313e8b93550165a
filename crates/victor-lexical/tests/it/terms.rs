use proptest::prelude::*;
use victor_lexical::each_term;

fn terms(text: &str) -> Vec<String> {
    let mut terms = Vec::new();
    each_term(text, |term| terms.push(term.to_owned()));
    terms
}

#[track_caller]
fn check(text: &str, expected: &str) {
    assert_eq!(terms(text).join(" "), expected, "{text}");
}

#[test]
fn words_lose_their_endings() {
    check("Cities, city; CITIES!", "citi citi citi");
    check(
        "Flights booked: booking a flight",
        "flight book book flight",
    );
}

#[test]
fn words_without_a_subject_are_left_out() {
    check("What is the weather like where you are?", "weather like");
    check("I don't; you'd; we'll; it's", "");
    check("A", "");
    // In capitals, and as names, they have one.
    check("IT in the US and the U.S., and it's us", "it us u us");
}

#[test]
fn identifiers_are_taken_apart_and_kept() {
    check("getUserName", "get user name getusernam");
    check(
        "user_name user-name userName",
        "user name usernam user name usernam user name usernam",
    );
    check(
        "HTTPServer URLs parseURLs",
        "http server httpserver url pars url parseurl",
    );
    check("base64 4x4", "base 64 base64 4 x 4 4x4");
    check("main.rs v1.2.3", "main rs mainr v 1 2 3 v123");
    check("e-mail email", "e mail email email");
    // What joins nothing is no part of a name.
    check("end. Next -- _private_ 3.", "end next privat 3");
}

#[test]
fn what_is_long_is_no_name() {
    let long = "aB".repeat(40);
    let terms = terms(&long);
    assert!(terms.iter().all(|term| term.len() < 3), "{terms:?}");
    assert_eq!(terms.len(), 40);
}

#[test]
fn every_script_has_terms() {
    check("Größe GRÖSSE", "größe grösse");
    check("e\u{301}te\u{301}", "et");
    check("İSTANBUL ΣΊΣΥΦΟΣ Σίσυφος", "istanbul σίσυφοσ σίσυφοσ");
    check("東京タワー 愛。", "東京 京タ タワ ワー 愛");
    check("iPhone版を買う", "phone iphon 版を を買 買う");
    check("हिन्दी", "हिनदी");
    check("한국어 ไทย", "한국 국어 ไท ทย");
    check("👩‍👩‍👧 … —", "");
}

proptest! {
    #[test]
    fn no_text_is_too_strange(text in "(?s).{0,60}|[a-zA-Z0-9_.\\- \u{301}東ไß]{0,40}") {
        for term in terms(&text) {
            prop_assert!(!term.is_empty());
            prop_assert!(!term.contains(char::is_whitespace), "{term:?}");
            prop_assert!(!term.bytes().any(|byte| byte.is_ascii_uppercase()), "{term:?}");
        }
    }

    #[test]
    fn the_terms_of_lines_are_the_terms_of_the_text(one in "(?s).{0,40}", other in "[ -~]{0,40}") {
        let both = terms(&format!("{one}\n{other}"));
        prop_assert_eq!(both, [terms(&one), terms(&other)].concat());
    }
}
