//! Events for people to read.

use std::fmt::{self, Write as _};
use std::io::{self, Write};
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::Mutex;
use victor_analytics_protocol::{AnalyticsEvent, AnalyticsExporter, ExportError, ExportResult};
use victor_text::is_hidden;

use super::blocking;

/// Writes one line for each event, for people to read: time, session, type and data.
///
/// A line looks like this:
///
/// ```text
/// 2026-11-20T09:30:00.000Z default tool_call file="config.yaml" tool="read"
/// ```
///
/// Control characters are written as escapes, so that an event cannot steer a terminal. For lines that programs read,
/// use [`JsonLinesExporter`](crate::JsonLinesExporter).
pub struct ConsoleExporter {
    writer: Arc<Mutex<Box<dyn Write + Send>>>,
}

impl ConsoleExporter {
    /// Writes to standard error, which leaves standard output to the program's results.
    #[must_use]
    pub fn stderr() -> Self {
        Self::new(io::stderr())
    }

    /// Writes to `writer`, which is flushed after each batch.
    #[must_use]
    pub fn new(writer: impl Write + Send + 'static) -> Self {
        Self {
            writer: Arc::new(Mutex::new(Box::new(writer))),
        }
    }
}

impl fmt::Debug for ConsoleExporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConsoleExporter").finish_non_exhaustive()
    }
}

#[async_trait]
impl AnalyticsExporter for ConsoleExporter {
    fn name(&self) -> &str {
        "console"
    }

    async fn export(&self, events: &[AnalyticsEvent]) -> Result<ExportResult, ExportError> {
        let lines: String = events.iter().map(line).collect();
        blocking::write(&self.writer, "the console", move |writer| {
            writer.write_all(lines.as_bytes())?;
            writer.flush()
        })
        .await?;
        Ok(ExportResult::exported(events.len()))
    }
}

fn line(event: &AnalyticsEvent) -> String {
    let session = event
        .session_id
        .as_ref()
        .map_or("-", |session| session.as_str());
    let mut text = format!("{:.3} {session} {}", event.timestamp, event.event_type);
    for (key, value) in event.data.to_map() {
        // Writing to a string does not fail.
        let _ = write!(text, " {key}={value}");
    }
    let mut line = String::with_capacity(text.len() + 1);
    for character in text.chars() {
        if is_hidden(character) {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
    }
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use victor_analytics_protocol::EventData;

    use super::*;

    #[test]
    fn an_event_is_one_line() {
        let check = |change: fn(&mut AnalyticsEvent), expected: &str| {
            let mut event = AnalyticsEvent::new("tool_call");
            event.timestamp = "2026-11-20T09:30:00.0004Z".parse().unwrap();
            change(&mut event);
            assert_eq!(
                line(&event),
                format!("2026-11-20T09:30:00.000Z {expected}\n")
            );
        };
        check(|_| {}, "- tool_call");
        check(
            |event| {
                event.session_id = Some("s1".into());
                event.data = EventData::default()
                    .with("tool", "read")
                    .with("sizes", json!([1, 2]));
            },
            "s1 tool_call sizes=[1,2] tool=\"read\"",
        );
        check(
            |event| event.event_type = "a\nb\u{1b}[31m\u{9b}".into(),
            "- a\\nb\\u{1b}[31m\\u{9b}",
        );
        check(
            |event| event.data = EventData::default().with("k", "a\nb"),
            "- tool_call k=\"a\\nb\"",
        );
        check(
            |event| event.event_type = "a\u{202e}b".into(),
            "- a\\u{202e}b",
        );
    }
}
