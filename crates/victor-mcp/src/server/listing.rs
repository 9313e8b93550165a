//! Our tools and results, as MCP has them.

use std::sync::Arc;

use rmcp::model::{CallToolResult, ContentBlock, ResourceContents, Tool, ToolAnnotations};
use serde_json::Value;
use victor_core::{Effect, MediaSource, Part, ToolResult, ToolSpec};

pub(super) fn tool(spec: &ToolSpec) -> Tool {
    let schema = match &spec.input_schema {
        Value::Object(schema) => schema.clone(),
        _ => serde_json::Map::new(), // the executor takes no such tool
    };
    let hints = ToolAnnotations::new()
        .read_only(spec.effect == Effect::ReadOnly)
        .destructive(spec.effect == Effect::Destructive)
        .idempotent(spec.effect <= Effect::Idempotent);
    Tool::new(
        spec.name.clone(),
        spec.description.clone(),
        Arc::new(schema),
    )
    .with_annotations(hints)
}

pub(super) fn result(result: ToolResult) -> CallToolResult {
    let is_error = result.is_error();
    let content = result.content.into_iter().map(content).collect();
    if is_error {
        CallToolResult::error(content)
    } else {
        CallToolResult::success(content)
    }
}

fn content(part: Part) -> ContentBlock {
    match part {
        Part::Text(text) => ContentBlock::text(text.text),
        Part::Image(image) => match image.source {
            MediaSource::Base64 { media_type, data } => ContentBlock::image(data, media_type),
            other => elsewhere("picture", &other),
        },
        Part::Document(document) => match document.source {
            MediaSource::Base64 { media_type, data } => {
                let name: String = document
                    .title
                    .as_deref()
                    .unwrap_or("document")
                    .chars()
                    .map(|char| {
                        if char.is_ascii_alphanumeric() || char == '.' {
                            char
                        } else {
                            '-'
                        }
                    })
                    .collect();
                let contents = ResourceContents::blob(data, format!("victor:{name}"));
                ContentBlock::resource(contents.with_mime_type(media_type))
            }
            other => elsewhere("document", &other),
        },
        _ => ContentBlock::text("[content that MCP cannot carry is left out]"),
    }
}

fn elsewhere(what: &str, source: &MediaSource) -> ContentBlock {
    ContentBlock::text(match source {
        MediaSource::Url(url) => format!("[{what} at {url}]"),
        MediaSource::File(name) => format!("[{what} in the provider's file {name}]"),
        _ => format!("[a {what} that MCP cannot carry is left out]"),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use victor_core::{Document, Image, ToolCall, ToolOutcome};

    use super::*;

    #[test]
    fn effects_become_hints() {
        for (effect, expected) in [
            (Effect::ReadOnly, [true, false, true]),
            (Effect::Idempotent, [false, false, true]),
            (Effect::Write, [false, false, false]),
            (Effect::Destructive, [false, true, false]),
        ] {
            let spec = ToolSpec::new("n", "d", json!({ "type": "object" })).with_effect(effect);
            let tool = serde_json::to_value(tool(&spec)).unwrap();
            let [read_only, destructive, idempotent] = expected;
            let expected = json!({
                "name": "n",
                "description": "d",
                "inputSchema": { "type": "object" },
                "annotations": {
                    "readOnlyHint": read_only,
                    "destructiveHint": destructive,
                    "idempotentHint": idempotent,
                },
            });
            assert_eq!(tool, expected);
        }
    }

    #[test]
    fn results_become_content() {
        let source = |kind: &str| MediaSource::Base64 {
            media_type: kind.into(),
            data: "AAAA".into(),
        };
        let url = MediaSource::Url("https://host/p".into());
        let title = Some("a b.pdf".to_owned());
        let parts = vec![
            Part::text("t"),
            Part::Image(Image::new(source("image/png"))),
            Part::Image(Image::new(url)),
            Part::Document(Document::new(source("application/pdf")).with_title(title)),
        ];
        let call = ToolCall::new("1", "n", "{}");
        let made = result(ToolResult::with_parts(&call, ToolOutcome::Denied, parts));
        let made = serde_json::to_value(made).unwrap();
        assert_eq!(made["isError"], true);
        let expected = json!([
            { "type": "text", "text": "t" },
            { "type": "image", "data": "AAAA", "mimeType": "image/png" },
            { "type": "text", "text": "[picture at https://host/p]" },
            {
                "type": "resource",
                "resource": { "uri": "victor:a-b.pdf", "mimeType": "application/pdf", "blob": "AAAA" }
            },
        ]);
        assert_eq!(made["content"], expected);
    }
}
