//! The results of a server, adapted for models.

use rmcp::model::{CallToolResult, ContentBlock, ResourceContents};
use serde_json::Value;
use victor_core::{Document, Image, MediaSource, Part, text_of};
use victor_process::Secrets;
use victor_text::cleaned;
use victor_tool_protocol::{ToolError, ToolOutput};

/// The most bytes of an error's text.
const MAX_ERROR: usize = 16 * 1024;

/// The replacement of content of an unknown kind.
pub(super) const UNKNOWN: &str = "[content of an unknown kind is left out]";

/// The most values of a structured result that are searched for in its text. A result with more is shown twice at
/// worst.
const MAX_VALUES: usize = 64;

/// The pictures that every provider takes.
const PICTURES: [&str; 4] = ["image/gif", "image/jpeg", "image/png", "image/webp"];

/// The other names of JPEG.
const JPEG: [&str; 2] = ["image/jpg", "image/pjpeg"];

/// Converts the result of a call, without the secrets that the server was given.
pub(super) fn output(result: CallToolResult, secrets: &Secrets) -> Result<ToolOutput, ToolError> {
    let mut parts: Vec<_> = result.content.into_iter().map(part).collect();
    for part in &mut parts {
        if let Part::Text(part) = part
            && secrets.are_in(&part.text)
        {
            part.text = secrets.redact(&*part.text);
        }
    }
    if let Some(mut structured) = result.structured_content {
        redact(&mut structured, secrets);
        if !parts.iter().any(|part| says(part, &structured)) {
            parts.push(Part::text(structured.to_string()));
        }
    }
    if result.is_error == Some(true) {
        let text = text_of(&parts);
        return Err(ToolError::failed(match cleaned(&text, MAX_ERROR) {
            text if text.is_empty() => "the tool failed and did not say why".to_owned(),
            text => text,
        }));
    }
    Ok(parts.into())
}

/// Takes secrets out of all strings of a value.
pub(super) fn redact(value: &mut Value, secrets: &Secrets) {
    match value {
        Value::String(text) if secrets.are_in(text) => *text = secrets.redact(&**text),
        Value::Array(values) => values.iter_mut().for_each(|value| redact(value, secrets)),
        Value::Object(map) => map.values_mut().for_each(|value| redact(value, secrets)),
        _ => {}
    }
}

/// Whether a part says what a structured result says, as servers have it do for clients that do not know such results:
/// it is the same JSON, or has all its values in it.
fn says(part: &Part, structured: &Value) -> bool {
    let Part::Text(part) = part else { return false };
    let is_same = |value: Value| value == *structured;
    let mut left = MAX_VALUES;
    serde_json::from_str(&part.text).is_ok_and(is_same) || has(&part.text, structured, &mut left)
}

/// Whether a text has all values of a structured result in it, as far as `left` of them are looked for.
fn has(text: &str, structured: &Value, left: &mut usize) -> bool {
    let mut found = |value: &str| {
        *left = left.saturating_sub(1);
        *left > 0 && text.contains(value)
    };
    match structured {
        Value::Null | Value::Bool(_) => true,
        Value::Number(number) => found(&number.to_string()),
        Value::String(value) => found(value.trim()),
        Value::Array(values) => values.iter().all(|value| has(text, value, left)),
        Value::Object(map) => map.values().all(|value| has(text, value, left)),
    }
}

fn part(block: ContentBlock) -> Part {
    match block {
        ContentBlock::Text(text) => Part::text(text.text),
        ContentBlock::Image(image) => media(&image.mime_type, image.data, "a picture"),
        ContentBlock::Audio(audio) => media(&audio.mime_type, audio.data, "a sound"),
        ContentBlock::Resource(resource) => match resource.resource {
            ResourceContents::TextResourceContents { text, .. } => Part::text(text),
            ResourceContents::BlobResourceContents {
                uri,
                mime_type,
                blob,
                ..
            } => media(&mime_type.unwrap_or_default(), blob, &uri),
            _ => unknown(),
        },
        ContentBlock::ResourceLink(link) => {
            let description = link
                .description
                .map(|text| format!(": {text}"))
                .unwrap_or_default();
            Part::text(format!("[{}]({}){description}", link.name, link.uri))
        }
        _ => unknown(),
    }
}

fn unknown() -> Part {
    Part::text(UNKNOWN)
}

/// Bytes in base64. What no provider would take is told and not sent, since it would end the conversation.
fn media(media_type: &str, data: String, what: &str) -> Part {
    let left_out = |why: &str| {
        Part::text(format!(
            "[{what} of type `{media_type}` is left out: {why}]"
        ))
    };
    let media_type = media_type.to_ascii_lowercase();
    let media_type = match &*media_type {
        jpeg if JPEG.contains(&jpeg) => "image/jpeg",
        other => other,
    };
    let is_picture = PICTURES.contains(&media_type);
    if !is_picture && media_type != "application/pdf" {
        return left_out("models take pictures and PDF only");
    }
    if !is_base64(&data) {
        return left_out("it is not in base64");
    }
    let media_type = media_type.to_owned();
    let source = MediaSource::Base64 { media_type, data };
    if is_picture {
        Part::Image(Image::new(source))
    } else {
        Part::Document(Document::new(source))
    }
}

fn is_base64(data: &str) -> bool {
    let digits = data.trim_end_matches('=');
    data.len().is_multiple_of(4)
        && data.len() - digits.len() <= 2
        && !digits.is_empty()
        && digits
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(result: Value) -> Result<ToolOutput, ToolError> {
        output(serde_json::from_value(result).unwrap(), &Secrets::default())
    }

    #[track_caller]
    #[expect(
        clippy::needless_pass_by_value,
        reason = "callers have made it for this"
    )]
    fn check(content: Value, expected: &[&str]) {
        let output = of(json!({ "content": content })).unwrap();
        let shown = |part: &Part| match part {
            Part::Text(text) => text.text.clone(),
            Part::Image(Image {
                source: MediaSource::Base64 { media_type, data },
                ..
            })
            | Part::Document(Document {
                source: MediaSource::Base64 { media_type, data },
                ..
            }) => {
                format!("{media_type} {data}")
            }
            other => format!("{other:?}"),
        };
        let found: Vec<_> = output.content.iter().map(shown).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn every_kind_of_content_is_told() {
        check(
            json!([{ "type": "text", "text": "a" }, { "type": "text", "text": "b" }]),
            &["a", "b"],
        );
        check(
            json!([{ "type": "image", "mimeType": "image/png", "data": "AAAA" }]),
            &["image/png AAAA"],
        );
        check(
            json!([{ "type": "image", "mimeType": "image/JPG", "data": "AAAA" }]),
            &["image/jpeg AAAA"],
        );
        check(
            json!([{ "type": "resource", "resource": { "uri": "u:a", "text": "t" } }]),
            &["t"],
        );
        check(
            json!([{
                "type": "resource",
                "resource": { "uri": "u:a", "mimeType": "application/pdf", "blob": "AA==" }
            }]),
            &["application/pdf AA=="],
        );
        check(
            json!([{ "type": "resource_link", "uri": "u:a", "name": "n", "description": "d" }]),
            &["[n](u:a): d"],
        );
    }

    #[test]
    fn what_no_provider_takes_is_told_in_words() {
        check(
            json!([{ "type": "audio", "mimeType": "audio/wav", "data": "AAAA" }]),
            &["[a sound of type `audio/wav` is left out: models take pictures and PDF only]"],
        );
        for data in ["", "A", "AA=A", "A===", "!!!!", "====", "data:AAAA"] {
            check(
                json!([{ "type": "image", "mimeType": "image/png", "data": data }]),
                &["[a picture of type `image/png` is left out: it is not in base64]"],
            );
        }
    }

    #[test]
    fn a_structured_result_is_told_once() {
        let text = |result: Value| {
            let output = of(result).unwrap();
            text_of(&output.content).into_owned()
        };
        let same = json!({ "content": [{ "type": "text", "text": "{ \"a\": 1 }" }], "structuredContent": { "a": 1 } });
        assert_eq!(text(same), "{ \"a\": 1 }");
        let other = json!({ "content": [{ "type": "text", "text": "see: " }], "structuredContent": { "a": 1 } });
        assert_eq!(text(other), "see: {\"a\":1}");
        assert_eq!(text(json!({ "structuredContent": [1] })), "[1]");
        let file = json!({
            "content": [{ "type": "text", "text": "größe\n" }],
            "structuredContent": { "content": "größe\n" }
        });
        assert_eq!(text(file), "größe\n");
        let many: Vec<_> = (0..MAX_VALUES).collect();
        let many = json!({ "content": [{ "type": "text", "text": format!("{many:?}!") }], "structuredContent": many });
        assert!(text(many).contains("]![0,1,"));
    }

    #[test]
    fn secrets_of_the_server_are_not_in_its_results() {
        let secrets = Secrets::from_iter(["sesame-17"]);
        let said = |result: Value| {
            let result = output(serde_json::from_value(result).unwrap(), &secrets);
            result.map_or_else(
                |error| error.to_string(),
                |output| text_of(&output.content).into_owned(),
            )
        };
        let content = json!([{ "type": "text", "text": "it is sesame-17" }]);
        assert_eq!(said(json!({ "content": content })), "it is ***");
        assert_eq!(
            said(json!({ "content": content, "isError": true })),
            "it is ***"
        );
        assert_eq!(
            said(json!({ "structuredContent": { "a": ["sesame-17"] } })),
            r#"{"a":["***"]}"#
        );
    }

    #[test]
    fn an_error_is_an_error_with_its_words() {
        let error = |content: Value| {
            of(json!({ "content": content, "isError": true }))
                .unwrap_err()
                .to_string()
        };
        assert_eq!(
            error(json!([{ "type": "text", "text": "no\u{7} such file" }])),
            "no such file"
        );
        assert_eq!(error(json!([])), "the tool failed and did not say why");
        assert!(
            error(json!([{ "type": "text", "text": "x".repeat(1_000_000) }])).len() < MAX_ERROR + 4
        );
    }
}
