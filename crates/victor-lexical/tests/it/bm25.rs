use proptest::prelude::*;
use victor_lexical::{Bm25, Bm25Parameters, Hit};

fn index(parameters: Bm25Parameters, documents: &[&str]) -> Bm25 {
    let mut index = Bm25::new(parameters);
    for (number, document) in documents.iter().enumerate() {
        assert_eq!(index.add(document), number);
    }
    index
}

/// Asserts which documents are found, in which order.
#[track_caller]
fn finds(documents: &[&str], query: &str, expected: &[usize]) {
    let hits = index(Bm25Parameters::default(), documents).top(query, usize::MAX);
    let found: Vec<usize> = hits.iter().map(|hit| hit.document).collect();
    assert_eq!(found, expected, "{query}");
}

#[test]
fn a_score_is_what_the_formula_says() {
    let index = index(
        Bm25Parameters::default(),
        &["red red fox", "blue whale song sung"],
    );
    // Lengths 3 and 4, 3.5 on average; each term is in one of two documents.
    let idf = 2.0_f32.ln();
    let norm = 1.2 * (0.25 + 0.75 * 3.0 / 3.5);
    let red = idf * 2.2 * 2.0 / (2.0 + norm);
    let fox = idf * 2.2 / (1.0 + norm);
    for (query, expected) in [
        ("red", red),
        ("red fox", red + fox),
        ("fox foxes red", red + 2.0_f32.sqrt() * fox),
    ] {
        let scores = index.scores(query);
        assert!(
            (scores[0] - expected).abs() < 1e-5,
            "{query}: {scores:?}, {expected}"
        );
        assert_eq!(scores[1], 0.0);
    }
}

#[test]
fn what_is_relevant_comes_first() {
    finds(&["a fox", "a whale"], "whales", &[1]);
    // More of the query, more often, in a shorter text, by the rarer word.
    finds(&["red car", "red fox", "green car"], "red fox", &[1, 0]);
    finds(&["fox cat cow dog", "fox fox cow dog"], "fox", &[1, 0]);
    finds(&["fox cat cow dog", "fox cat"], "fox", &[1, 0]);
    finds(&["car one", "car two", "fox six"], "fox or car", &[2, 0, 1]);
    // A word that all have still counts.
    finds(&["fox", "fox", "fox"], "fox", &[0, 1, 2]);
    finds(&["fox"], "the", &[]);
    finds(&[], "fox", &[]);
    finds(&["", "fox"], "fox", &[1]);
}

#[test]
fn parameters_say_what_counts() {
    let scores =
        |k1, b, documents: &[&str]| index(Bm25Parameters { k1, b }, documents).scores("fox");
    let often = ["fox fox fox cow", "fox cat dog cow"];
    let long = ["fox", "fox cat dog cow"];
    let found = scores(0.0, 0.75, &often);
    assert_eq!(found[0], found[1], "with k1 of 0 once is as good as often");
    let found = scores(1.2, 0.0, &long);
    assert_eq!(
        found[0], found[1],
        "with b of 0 length is not held against a document"
    );
    let share = |found: Vec<f32>| found[0] / found[1];
    assert!(share(scores(3.0, 0.75, &often)) > share(scores(1.0, 0.75, &often)));
    assert!(share(scores(1.2, 1.0, &long)) > share(scores(1.2, 0.5, &long)));
}

#[test]
fn fields_weigh_as_if_they_were_repeated() {
    let mut fields = Bm25::default();
    fields.add_fields([
        ("red", 2.0),
        ("fox", 1.0),
        ("whale", 0.0),
        ("cow", f32::NAN),
    ]);
    fields.add("red fox");
    let repeated = index(Bm25Parameters::default(), &["red red fox", "red fox"]);
    for query in ["red", "fox", "whale", "cow"] {
        assert_eq!(fields.scores(query), repeated.scores(query), "{query}");
    }
}

#[test]
fn rare_terms_say_more() {
    let mut index = Bm25::default();
    assert!(index.is_empty() && index.idf("fox").is_finite());
    for text in ["red fox", "red car", "red whale", "blue car"] {
        index.add(text);
    }
    assert_eq!(index.len(), 4);
    let idfs = ["red", "car", "fox", "cow"].map(|term| index.idf(term));
    assert!(
        idfs[0] > 0.0 && idfs.is_sorted_by(|one, next| one < next),
        "{idfs:?}"
    );
}

proptest! {
    #[test]
    fn the_top_is_the_beginning_of_all_sorted(
        documents in prop::collection::vec("([a-e] ){0,6}", 0..12), query in "([b-f] ){0,5}", count in 0..14_usize,
    ) {
        let documents: Vec<&str> = documents.iter().map(String::as_str).collect();
        let index = index(Bm25Parameters::default(), &documents);
        let scores = index.scores(&query);
        prop_assert_eq!(scores.len(), documents.len());
        let mut expected: Vec<Hit> = scores.iter().enumerate().map(|(document, score)| Hit { document, score: *score }).collect();
        expected.retain(|hit| hit.score > 0.0);
        expected.sort_by(|one, other| other.score.total_cmp(&one.score));
        expected.truncate(count);
        prop_assert_eq!(index.top(&query, count), expected);
        for (document, score) in documents.iter().zip(scores) {
            let shares = query.split_whitespace().any(|word| document.contains(word) && word != "d");
            prop_assert_eq!(score > 0.0, shares, "{}: {}", document, score);
        }
    }
}
