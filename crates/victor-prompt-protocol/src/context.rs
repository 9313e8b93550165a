//! What a contributor can know.

use serde_json::Value;
use victor_core::JsonMap;

/// Facts about the request and its session, from which contributors tell what to say.
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
            template: None,
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
