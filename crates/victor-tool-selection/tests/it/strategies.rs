//! What the strategies that come with the coordinator make of words.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use serde_json::json;
use victor_core::{ModelId, ToolSpec};
use victor_embedding_protocol::{EmbedError, Embedder, Embedding};
use victor_lexical::LexicalEmbedder;
use victor_tool_selection::{Fusion, Hybrid, Keyword, Semantic, ToolSelectionCoordinator};
use victor_tool_selection_protocol::{SelectionError, ToolSelectionStrategy, ToolSelector};

use super::{Told, request};

fn tools() -> Arc<[ToolSpec]> {
    let tool = |name: &str, description: &str, parameter: &str| {
        let values = json!({ "enum": ["celsius", "kelvin"] });
        let properties =
            json!({ parameter: if name == "getWeather" { values } else { json!({}) } });
        ToolSpec::new(name, description, json!({ "properties": properties }))
    };
    [
        tool("sendMail", "Sends a message", "recipient"),
        tool("getWeather", "Tells what it is like outside", "unit"),
        tool("search", "Looks for pages on the web", "phrase"),
    ]
    .into()
}

async fn best(strategy: &dyn ToolSelectionStrategy, text: &str) -> usize {
    let scores = strategy.score(&request(text), &tools()).await.unwrap();
    let mut places: Vec<usize> = (0..scores.len()).collect();
    places.sort_by(|one, other| scores[*other].total_cmp(&scores[*one]));
    places[0]
}

#[tokio::test]
async fn every_strategy_finds_a_tool_by_its_words() {
    let (keyword, semantic) = (Arc::<Keyword>::default(), Arc::<Semantic>::default());
    let hybrid = || Hybrid::new(keyword.clone(), semantic.clone());
    let strategies: [Arc<dyn ToolSelectionStrategy>; 5] = [
        keyword.clone(),
        semantic.clone(),
        Arc::new(hybrid()),
        Arc::new(hybrid().with_fusion(Fusion::Ranks)),
        Arc::new(hybrid().with_alpha(0.0)),
    ];
    for strategy in strategies {
        // By name, by description, by a parameter and by one of its values.
        for (text, expected) in [
            ("the weather", 1),
            ("a web page", 2),
            ("recipients", 0),
            ("in Kelvin", 1),
        ] {
            assert_eq!(
                best(&*strategy, text).await,
                expected,
                "{strategy:?}: {text}"
            );
        }
    }
}

/// Counts the texts that it embeds.
#[derive(Debug, Default)]
struct Counting {
    embedder: LexicalEmbedder,
    texts: AtomicUsize,
}

#[async_trait]
impl Embedder for Counting {
    fn model(&self) -> &ModelId {
        self.embedder.model()
    }

    fn dimensions(&self) -> usize {
        self.embedder.dimensions()
    }

    async fn embed(&self, texts: &[&str]) -> Result<Vec<Embedding>, EmbedError> {
        self.texts.fetch_add(texts.len(), Ordering::Relaxed);
        self.embedder.embed(texts).await
    }
}

#[tokio::test]
async fn a_text_is_embedded_once() {
    let counting = Arc::new(Counting::default());
    let semantic = Semantic::new(counting.clone());
    let score = async |text: &str, tools: &Arc<[ToolSpec]>| {
        semantic.score(&request(text), tools).await.unwrap();
        counting.texts.swap(0, Ordering::Relaxed)
    };
    let tools = tools();
    assert_eq!(score("first", &tools).await, 4);
    assert_eq!(score("first", &tools).await, 0);
    assert_eq!(score("second", &tools.to_vec().into()).await, 1);
    // One tool is changed, one is gone.
    let mut changed = tools[1..].to_vec();
    changed[0].description = "Tells whether it rains".into();
    assert_eq!(score("second", &changed.into()).await, 1);
}

#[tokio::test]
async fn without_meaning_nothing_is_embedded() {
    let counting = Arc::new(Counting::default());
    let semantic = Arc::new(Semantic::new(counting.clone()));
    let hybrid = Hybrid::new(Arc::default(), semantic).with_alpha(-1.0);
    hybrid.score(&request("web"), &tools()).await.unwrap();
    assert_eq!(counting.texts.load(Ordering::Relaxed), 0);
    let meant = request("web").with_hybrid_alpha(1.0);
    hybrid.score(&meant, &tools()).await.unwrap();
    assert!(counting.texts.load(Ordering::Relaxed) > 0);
}

#[test]
fn strategies_have_names_of_their_own() {
    let coordinator = ToolSelectionCoordinator::default();
    assert_eq!(
        coordinator.strategies(),
        ["all", "hybrid", "keyword", "semantic"]
    );
    coordinator.register_strategy(Arc::new(Told)).unwrap();
    coordinator.use_strategy("told").unwrap();
    let duplicate = coordinator.register_strategy(Arc::new(Told)).unwrap_err();
    assert!(matches!(duplicate, SelectionError::DuplicateStrategy(name) if name == "told"));
    let unknown = ToolSelectionCoordinator::builder()
        .strategy("telepathy")
        .build()
        .unwrap_err();
    assert_eq!(
        unknown.to_string(),
        "unknown tool selection strategy `telepathy`; known are `all`, `hybrid`, `keyword` and `semantic`"
    );
    let twice = ToolSelectionCoordinator::builder().register_strategy(Arc::new(Keyword::default()));
    assert!(
        matches!(twice.build(), Err(SelectionError::DuplicateStrategy(name)) if name == "keyword")
    );
}
