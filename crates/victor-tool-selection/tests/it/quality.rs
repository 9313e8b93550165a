//! How much of what requests need is found: a floor below which no change may push it.
//!
//! `cargo xtask eval tool-selection` measures the whole of the data of which the last test takes a part.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;
use victor_core::ToolSpec;
use victor_tool_selection::{Hybrid, Keyword, Semantic};
use victor_tool_selection_protocol::ToolSelectionStrategy;

use super::catalogue::{REQUESTS, tools};
use super::request;

/// The share of what was expected that is the first, among the first five, and among the first ten.
type Recalls = [f64; 3];

async fn recalls(
    strategy: &dyn ToolSelectionStrategy,
    tools: &Arc<[ToolSpec]>,
    queries: &[(String, Vec<String>)],
) -> Recalls {
    let mut sums = Recalls::default();
    for (text, expected) in queries {
        let scores = strategy.score(&request(text), tools).await.unwrap();
        let mut best: Vec<usize> = (0..tools.len()).collect();
        best.sort_by(|one, other| scores[*other].total_cmp(&scores[*one]));
        for (sum, cut) in sums.iter_mut().zip([1, 5, 10]) {
            let found = best[..cut]
                .iter()
                .filter(|at| expected.contains(&tools[**at].name));
            *sum += found.count() as f64 / expected.len() as f64;
        }
    }
    sums.map(|sum| sum / queries.len() as f64)
}

/// Asserts that `keyword`, `semantic` and `hybrid` find at least so much.
async fn check(tools: &Arc<[ToolSpec]>, queries: &[(String, Vec<String>)], floors: [Recalls; 3]) {
    let (keyword, semantic) = (Arc::<Keyword>::default(), Arc::<Semantic>::default());
    let hybrid = Hybrid::new(keyword.clone(), semantic.clone());
    let strategies: [&dyn ToolSelectionStrategy; 3] = [&*keyword, &*semantic, &hybrid];
    for (strategy, floor) in strategies.into_iter().zip(floors) {
        let found = recalls(strategy, tools, queries).await;
        let enough = found
            .iter()
            .zip(floor)
            .all(|(found, floor)| *found >= floor);

        assert!(
            enough,
            "{}: found {found:.3?}, floor {floor:.3?}",
            strategy.name()
        );
    }
}

#[tokio::test]
async fn enough_is_found_in_an_office() {
    let queries = REQUESTS.map(|(text, tool)| (text.to_owned(), vec![tool.to_owned()]));
    let floors = [[0.92, 0.97, 1.0], [0.9, 0.97, 1.0], [0.92, 0.97, 1.0]];
    check(&tools(), &queries, floors).await;
}

/// In real catalogues of thousands of tools, for the first hundred queries of each.
#[tokio::test]
async fn enough_is_found_in_large_catalogues() {
    let Some(folder) = std::env::var_os("VICTOR_DATA") else {
        #[expect(
            clippy::print_stderr,
            reason = "a test that tests nothing must not pass silently"
        )]
        {
            eprintln!("SKIPPED: VICTOR_DATA does not name the folder of tool_selection.jsonl");
        }
        return;
    };
    let text = fs::read_to_string(Path::new(&folder).join("tool_selection.jsonl")).unwrap();
    let entries: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let text_of = |entry: &Value, field: &str| entry[field].as_str().unwrap().to_owned();
    for (pool, floors) in [
        (
            "bfcl",
            [[0.70, 0.92, 0.96], [0.70, 0.85, 0.92], [0.72, 0.91, 0.96]],
        ),
        (
            "toolbench",
            [[0.37, 0.80, 0.86], [0.33, 0.69, 0.78], [0.37, 0.78, 0.85]],
        ),
    ] {
        let of = |kind: &'static str| {
            entries
                .iter()
                .filter(move |entry| entry["pool"] == pool && entry["type"] == kind)
        };
        let tool = |entry: &Value| {
            ToolSpec::new(
                text_of(entry, "name"),
                text_of(entry, "description"),
                entry["parameters"].clone(),
            )
        };
        let query = |entry: &Value| {
            let expected = entry["expected"]
                .as_array()
                .unwrap()
                .iter()
                .map(|name| name.as_str().unwrap().to_owned());
            (text_of(entry, "text"), expected.collect())
        };
        let queries: Vec<_> = of("query").take(100).map(query).collect();
        check(&of("tool").map(tool).collect(), &queries, floors).await;
    }
}
