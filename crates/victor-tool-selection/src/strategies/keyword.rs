//! By words.

use std::sync::Arc;

use async_trait::async_trait;
use tokio::task::yield_now;
use victor_core::ToolSpec;
use victor_lexical::Bm25;
use victor_tool_selection_protocol::{SelectionError, SelectionRequest, ToolSelectionStrategy};

use crate::lists::PerList;
use crate::texts::parameter_words;

/// Weight of a word in a tool's name beside one in its description.
const NAME_WEIGHT: f32 = 2.0;

/// After so many tools others may run: some tenths of a millisecond.
const BREATH: usize = 32;

/// The strategy `keyword`: the words that the request shares with a tool's name, description and parameters, by the
/// ranking function [`Bm25`].
///
/// A list of tools is indexed when it is first asked about, at some microseconds a tool; the indices of the lists that
/// were asked about last are kept.
#[derive(Debug, Default)]
pub struct Keyword {
    indices: PerList<Bm25>,
}

impl Keyword {
    /// The strategy's name.
    pub const NAME: &str = "keyword";
}

#[async_trait]
impl ToolSelectionStrategy for Keyword {
    fn name(&self) -> &str {
        Self::NAME
    }

    async fn score(
        &self,
        request: &SelectionRequest,
        tools: &Arc<[ToolSpec]>,
    ) -> Result<Vec<f32>, SelectionError> {
        let index = self.indices.of(tools);
        let index = index.get_or_init(|| index_of(tools)).await;
        Ok(index.scores(&request.text))
    }
}

async fn index_of(tools: &[ToolSpec]) -> Bm25 {
    let mut index = Bm25::default();
    for some in tools.chunks(BREATH) {
        for tool in some {
            let parameters = parameter_words(tool);
            index.add_fields([
                (&*tool.name, NAME_WEIGHT),
                (&*tool.description, 1.0),
                (&*parameters, 1.0),
            ]);
        }
        yield_now().await;
    }
    index
}
