//! The texts that were built last.

use std::collections::VecDeque;
use std::sync::Arc;

use victor_core::Lock;

/// The texts that were built last, most recently used first, so that equal ones are shared.
#[derive(Debug, Default)]
pub(crate) struct Texts(Lock<VecDeque<Arc<str>>>);

impl Texts {
    /// The shared form of a text, which is then among the `limit` that are remembered.
    pub(crate) fn share(&self, text: String, limit: usize) -> Arc<str> {
        let mut texts = self.0.lock();
        let known = texts.iter().position(|known| **known == *text);
        let shared = known
            .and_then(|place| texts.remove(place))
            .unwrap_or_else(|| text.into());
        texts.push_front(Arc::clone(&shared));
        texts.truncate(limit);
        shared
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_texts_used_last_are_shared() {
        let texts = Texts::default();
        let share = |text: &str| texts.share(text.into(), 2);
        let a = share("a");
        share("b");
        assert!(Arc::ptr_eq(&a, &share("a")));
        share("c"); // `b` goes: it was used before `a`
        assert!(Arc::ptr_eq(&a, &share("a")));
        share("b");
        share("c");
        assert!(!Arc::ptr_eq(&a, &share("a")));
    }

    #[test]
    fn with_a_limit_of_none_nothing_is_shared() {
        let texts = Texts::default();
        assert!(!Arc::ptr_eq(
            &texts.share("a".into(), 0),
            &texts.share("a".into(), 0)
        ));
    }
}
