//! Windows that providers name when they refuse a request.

use std::collections::HashMap;

use victor_core::{Lock, ModelId};
use victor_provider_protocol::{Capabilities, CapabilitySource};

/// Of how many models a window is kept.
const MOST_MODELS: usize = 256;

/// The windows of a provider's models, in tokens, as far as its refusals have told them.
#[derive(Debug, Default)]
pub(crate) struct LearnedWindows(Lock<HashMap<ModelId, u64>>);

impl LearnedWindows {
    /// A request was refused, and the provider named this window.
    pub(crate) fn learn(&self, model: &ModelId, window: u64) {
        let mut windows = self.0.lock();
        if windows.len() < MOST_MODELS || windows.contains_key(model) {
            windows.insert(model.clone(), window);
        }
    }

    /// A request with so many tokens was answered: what was learnt of a smaller window no longer holds.
    pub(crate) fn refute(&self, model: &ModelId, tokens: u64) {
        let mut windows = self.0.lock();
        if windows.get(model).is_some_and(|window| tokens > *window) {
            windows.remove(model);
        }
    }

    /// Puts what was learnt in place of what is known otherwise.
    pub(crate) fn correct(&self, model: &ModelId, capabilities: &mut Capabilities) {
        let Some(window) = self.0.lock().get(model).copied() else {
            return;
        };
        let is_declared = capabilities.source == CapabilitySource::Declared;
        let known = capabilities.context_window;
        if known.is_none_or(|known| known > window || !is_declared) {
            capabilities.context_window = Some(window);
            capabilities.source = CapabilitySource::Learned;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use CapabilitySource::{Assumed, Declared, Learned, Table};

    #[test]
    fn what_a_refusal_tells_beats_all_but_a_smaller_declared_window() {
        let model = ModelId::from("m");
        let check = |known: Option<u64>, source, told, expected| {
            let windows = LearnedWindows::default();
            windows.learn(&model, told);
            let mut capabilities = Capabilities::default();
            (capabilities.context_window, capabilities.source) = (known, source);
            windows.correct(&ModelId::from("other"), &mut capabilities);
            assert_eq!(capabilities.context_window, known);
            windows.correct(&model, &mut capabilities);
            let found = (capabilities.context_window.unwrap(), capabilities.source);
            assert_eq!(found, expected);
        };
        check(None, Assumed, 1024, (1024, Learned));
        check(Some(8192), Table, 1024, (1024, Learned));
        check(Some(8192), Table, 131_072, (131_072, Learned));
        check(Some(8192), Declared, 1024, (1024, Learned));
        check(Some(8192), Declared, 131_072, (8192, Declared));
        check(None, Declared, 1024, (1024, Learned));
    }

    #[test]
    fn the_last_word_counts_and_an_answer_refutes_it() {
        let (windows, model) = (LearnedWindows::default(), ModelId::from("m"));
        let window = || {
            let mut capabilities = Capabilities::default();
            windows.correct(&model, &mut capabilities);
            capabilities.context_window
        };
        windows.learn(&model, 4096);
        windows.learn(&model, 1024);
        windows.refute(&model, 1024);
        assert_eq!(window(), Some(1024));
        windows.refute(&model, 1025);
        assert_eq!(window(), None);
    }

    #[test]
    fn no_more_models_are_kept_than_allowed() {
        let windows = LearnedWindows::default();
        for number in 0..=MOST_MODELS {
            windows.learn(&ModelId::from(format!("m{number}")), 1024);
        }
        windows.learn(&ModelId::from("m0"), 512);
        let windows = windows.0.lock();
        assert_eq!(
            (windows.len(), windows[&ModelId::from("m0")]),
            (MOST_MODELS, 512)
        );
    }
}
