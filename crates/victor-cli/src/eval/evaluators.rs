//! Evaluators by the words of a flag.

use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use victor_evaluation::evaluators::{
    Contains, CostWithin, Exact, FilesMatch, JsonMatches, JsonPathMatches, JsonSchemaMatches,
    Judge, LatencyWithin, Numeric, PairwiseJudge, RegexMatches, Similarity, Trajectory,
    TrajectoryMatch,
};
use victor_evaluation::protocol::Evaluator;
use victor_lexical::LexicalEmbedder;
use victor_orchestrator::core::UnknownName;
use victor_orchestrator::provider::NanoDollars;

use super::judge::JudgeModel;

const NAMES: [&str; 14] = [
    "exact",
    "contains",
    "json",
    "numeric",
    "regex",
    "schema",
    "path",
    "trajectory",
    "cost",
    "latency",
    "similarity",
    "files",
    "judge",
    "pairwise",
];

/// An evaluator by its name, and a value where it takes one.
#[derive(Debug, Clone)]
pub(super) struct Choice {
    name: String,
    value: Option<String>,
}

impl FromStr for Choice {
    type Err = UnknownName;

    fn from_str(text: &str) -> Result<Self, UnknownName> {
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value.to_owned())),
            None => (text, None),
        };
        if !NAMES.contains(&name) {
            return Err(UnknownName::new("evaluator", name, NAMES));
        }
        let name = name.to_owned();
        Ok(Self { name, value })
    }
}

impl Choice {
    /// Whether a model judges.
    pub(super) fn asks_a_model(&self) -> bool {
        matches!(&*self.name, "judge" | "pairwise")
    }

    /// Whether the files of a trial are looked at.
    pub(super) fn looks_at_files(&self) -> bool {
        self.name == "files"
    }

    /// Builds the evaluator. Fails if its value is missing or wrong. `model` is the judge, where one is asked.
    pub(super) fn evaluator(
        &self,
        model: Option<&JudgeModel>,
    ) -> anyhow::Result<Arc<dyn Evaluator>> {
        let name = &*self.name;
        let value = || {
            let value = self.value.as_deref();
            value.with_context(|| format!("the evaluator `{name}` needs a value: write {name}=..."))
        };
        let number = |text: &str| {
            let number: Option<f64> = text.parse().ok().filter(|number| *number >= 0.0);
            number.with_context(|| format!("`{name}={text}` needs a number"))
        };
        if let ("exact" | "contains" | "json" | "files", Some(value)) = (name, &self.value) {
            return Err(anyhow!(
                "the evaluator `{name}` takes no value, and `{value}` is one"
            ));
        }
        Ok(match name {
            "exact" => Arc::new(Exact),
            "contains" => Arc::new(Contains),
            "json" => Arc::new(JsonMatches),
            "numeric" => Arc::new(match &self.value {
                Some(tolerance) => Numeric::within(number(tolerance)?),
                None => Numeric::default(),
            }),
            "regex" => Arc::new(
                RegexMatches::new(name, value()?)
                    .with_context(|| format!("`{name}` has no valid pattern"))?,
            ),
            "schema" => Arc::new(schema(value()?.as_ref())?),
            "path" => Arc::new(JsonPathMatches::new(name, value()?)?),
            "trajectory" => Arc::new(Trajectory::new(rule(value()?)?)),
            "similarity" => Arc::new(Similarity::new(
                LexicalEmbedder::default(),
                number(value()?)?,
            )),
            "files" => Arc::new(FilesMatch),
            "judge" | "pairwise" => {
                let model = model.context("a judge needs a model: name one with --judge-model")?;
                let rubric = rubric(value()?)?;
                let (provider, id) = (model.provider.clone(), &model.model);
                match name {
                    "judge" => {
                        Arc::new(Judge::new(name, provider, id, rubric).with_votes(model.votes))
                    }
                    _ => Arc::new(PairwiseJudge::new(name, provider, id, rubric)),
                }
            }
            "cost" => {
                let dollars = NanoDollars::from_dollars(number(value()?)?);
                Arc::new(CostWithin::new(dollars.context("the amount is too large")?))
            }
            _ => {
                let time = Duration::try_from_secs_f64(number(value()?)?);
                Arc::new(LatencyWithin::new(time.context("the time is too long")?))
            }
        })
    }
}

/// Reads a rubric: the text itself, or `@FILE`.
fn rubric(value: &str) -> anyhow::Result<String> {
    let text = match value.strip_prefix('@') {
        Some(path) => {
            std::fs::read_to_string(path).with_context(|| format!("`{path}` cannot be read"))?
        }
        None => value.to_owned(),
    };
    if text.trim().is_empty() {
        return Err(anyhow!("the rubric is empty: say what a good answer is"));
    }
    Ok(text)
}

fn schema(path: &Path) -> anyhow::Result<JsonSchemaMatches> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("`{}` cannot be read", path.display()))?;
    let schema =
        serde_json::from_str(&text).with_context(|| format!("`{}` is no JSON", path.display()))?;
    JsonSchemaMatches::new(&schema)
        .map_err(|error| anyhow!("`{}` is no valid schema: {error}", path.display()))
}

fn rule(name: &str) -> Result<TrajectoryMatch, UnknownName> {
    Ok(match name {
        "strict" => TrajectoryMatch::Strict,
        "unordered" => TrajectoryMatch::Unordered,
        "subset" => TrajectoryMatch::Subset,
        "superset" => TrajectoryMatch::Superset,
        name => {
            return Err(UnknownName::new(
                "trajectory",
                name,
                ["strict", "unordered", "subset", "superset"],
            ));
        }
    })
}
