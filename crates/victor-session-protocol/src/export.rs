//! A session as text that can be kept elsewhere and brought back.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};
use victor_core::wire::FormatVersion;
use victor_core::{InvalidHistory, MessageId, Messages};

use crate::{SessionError, SessionInfo, TranscriptEntry};

/// A session with its transcript, to be kept elsewhere and brought back. Its metadata are part of it, and with them its
/// mode and what a model sees of it where that is not the whole transcript; the journal of a turn that runs and its
/// checkpoints are not.
///
/// As text it is JSON lines: first a header with the version of the format and what is known of the session, then one
/// entry of the transcript in each line.
///
/// ```
/// use victor_core::{Message, SessionId};
/// use victor_session_protocol::{SessionError, SessionExport, SessionInfo, TranscriptEntry};
///
/// let entry = TranscriptEntry::new(None, Message::user("Hello"));
/// let export = SessionExport::new(SessionInfo::new(SessionId::new("docs-456")), vec![entry]);
/// let text = export.to_json_lines();
/// assert_eq!(SessionExport::from_json_lines(&text)?, export);
///
/// let torn = text.replace("Hello", "\"");
/// let error = SessionExport::from_json_lines(&torn).unwrap_err();
/// assert!(error.to_string().starts_with("line 2 of the export: "));
/// # Ok::<(), SessionError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct SessionExport {
    /// Facts of the session.
    pub info: SessionInfo,
    /// Its transcript.
    pub entries: Vec<TranscriptEntry>,
}

/// The first line.
#[derive(Serialize, Deserialize)]
struct Header<Info> {
    format: Format,
    version: FormatVersion<1>,
    session: Info,
}

#[derive(Serialize, Deserialize)]
enum Format {
    #[serde(rename = "victor.session")]
    Session,
}

impl SessionExport {
    /// A session with this transcript, which decides how many entries it has.
    #[must_use]
    pub fn new(mut info: SessionInfo, entries: Vec<TranscriptEntry>) -> Self {
        info.entries = entries.len() as u64;
        Self { info, entries }
    }

    /// The session as JSON lines, each of which ends with a line feed.
    #[must_use]
    pub fn to_json_lines(&self) -> String {
        let header = Header {
            format: Format::Session,
            version: FormatVersion,
            session: &self.info,
        };
        let mut text = String::new();
        push_line(&mut text, &header);
        for entry in &self.entries {
            push_line(&mut text, entry);
        }
        text
    }

    /// Reads JSON lines, and checks them as a whole: that no line is torn or missing, that no message is there twice,
    /// and that a conversation of these messages can go on.
    ///
    /// # Errors
    ///
    /// [`SessionError::Import`], with the first line that is wrong.
    pub fn from_json_lines(text: &str) -> Result<Self, SessionError> {
        let mut lines = text.lines().zip(1..);
        let (first, number) = lines.next().unwrap_or(("", 1));
        let header: Header<SessionInfo> = read(first, number)?;
        let mut entries = Vec::new();
        let mut line_of = HashMap::new();
        for (line, number) in lines {
            let entry: TranscriptEntry = read(line, number)?;
            if let Some(other) = line_of.insert(entry.message.id(), number) {
                let reason = format!("its message is that of line {other}");
                return Err(wrong(number, reason));
            }
            entries.push(entry);
        }
        let expected = header.session.entries;
        if entries.len() as u64 != expected {
            let reason = format!(
                "{expected} entries are announced, and {} follow",
                entries.len()
            );
            return Err(wrong(1, reason));
        }
        let messages = entries.iter().map(|entry| entry.message.clone());
        if let Err(invalid) = messages.collect::<Messages>().validate() {
            let line = line_of.get(&message_of(&invalid)).copied().unwrap_or(1);
            return Err(wrong(line, invalid.to_string()));
        }
        Ok(Self::new(header.session, entries))
    }
}

fn push_line(text: &mut String, value: &impl Serialize) {
    // They have only fields and keys that JSON can hold, so this cannot fail.
    text.push_str(&serde_json::to_string(value).unwrap_or_default());
    text.push('\n');
}

fn read<'a, T: Deserialize<'a>>(line: &'a str, number: usize) -> Result<T, SessionError> {
    serde_json::from_str(line).map_err(|error| wrong(number, error.to_string()))
}

fn wrong(line: usize, reason: String) -> SessionError {
    SessionError::Import { line, reason }
}

/// The message that breaks a rule.
fn message_of(invalid: &InvalidHistory) -> MessageId {
    match invalid {
        InvalidHistory::MissingResult { message, .. }
        | InvalidHistory::OrphanResult { message, .. }
        | InvalidHistory::DuplicateCall { message, .. }
        | InvalidHistory::Empty { message }
        | InvalidHistory::Misplaced { message, .. }
        | InvalidHistory::Beginning { message, .. } => *message,
        // A rule of a later version, whose message stands in its words.
        _ => MessageId::from_u128(0),
    }
}
