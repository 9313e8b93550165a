//! The facts of a request.

use std::sync::Arc;

use serde_json::Value;
use victor_core::JsonMap;

/// Facts about the request and its session, from which contributors tell what to say.
///
/// Facts are expected to stay the same for many turns of a session; the [`message`](Self::message) is new in each turn.
///
/// ```
/// use serde_json::json;
/// use victor_prompt_protocol::PromptContext;
///
/// let context = PromptContext::from_iter([("task", json!("review")), ("requires_compliance", json!(true))]);
/// assert_eq!(context.get_str("task"), Some("review"));
/// assert_eq!(context.get_bool("requires_compliance"), Some(true));
/// assert_eq!(context.get("language"), None);
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct PromptContext {
    facts: JsonMap,
    template: Option<String>,
    message: Option<Arc<str>>,
}

impl PromptContext {
    /// No facts.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A fact.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.facts.get(key)
    }

    /// A fact that is a text.
    #[must_use]
    pub fn get_str(&self, key: &str) -> Option<&str> {
        self.get(key)?.as_str()
    }

    /// A fact that is true or false.
    #[must_use]
    pub fn get_bool(&self, key: &str) -> Option<bool> {
        self.get(key)?.as_bool()
    }

    /// Adds a fact, or replaces it.
    pub fn insert(&mut self, key: impl Into<String>, value: impl Into<Value>) {
        self.facts.insert(key.into(), value.into());
    }

    /// The same facts, for the base prompt of this name.
    #[must_use]
    pub fn with_template(mut self, template: impl Into<String>) -> Self {
        self.template = Some(template.into());
        self
    }

    /// The name of the base prompt that is asked for.
    #[must_use]
    pub fn template(&self) -> Option<&str> {
        self.template.as_deref()
    }

    /// The same facts, for a turn that begins with this message of the user.
    #[must_use]
    pub fn with_message(mut self, text: impl Into<Arc<str>>) -> Self {
        self.message = Some(text.into());
        self
    }

    /// Returns the text of the message that the turn begins with. It is different in each turn, so only a contribution
    /// of the class [`Turn`](crate::Stability::Turn) may depend on it.
    #[must_use]
    pub fn message(&self) -> Option<&str> {
        self.message.as_deref()
    }

    /// Returns the same facts, without the message.
    #[must_use]
    pub fn without_message(&self) -> Self {
        Self {
            facts: self.facts.clone(),
            template: self.template.clone(),
            message: None,
        }
    }

    /// Whether everything but the message is the same.
    #[must_use]
    pub fn has_same_facts(&self, other: &Self) -> bool {
        self.template == other.template && self.facts == other.facts
    }

    /// All facts.
    #[must_use]
    pub fn as_map(&self) -> &JsonMap {
        &self.facts
    }
}

impl From<JsonMap> for PromptContext {
    fn from(facts: JsonMap) -> Self {
        Self {
            facts,
            ..Self::default()
        }
    }
}

impl<K: Into<String>, V: Into<Value>> FromIterator<(K, V)> for PromptContext {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(facts: I) -> Self {
        facts
            .into_iter()
            .map(|(key, value)| (key.into(), value.into()))
            .collect::<JsonMap>()
            .into()
    }
}
