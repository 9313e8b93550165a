//! Exporters that learn nothing about persons and no keys.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::LazyLock;

use async_trait::async_trait;
use regex::Regex;
use serde_json::Value;
use victor_analytics_protocol::{AnalyticsEvent, AnalyticsExporter, ExportError, ExportResult};
use victor_core::JsonMap;
use victor_core::wire::Extra;

use super::numbers;

/// Replaces what identifies persons, and keys, in every field of every event that goes to another exporter. What it
/// replaces is what its [`Redactor`] finds.
///
/// ```
/// use victor_analytics::{ConsoleExporter, RedactExporter, Redactor};
///
/// let redactor = Redactor::default().with_pattern("employee", r"\bE-\d{6}\b")?;
/// let console = RedactExporter::new(ConsoleExporter::stderr(), redactor);
/// # Ok::<(), victor_analytics::PatternError>(())
/// ```
#[derive(Debug)]
pub struct RedactExporter<E> {
    inner: E,
    redactor: Redactor,
}

impl<E> RedactExporter<E> {
    /// Sends events to `inner` once they are redacted.
    pub fn new(inner: E, redactor: Redactor) -> Self {
        Self { inner, redactor }
    }
}

#[async_trait]
impl<E: AnalyticsExporter> AnalyticsExporter for RedactExporter<E> {
    fn name(&self) -> &str {
        self.inner.name()
    }

    async fn export(&self, events: &[AnalyticsEvent]) -> Result<ExportResult, ExportError> {
        let redacted: Vec<_> = events
            .iter()
            .map(|event| self.redactor.event(event))
            .collect();
        self.inner.export(&redacted).await
    }

    async fn shutdown(&self) {
        self.inner.shutdown().await;
    }
}

/// Finds what identifies persons, and keys, in texts, and replaces it by a word in brackets:
///
/// | found | replaced by |
/// |---|---|
/// | e-mail addresses | `[email]` |
/// | phone numbers with a country code (`+49 30 1234567`, `0049...`) or in the American form (`(555) 123-4567`) | `[phone]` |
/// | card numbers of 13 to 19 digits that begin as those of a card network do and whose check digit is right (Luhn) | `[card]` |
/// | IBANs whose length and check digits are right | `[iban]` |
/// | keys and tokens: of OpenAI, Anthropic, Stripe, Slack, GitHub, GitLab, AWS, Google, Hugging Face and npm, JSON web tokens, bearer tokens, private keys in PEM; the value of a field with a name like `password`, `api_key` or `authorization` | `[key]` |
/// | patterns of your own | their names |
///
/// A national phone number without separators, a name or an address in the street cannot be told from other texts: do
/// not put them into events.
///
/// ```
/// use victor_analytics::Redactor;
///
/// let redactor = Redactor::default();
/// let text = "write to jo@example.org or call +49 30 1234567";
/// assert_eq!(redactor.text(text), "write to [email] or call [phone]");
/// ```
#[derive(Debug, Clone, Default)]
pub struct Redactor {
    patterns: Vec<(String, Regex)>,
}

/// An error: a pattern is no regular expression.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("pattern `{name}` is no regular expression: {message}")]
#[non_exhaustive]
pub struct PatternError {
    /// Name of the pattern.
    pub name: String,
    /// Description of the mistake.
    pub message: String,
}

impl Redactor {
    /// Adds a pattern of your own, whose matches are replaced by its name in brackets, before all others.
    ///
    /// # Errors
    ///
    /// It is no [regular expression](https://docs.rs/regex/1/regex/#syntax), or matches the empty text.
    pub fn with_pattern(
        mut self,
        name: impl Into<String>,
        pattern: &str,
    ) -> Result<Self, PatternError> {
        let name = name.into();
        let regex = match Regex::new(pattern) {
            Ok(regex) if regex.is_match("") => Err("it matches the empty text".to_owned()),
            Ok(regex) => Ok(regex),
            Err(error) => Err(error.to_string()),
        };
        match regex {
            Ok(regex) => {
                self.patterns.push((name, regex));
                Ok(self)
            }
            Err(message) => Err(PatternError { name, message }),
        }
    }

    /// Replaces what is found in a text.
    #[must_use]
    pub fn text<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut text = Cow::Borrowed(text);
        for (name, regex) in &self.patterns {
            replace(&mut text, name, |text| {
                regex.find_iter(text).map(|found| found.range()).collect()
            });
        }
        replace(&mut text, "key", |text| {
            KEYS.find_iter(text).map(|found| found.range()).collect()
        });
        replace(&mut text, "email", |text| {
            EMAILS.find_iter(text).map(|found| found.range()).collect()
        });
        replace(&mut text, "iban", numbers::ibans);
        replace(&mut text, "card", numbers::cards);
        replace(&mut text, "phone", numbers::phones);
        text
    }

    /// Redacts every field of an event but its identifier and its time.
    #[must_use]
    pub fn event(&self, event: &AnalyticsEvent) -> AnalyticsEvent {
        let mut event = event.clone();
        if let Some(session) = &mut event.session_id
            && let Cow::Owned(redacted) = self.text(session.as_str())
        {
            *session = redacted.into();
        }
        if let Cow::Owned(redacted) = self.text(&event.event_type) {
            event.event_type = redacted.into();
        }
        if event
            .tags
            .iter()
            .any(|tag| matches!(self.text(tag), Cow::Owned(_)))
        {
            event.tags = event.tags.iter().map(|tag| self.text(tag).into()).collect();
        }
        let mut data = event.data.to_map();
        if self.map(&mut data) {
            event.data = data.into();
        }
        if !event.extra.is_empty() {
            let fields = event
                .extra
                .iter()
                .map(|(key, value)| (key.clone(), value.clone()));
            let mut extra: JsonMap = fields.collect();
            self.map(&mut extra);
            event.extra = Extra::from(extra);
        }
        event
    }

    /// Redacts an object, and returns whether there was something.
    fn map(&self, map: &mut JsonMap) -> bool {
        let mut changed = false;
        let mut redacted = JsonMap::new();
        for (key, mut value) in std::mem::take(map) {
            if NAMES.is_match(&key) && !matches!(value, Value::Null | Value::Bool(_)) {
                value = "[key]".into();
                changed = true;
            }
            changed |= self.value(&mut value);
            let key = match self.text(&key) {
                Cow::Borrowed(_) => key,
                Cow::Owned(other) => {
                    changed = true;
                    other
                }
            };
            redacted.insert(key, value);
        }
        *map = redacted;
        changed
    }

    fn value(&self, value: &mut Value) -> bool {
        match value {
            Value::Null | Value::Bool(_) => false,
            Value::String(text) => self
                .replaced(text)
                .map(|text| *value = text.into())
                .is_some(),
            // A card number may be a number.
            Value::Number(number) => {
                let text = number.to_string();
                self.replaced(&text)
                    .map(|text| *value = text.into())
                    .is_some()
            }
            Value::Array(values) => {
                let mut changed = false;
                for value in values {
                    changed |= self.value(value);
                }
                changed
            }
            Value::Object(map) => self.map(map),
        }
    }

    fn replaced(&self, text: &str) -> Option<String> {
        match self.text(text) {
            Cow::Borrowed(_) => None,
            Cow::Owned(text) => Some(text),
        }
    }
}

fn replace(text: &mut Cow<'_, str>, name: &str, find: impl Fn(&str) -> Vec<Range<usize>>) {
    let found = find(text);
    if found.is_empty() {
        return;
    }
    let (mut redacted, mut end) = (String::with_capacity(text.len()), 0);
    for range in found {
        redacted.push_str(&text[end..range.start]);
        redacted.push('[');
        redacted.push_str(name);
        redacted.push(']');
        end = range.end;
    }
    redacted.push_str(&text[end..]);
    *text = redacted.into();
}

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the patterns of this file are right, as its tests know")
}

/// Key formats, as their issuers document them for the scanners of secrets.
static KEYS: LazyLock<Regex> = LazyLock::new(|| {
    regex(
        &[
            r"sk-[A-Za-z0-9_-]{16,}",
            r"[rsp]k_(?:live|test)_[A-Za-z0-9]{10,}",
            r"xox[abeprs]-[A-Za-z0-9-]{10,}",
            r"gh[oprsu]_[A-Za-z0-9]{20,}",
            r"github_pat_[A-Za-z0-9_]{20,}",
            r"glpat-[A-Za-z0-9_-]{16,}",
            r"(?:AKIA|ASIA)[A-Z0-9]{16}",
            r"AIza[A-Za-z0-9_-]{30,}",
            r"ya29\.[A-Za-z0-9_-]{20,}",
            r"hf_[A-Za-z0-9]{20,}",
            r"npm_[A-Za-z0-9]{30,}",
            r"eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*",
            r"(?i:bearer|basic)\s+[A-Za-z0-9._~+/-]{12,}=*",
            r"(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)",
        ]
        .join("|"),
    )
});

static EMAILS: LazyLock<Regex> =
    LazyLock::new(|| regex(r"[\p{L}\p{N}._%+'-]+@(?:[\p{L}\p{N}-]+\.)+\p{L}{2,}"));

/// Names of fields whose values are keys.
static NAMES: LazyLock<Regex> = LazyLock::new(|| {
    regex(concat!(
        r"(?i)(?:^|[_.-])(?:password|passwd|passphrase|secret|api[_-]?key|private[_-]?key|access[_-]?key",
        r"|authorization|cookie|credentials?|(?:access|refresh|auth|bearer|id|session)?[_-]?token)$"
    ))
});
