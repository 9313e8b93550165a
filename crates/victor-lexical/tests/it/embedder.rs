use victor_embedding_protocol::Embedder;
use victor_lexical::LexicalEmbedder;
use victor_testkit::conformance;

fn cosine(one: &str, other: &str) -> f32 {
    let embedder = LexicalEmbedder::default();
    let (one, other) = (embedder.vector(one), embedder.vector(other));
    one.cosine(&other).expect("vectors of the same dimension")
}

#[tokio::test]
async fn it_keeps_the_laws_of_embedders() {
    conformance::embedder(&LexicalEmbedder::default()).await;
}

#[tokio::test]
async fn a_vector_has_length_1_or_0() {
    let embedder = LexicalEmbedder::default();
    let found = embedder
        .embed(&["fox", "Red foxes, größer!", "", "of the", "…"])
        .await;
    let norms = found
        .expect("vectors")
        .into_iter()
        .map(|vector| vector.norm());
    for (norm, expected) in norms.zip([1.0, 1.0, 0.0, 0.0, 0.0]) {
        assert!((norm - expected).abs() < 1e-6, "{norm}");
    }
}

#[test]
fn texts_that_share_words_or_parts_of_words_are_alike() {
    #[track_caller]
    fn closer(text: &str, one: &str, other: &str) {
        let (one, other) = (cosine(text, one), cosine(text, other));
        assert!(one > other + 0.05, "{text}: {one} {other}");
    }
    closer("red fox", "a fox that is red", "red car");
    closer("red fox", "red car", "blue whale");
    closer(
        "the currencies of Europe",
        "convertCurrency",
        "listCountries",
    );
    closer("recieve", "receive", "deliver");
    closer("東京タワー", "東京の塔", "大阪城");
    // Often is more than once, and less than so many times as much.
    closer("fox fox fox fox car", "fox", "car");
    assert!((cosine("fox fox", "FOXES") - 1.0).abs() < 1e-6);
    assert!(cosine("fox fox fox fox car", "fox car") > 0.9);
}

/// Who has kept vectors compares them with new ones, so they may change only together with the name.
#[test]
fn a_vector_is_the_same_everywhere() {
    let embedder = LexicalEmbedder::default();
    assert_eq!(embedder.model().as_str(), "victor-lexical-1");
    let vector = embedder.vector("fox");
    let places: Vec<_> = vector
        .values()
        .iter()
        .enumerate()
        .filter(|(_, value)| **value != 0.0)
        .map(|(place, value)| format!("{place}:{value:.3}"))
        .collect();
    assert_eq!(places.join(" "), "265:0.408 561:-0.707 573:0.408 818:0.408");
}
