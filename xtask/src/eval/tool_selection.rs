//! `cargo xtask eval tool-selection`: how much of what queries need is found among many tools.

mod catalogue;
mod score;

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, Result};
use victor_core::{SessionId, ToolSpec};
use victor_tool_selection::{Fusion, Hybrid, Keyword, Semantic};
use victor_tool_selection_protocol::{SelectionRequest, ToolSelectionStrategy};

use catalogue::{Pool, Query};
use score::Score;

/// Prints for each pool of tools how much of what its queries need each strategy finds.
pub(crate) fn tool_selection(data: &Path) -> Result<()> {
    let path = data.join("tool_selection.jsonl");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {path:?}"))?;
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    println!("pool       strategy              R@1   R@5  R@10   MRR  ms/query  ms/index");
    for pool in Pool::parse_all(&text)? {
        let tools = pool.tools.into();
        for (name, strategy) in strategies()? {
            let row = runtime.block_on(measure(&tools, &pool.queries, &*strategy))?;
            println!("{:10} {name:20} {row}", pool.name);
        }
    }
    Ok(())
}

/// The strategies that are measured, by name.
fn strategies() -> Result<Vec<(&'static str, Arc<dyn ToolSelectionStrategy>)>> {
    let keyword = Arc::new(Keyword::default());
    let mut strategies: Vec<(_, Arc<dyn ToolSelectionStrategy>)> = Vec::new();
    strategies.push(("keyword", keyword.clone()));
    let lexical = (
        Semantic::default(),
        ["semantic", "hybrid", "hybrid by ranks"],
    );
    for (semantic, [semantic_name, hybrid_name, ranks_name]) in
        [lexical].into_iter().chain(minilm()?)
    {
        let semantic = Arc::new(semantic);
        let hybrid = || Hybrid::new(keyword.clone(), semantic.clone());
        strategies.push((semantic_name, semantic.clone()));
        strategies.push((hybrid_name, Arc::new(hybrid())));
        strategies.push((ranks_name, Arc::new(hybrid().with_fusion(Fusion::Ranks))));
    }
    Ok(strategies)
}

/// A semantic strategy, its name, and those of the hybrid ones that are built on it.
type Named = (Semantic, [&'static str; 3]);

/// The model in the folder that `VICTOR_MINILM` names, if it does.
#[cfg(feature = "minilm")]
fn minilm() -> Result<Option<Named>> {
    let Some(folder) = std::env::var_os("VICTOR_MINILM") else {
        return Ok(None);
    };
    let embedder = victor_local_embedding::LocalEmbedder::load(folder)?;
    let names = ["semantic, minilm", "hybrid, minilm", "by ranks, minilm"];
    Ok(Some((Semantic::new(Arc::new(embedder)), names)))
}

#[cfg(not(feature = "minilm"))]
fn minilm() -> Result<Option<Named>> {
    Ok(None)
}

/// Measures the share that a strategy finds, and the time of a query and, before the first, of the list of tools.
async fn measure(
    tools: &Arc<[ToolSpec]>,
    queries: &[Query],
    strategy: &dyn ToolSelectionStrategy,
) -> Result<String> {
    let request = |text: &str| SelectionRequest::new(SessionId::default(), text);
    let start = Instant::now();
    strategy.score(&request(""), tools).await?;
    let index = start.elapsed().as_secs_f64() * 1e3;

    let start = Instant::now();
    let mut score = Score::default();
    for query in queries {
        let scores = strategy.score(&request(&query.text), tools).await?;
        score.add(&ranking(&scores), &query.expected);
    }
    let each = start.elapsed().as_secs_f64() * 1e3 / queries.len() as f64;
    Ok(format!("{score} {each:9.3} {index:9.1}"))
}

/// The places of scores, the highest first; of equals, the first.
fn ranking(scores: &[f32]) -> Vec<usize> {
    let mut places: Vec<usize> = (0..scores.len()).collect();
    places.sort_by(|one, other| scores[*other].total_cmp(&scores[*one]));
    places
}

#[cfg(test)]
mod tests {
    use super::ranking;

    #[test]
    fn equals_keep_their_order() {
        assert_eq!(ranking(&[0.5, 2.0, 0.5, -1.0, 2.0]), [1, 4, 0, 2, 3]);
    }
}
