//! Pools of tools, and queries of which is known what tools they need.

use std::collections::HashMap;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::Value;
use victor_core::ToolSpec;

/// Tools to choose from, and the queries to choose for.
#[derive(Debug)]
pub(crate) struct Pool {
    pub(crate) name: String,
    pub(crate) tools: Vec<ToolSpec>,
    pub(crate) queries: Vec<Query>,
}

#[derive(Debug)]
pub(crate) struct Query {
    pub(crate) text: String,
    /// The places of the tools that it needs.
    pub(crate) expected: Vec<usize>,
}

#[derive(Deserialize)]
struct Line {
    pool: String,
    #[serde(flatten)]
    entry: Entry,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Entry {
    Tool {
        name: String,
        description: String,
        parameters: Value,
    },
    /// A query, with the names of the tools that it expects.
    Query { text: String, expected: Vec<String> },
}

impl Pool {
    /// Reads pools from lines of JSON, where tools stand before the queries that need them.
    pub(crate) fn parse_all(text: &str) -> Result<Vec<Self>> {
        let mut pools: Vec<(Self, HashMap<String, usize>)> = Vec::new();
        for (line, number) in text.lines().zip(1..) {
            let line: Line =
                serde_json::from_str(line).with_context(|| format!("cannot read line {number}"))?;
            let place = pools
                .iter()
                .position(|(pool, _)| pool.name == line.pool)
                .unwrap_or_else(|| {
                    pools.push((Self::new(line.pool), HashMap::new()));
                    pools.len() - 1
                });
            let (pool, places) = &mut pools[place];
            match line.entry {
                Entry::Tool {
                    name,
                    description,
                    parameters,
                } => {
                    places.insert(name.clone(), pool.tools.len());
                    let tool = ToolSpec::new(name, description, parameters);
                    pool.tools.push(tool);
                }
                Entry::Query { text, expected } => {
                    let place = |name| places.get(name).copied();
                    let expected = expected
                        .iter()
                        .map(place)
                        .collect::<Option<Vec<_>>>()
                        .filter(|expected| !expected.is_empty())
                        .with_context(|| format!("line {number} does not expect known tools"))?;
                    pool.queries.push(Query { text, expected });
                }
            }
        }
        Ok(pools.into_iter().map(|(pool, _)| pool).collect())
    }

    fn new(name: String) -> Self {
        Self {
            name,
            tools: Vec::new(),
            queries: Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Pool;

    #[test]
    fn tools_and_queries_come_in_pools() {
        let text = r#"{"type":"tool","pool":"a","name":"x","description":"X","parameters":{"type":"object"}}
            {"type":"tool","pool":"b","name":"x","description":"Y","parameters":{}}
            {"type":"tool","pool":"a","name":"z","description":"Z","parameters":null}
            {"type":"query","pool":"a","text":"q","expected":["z","x"],"candidates":[]}"#;
        let pools = Pool::parse_all(text).expect("lines that can be read");
        let [a, b] = &pools[..] else {
            panic!("two pools: {pools:?}")
        };
        assert_eq!((&*a.name, a.tools.len(), a.queries.len()), ("a", 2, 1));
        assert_eq!((&*b.name, b.tools.len(), b.queries.len()), ("b", 1, 0));
        assert_eq!(a.queries[0].expected, [1, 0]);
        let tool = &a.tools[0];
        assert_eq!((&*tool.name, &*tool.description), ("x", "X"));
        assert_eq!(tool.input_schema["type"], "object");
    }

    #[test]
    fn what_cannot_be_read_is_told_with_its_line() {
        let check = |text: &str, expected: &str| {
            let error = Pool::parse_all(text).expect_err(text).to_string();
            assert_eq!(error, expected);
        };
        check("{}", "cannot read line 1");
        let query = r#"{"type":"query","pool":"a","text":"q","expected":["z"]}"#;
        check(query, "line 1 does not expect known tools");
        let query = r#"{"type":"query","pool":"a","text":"q","expected":[]}"#;
        check(query, "line 1 does not expect known tools");
    }
}
