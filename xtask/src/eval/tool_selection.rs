//! `cargo xtask eval tool-selection`: how much of what queries need is found among many tools.

mod catalogue;
mod methods;
mod score;

use std::fs;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result};

use catalogue::Pool;
use methods::{METHODS, Prepared, ranking};
use score::Score;

/// Prints for each pool of tools how much of what its queries need each method finds.
pub(crate) fn tool_selection(data: &Path) -> Result<()> {
    let path = data.join("tool_selection.jsonl");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {path:?}"))?;
    println!("pool       method                R@1   R@5  R@10   MRR  ms/query");
    for pool in Pool::parse_all(&text)? {
        let prepared = Prepared::new(&pool.tools);
        for (name, method) in METHODS {
            let start = Instant::now();
            let mut score = Score::default();
            for query in &pool.queries {
                let ranking = ranking(&method(&prepared, &query.text));
                score.add(&ranking, &query.expected);
            }
            let time = start.elapsed().as_secs_f64() * 1e3 / pool.queries.len() as f64;
            println!("{:10} {name:20} {score} {time:9.3}", pool.name);
        }
    }
    Ok(())
}
