use std::sync::Arc;

use async_trait::async_trait;
use victor_core::ToolSpec;
use victor_testkit::conformance;
use victor_tool_selection_protocol::{SelectionError, SelectionRequest, ToolSelectionStrategy};

use super::{Bug, breaks};

/// The longer the description, the better.
#[derive(Debug)]
struct Wordy(Bug);

#[async_trait]
impl ToolSelectionStrategy for Wordy {
    fn name(&self) -> &str {
        if self.0.is("nameless") {
            ""
        } else {
            self.0.changes("fickle name", ["wordy", "terse"])
        }
    }

    async fn score(
        &self,
        _request: &SelectionRequest,
        tools: &Arc<[ToolSpec]>,
    ) -> Result<Vec<f32>, SelectionError> {
        let wrong = self.0.shows().await;
        let length = |tool: &ToolSpec| tool.description.len() as f32;
        let mut scores: Vec<f32> = tools.iter().map(length).collect();
        match self.0.name {
            "fails" => return Err(SelectionError::new("bug")),
            "counts wrong" => scores.push(1.0),
            "is infinite" => scores.fill(f32::INFINITY),
            "is negative" => scores.fill(-1.0),
            "goes by address" => scores.fill((tools.as_ptr() as usize & 0xf_ffff) as f32),
            _ if wrong => scores.fill(0.0),
            _ => {}
        }
        Ok(scores)
    }
}

#[tokio::test]
async fn a_right_strategy_passes() {
    conformance::tool_selection_strategy(&Wordy(Bug::new("none"))).await;
}

#[tokio::test]
async fn each_law_can_be_broken() {
    for (bug, law) in [
        ("nameless", "a strategy has a name"),
        ("fails", "a strategy works for some request"),
        ("panics", "no call panics"),
        ("counts wrong", "there is one score for each tool"),
        ("is infinite", "scores are finite and not negative"),
        ("is negative", "scores are finite and not negative"),
        ("every other call", "equal requests have equal scores"),
        ("goes by address", "equal lists of tools have equal scores"),
        ("side by side", "calls side by side are independent"),
        ("after a drop", "a dropped call leaves nothing behind"),
        ("fickle name", "the name is always the same"),
    ] {
        breaks(
            law,
            conformance::tool_selection_strategy(&Wordy(Bug::new(bug))),
        )
        .await;
    }
}
