//! The provider and model of a session, stored in its metadata so that it continues with them.

use serde_json::{Value, json};
use victor_orchestrator::core::ModelId;

use super::args::ProviderArgs;
use super::vendors::Choice;

/// The name of the metadata.
pub(crate) const PROVIDER: &str = "victor_provider";

/// The provider and model that a session remembers.
#[derive(Debug)]
pub(crate) struct Memory {
    /// The flags that chose the provider; none where the environment did.
    pub(crate) flags: Option<ProviderArgs>,
    /// The provider's own name.
    name: String,
    model: ModelId,
}

impl Memory {
    /// Reads what [`ProviderArgs::memory`] has written. What cannot be read is not remembered.
    pub(crate) fn read(kept: &Value) -> Option<Self> {
        let text = |name: &str| kept.get(name).and_then(Value::as_str);
        let flags = text("provider").and_then(|choice| {
            Some(ProviderArgs {
                provider: Choice::named(&choice.to_lowercase())?,
                base_url: text("base_url").map(str::to_owned),
                server: text("server").map(str::to_owned),
            })
        });
        Some(Self {
            flags: flags.filter(ProviderArgs::is_given),
            name: text("name")?.to_owned(),
            model: text("model")?.into(),
        })
    }

    /// The model, if it is one of the provider of this name.
    pub(crate) fn model_of(&self, name: &str) -> Option<ModelId> {
        (self.name == name).then(|| self.model.clone())
    }
}

impl ProviderArgs {
    /// Whether the flags say anything.
    pub(crate) fn is_given(&self) -> bool {
        self.provider.0.is_some() || self.base_url.is_some() || self.server.is_some()
    }

    /// Returns the metadata that a session keeps of the flags. An address that may hold a secret is left out.
    pub(crate) fn memory(&self, name: &str, model: &ModelId) -> Value {
        let address = self
            .base_url
            .as_deref()
            .filter(|url| !url.contains(['@', '?']));
        json!({
            "provider": self.provider.name(),
            "base_url": address,
            "server": self.server,
            "name": name,
            "model": model,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_come_back_without_secrets() {
        let flags = |base_url: &str| ProviderArgs {
            provider: Choice::named("openai-responses").unwrap(),
            base_url: Some(base_url.to_owned()),
            server: Some("vllm".to_owned()),
        };
        let kept = flags("http://gpu:8000/v1").memory("vllm", &"m".into());
        let memory = Memory::read(&kept).unwrap();
        assert_eq!(
            (memory.model_of("vllm"), memory.model_of("openai")),
            (Some("m".into()), None)
        );
        assert_eq!(
            format!("{:?}", memory.flags.unwrap()),
            format!("{:?}", flags("http://gpu:8000/v1"))
        );
        for secret in ["http://me:secret@gpu/v1", "http://gpu/v1?key=secret"] {
            assert!(
                !flags(secret)
                    .memory("vllm", &"m".into())
                    .to_string()
                    .contains("secret")
            );
        }
        let auto = ProviderArgs {
            provider: Choice(None),
            base_url: None,
            server: None,
        };
        assert!(
            Memory::read(&auto.memory("offline", &"m".into()))
                .unwrap()
                .flags
                .is_none()
        );
        assert!(Memory::read(&json!("rubbish")).is_none());
    }
}
