//! The tool that reads results which were too long.

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};
use victor_core::{Effect, Part, ToolSpec};
use victor_text::excerpt;
use victor_tool_protocol::{Tool, ToolContext, ToolError, ToolOutput};

use super::stores::Stores;

/// The tool's name.
pub(crate) const READ_RESULT: &str = "read_result";

/// The bytes of a result that are left for the sentence about the page.
const SENTENCE: usize = 200;

/// Gives a page of a result of the same session that was too long for the conversation.
#[derive(Debug)]
pub(crate) struct ReadResult {
    spec: ToolSpec,
    stores: Arc<Stores>,
    max_bytes: usize,
}

impl ReadResult {
    /// `max_output_bytes` is what a result may have, so its pages have a little less.
    pub(crate) fn new(stores: Arc<Stores>, max_output_bytes: usize) -> Self {
        let max_bytes = max_output_bytes.saturating_sub(SENTENCE).max(1);
        let handle = "the handle, as it stands where bytes were left out";
        let schema = json!({
            "type": "object",
            "properties": {
                "handle": { "type": "string", "description": handle },
                "offset": { "type": "integer", "minimum": 0, "description": "the byte to begin at; 0 if absent" },
                "length": { "type": "integer", "minimum": 1, "description": format!(
                    "how many bytes; {max_bytes} if absent, which is the most"
                ) },
            },
            "required": ["handle"],
            "additionalProperties": false,
        });
        let description = "Reads a part of a tool result that was too long, where a remark in the result names a \
            handle.";
        Self {
            spec: ToolSpec::new(READ_RESULT, description, schema).with_effect(Effect::ReadOnly),
            stores,
            max_bytes,
        }
    }
}

#[async_trait]
impl Tool for ReadResult {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(&self, cx: &ToolContext, arguments: Value) -> Result<ToolOutput, ToolError> {
        let handle = arguments["handle"].as_str().unwrap_or_default();
        let offset = arguments["offset"].as_u64().unwrap_or_default();
        let length = arguments["length"]
            .as_u64()
            .map(usize::try_from)
            .map_or(self.max_bytes, |length| {
                length.unwrap_or(usize::MAX).min(self.max_bytes)
            });
        let page = self
            .stores
            .read(&cx.session, handle, offset, length)
            .await
            .map_err(ToolError::unavailable)?;
        let Some(page) = page else {
            return Err(ToolError::NotFound(format!(
                "this conversation keeps no result under the handle `{}`; call the tool again that gave it",
                excerpt(handle, 100)
            )));
        };
        let (from, total) = (page.offset, page.total);
        let to = from + page.text.len() as u64;
        let next = if to < total {
            format!("; go on at offset {to}")
        } else {
            String::new()
        };
        let sentence = format!("\n[bytes {from} to {to} of {total}{next}]");
        Ok(vec![Part::text(page.text), Part::text(sentence)].into())
    }
}
