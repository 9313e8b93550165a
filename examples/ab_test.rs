//! Compares two variants of the settings on real conversations: each session has one variant, for ever.
//!
//! ```sh
//! cargo run -p examples --example ab_test
//! ```

use std::collections::BTreeMap;

use async_trait::async_trait;
use serde_json::{Value, json};
use victor_offline::OfflineModel;
use victor_orchestrator::AgentOrchestrator;
use victor_orchestrator::config::{ConfigError, ConfigMap, ConfigProvider};
use victor_orchestrator::core::SessionId;
use victor_workspace_tools::WorkspaceTools;

/// An experiment: variants of the settings, with their shares of the sessions.
#[derive(Debug)]
struct Experiment {
    name: &'static str,
    variants: [(&'static str, u64, Value); 2],
}

impl Experiment {
    /// Returns the variant of a session. It follows from the two names alone, so that every process and every version
    /// of the program agrees, and another experiment divides the sessions in another way.
    fn variant(&self, session: &SessionId) -> &(&'static str, u64, Value) {
        let total: u64 = self.variants.iter().map(|(_, share, _)| share).sum();
        let mut place = hash(&format!("{}/{session}", self.name)) % total;
        let mut variants = self.variants.iter();
        let found = variants.find(|(_, share, _)| {
            let is_here = place < *share;
            place = place.saturating_sub(*share);
            is_here
        });
        found.unwrap_or(&self.variants[0])
    }
}

/// FNV-1a, and a last step that spreads what similar names have in common. The standard library's hasher promises no
/// value that stays.
fn hash(text: &str) -> u64 {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let hash = (hash ^ (hash >> 33)).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^ (hash >> 33)
}

#[async_trait]
impl ConfigProvider for Experiment {
    fn name(&self) -> &str {
        self.name
    }

    async fn get_config(&self, session: &SessionId) -> Result<ConfigMap, ConfigError> {
        let (variant, _, values) = self.variant(session);
        let mut config = values.as_object().cloned().unwrap_or_default();
        // The name of the variant goes with the settings, for whoever evaluates the experiment.
        config.insert(
            "extra".to_owned(),
            json!({ "experiments": { self.name: variant } }),
        );
        Ok(config)
    }
}

fn experiment() -> Experiment {
    Experiment {
        name: "fewer-tools",
        variants: [
            ("control", 80, json!({ "tool_selection_limit": 0 })), // all tools
            ("two", 20, json!({ "tool_selection_limit": 2 })),
        ],
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let orchestrator = AgentOrchestrator::builder()
        .provider(OfflineModel::new())
        .tools(WorkspaceTools::open(folder.path())?.tools())
        .config_provider(experiment())
        .build()?;

    // Shares of many sessions, and the stability of the assignment.
    let count = (0..10_000)
        .filter(|n| experiment().variant(&SessionId::new(format!("user-{n}"))).0 == "two")
        .count();
    println!(
        "Sessions with the variant `two`, of 10000: about {}%",
        (count + 50) / 100
    );
    for session in ["user-1", "user-2", "user-4"] {
        println!(
            "{session} always has `{}`",
            experiment().variant(&session.into()).0
        );
    }

    // Forty conversations, and their cost by variant.
    let mut cost = BTreeMap::<String, (u64, u64)>::new();
    for number in 0..40 {
        let session = orchestrator.session(format!("user-{number}"));
        let response = session.chat("Which files are here?").await?;
        let config = orchestrator
            .config_coordinator()
            .load_config(session.id())
            .await?;
        let variant = config.get("experiments.fewer-tools").unwrap_or_default();
        let (turns, tokens) = cost
            .entry(variant.as_str().unwrap_or_default().to_owned())
            .or_default();
        *turns += 1;
        *tokens += response.usage.input_tokens();
    }
    for (variant, (turns, tokens)) in &cost {
        println!("{variant}: {} input tokens a turn", tokens / turns);
    }
    let average = |variant: &str| {
        cost.get(variant)
            .map_or(0, |(turns, tokens)| tokens / turns)
    };
    println!(
        "The variant `two` is cheaper: {}",
        average("two") < average("control")
    );
    Ok(())
}
