//! The windows that a server tells in its list of models.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value;
use victor_core::{Lock, ModelId};

/// The windows of a server's models, as far as its list told them.
#[derive(Debug, Default)]
pub(crate) struct Windows(Lock<HashMap<ModelId, u64>>);

impl Windows {
    /// Takes the place of what was told before.
    pub(crate) fn set(&self, windows: HashMap<ModelId, u64>) {
        *self.0.lock() = windows;
    }

    /// The window of a model. A server that has one model answers with it by whatever name it is asked.
    pub(crate) fn of(&self, model: &ModelId) -> Option<u64> {
        let windows = self.0.lock();
        let only = || windows.values().next().filter(|_| windows.len() == 1);
        windows.get(model).or_else(only).copied()
    }
}

/// The fields of a model in which servers tell its window.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(crate) struct Told {
    /// llama.cpp, in `n_ctx`.
    meta: Value,
    /// vLLM and SGLang.
    max_model_len: Value,
    /// LM Studio, for the model as it is loaded.
    loaded_context_length: Value,
    /// LM Studio and Mistral.
    max_context_length: Value,
    /// OpenRouter, Together and Fireworks.
    context_length: Value,
    /// Groq.
    context_window: Value,
}

impl Told {
    pub(crate) fn window(&self) -> Option<u64> {
        let loaded = [
            self.meta.get("n_ctx"),
            Some(&self.max_model_len),
            Some(&self.loaded_context_length),
        ];
        let possible = [
            Some(&self.max_context_length),
            Some(&self.context_length),
            Some(&self.context_window),
        ];
        let all = loaded.into_iter().chain(possible).flatten();
        all.filter_map(Value::as_u64).find(|window| *window > 0)
    }
}
