//! The laws of tool selection strategies.

use std::sync::Arc;

use futures_util::future::join_all;
use serde_json::{Value, json};
use victor_core::{SessionId, ToolSpec};
use victor_tool_selection_protocol::{SelectionRequest, ToolSelectionStrategy};

use super::{SIDE_BY_SIDE, calm, drop_at_polls};

/// Texts of users, some of them strange.
const TEXTS: [&str; 6] = [
    "Send a mail to Ada and tell her what the weather in Rome will be like",
    "yes, please",
    "",
    " \n\t\0",
    "größe, 東京タワー, हिन्दी, e\u{301}, 👩‍👩‍👧, \u{202e}right to left",
    "get_weather",
];

/// Checks a strategy with many requests and lists of tools.
///
/// A strategy may fail for single ones.
///
/// # Panics
///
/// A law is broken.
pub async fn tool_selection_strategy<S: ToolSelectionStrategy + ?Sized>(strategy: &S) {
    let name = strategy.name().to_owned();
    law!(!name.is_empty(), "a strategy has a name");
    let mut worked = false;
    let long = "one word more ".repeat(1_000);
    for text in TEXTS.into_iter().chain([&*long]) {
        let request = SelectionRequest::new(SessionId::new("conformance"), text);
        for request in [
            request.clone(),
            request.with_limit(2).with_used(["get_weather"]),
        ] {
            for tools in [tools(), tools()[..1].into(), Arc::default()] {
                worked |= check(strategy, &request, &tools).await;
            }
        }
    }
    law!(worked, "a strategy works for some request");
    law!(strategy.name() == name, "the name is always the same");
}

/// Checks one request, and says whether the strategy worked.
async fn check<S>(strategy: &S, request: &SelectionRequest, tools: &Arc<[ToolSpec]>) -> bool
where
    S: ToolSelectionStrategy + ?Sized,
{
    let score = async |tools: &Arc<[ToolSpec]>| calm(strategy.score(request, tools)).await;
    let Ok(scores) = score(tools).await else {
        return false;
    };
    law!(
        scores.len() == tools.len(),
        "there is one score for each tool",
        "{} for {}",
        scores.len(),
        tools.len()
    );
    law!(
        scores
            .iter()
            .all(|score| score.is_finite() && *score >= 0.0),
        "scores are finite and not negative",
        "{scores:?}"
    );
    let same = |again: Result<Vec<f32>, _>| again.is_ok_and(|again| again == scores);
    law!(
        same(score(tools).await),
        "equal requests have equal scores",
        "{request:?}"
    );
    let equal: Arc<[ToolSpec]> = tools.to_vec().into();
    law!(
        same(score(&equal).await),
        "equal lists of tools have equal scores",
        "{request:?}"
    );
    for other in join_all((0..SIDE_BY_SIDE).map(|_| score(tools))).await {
        law!(same(other), "calls side by side are independent");
    }
    drop_at_polls(
        async || score(tools).await,
        async |polls| {
            law!(
                same(score(tools).await),
                "a dropped call leaves nothing behind",
                "after {polls} polls"
            );
        },
    )
    .await;
    true
}

/// Tools of every shape.
pub(super) fn tools() -> Arc<[ToolSpec]> {
    let tool = |name: &str, description: &str, properties: Value| {
        let schema = json!({ "type": "object", "properties": properties });
        ToolSpec::new(name, description, schema)
    };
    let city = json!({ "city": { "type": "string", "description": "The city" } });
    [
        tool("get_weather", "The forecast for a city", city.clone()),
        tool(
            "sendMail",
            "Sends a mail to people",
            json!({ "to": { "type": "array" } }),
        ),
        tool("list-flights", "The flights from a city to another", city),
        tool("x", "", json!({})),
        tool(
            "tower",
            "東京タワーの高さ",
            json!({ "unit": { "enum": ["m", "ft", 3] } }),
        ),
        ToolSpec::new("nothing_known", " \n", Value::Null),
        tool(
            "get_weather_2",
            "The forecast for a city",
            json!({ "days": true }),
        ),
        tool(
            "convert",
            "Converts currencies, such as EUR to USD",
            json!({}),
        ),
    ]
    .into()
}
