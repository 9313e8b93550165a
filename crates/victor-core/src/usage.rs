//! Usage of model calls.

use std::iter::Sum;
use std::ops::{Add, AddAssign};

use serde::{Deserialize, Serialize};

use crate::wire::Extra;

/// Tokens that were used, counted so that nothing is counted twice.
///
/// `input`, `cache_read`, `cache_write` and `output` are disjoint; their sum is [`total_tokens`](Self::total_tokens).
/// Providers that report cached tokens as a share of the input are translated to this form by their adapters.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Usage {
    /// Tokens of the request that were neither read from nor written to the provider's prompt cache.
    pub input: u64,
    /// Tokens that the model wrote, those of its reasoning among them.
    pub output: u64,
    /// Tokens of the request that came from the provider's prompt cache.
    pub cache_read: u64,
    /// Tokens of the request that the provider stored in its prompt cache.
    pub cache_write: u64,
    /// The share of `output` that was reasoning.
    pub reasoning: u64,
    /// Further counts of the provider.
    #[serde(flatten)]
    pub extra: Extra,
}

impl Usage {
    /// The usage of a call without caching or reasoning.
    #[must_use]
    pub fn new(input: u64, output: u64) -> Self {
        Self {
            input,
            output,
            ..Self::default()
        }
    }

    /// All tokens of the request: fresh, read from the cache and written to it.
    #[must_use]
    pub fn input_tokens(&self) -> u64 {
        self.input
            .saturating_add(self.cache_read)
            .saturating_add(self.cache_write)
    }

    /// All tokens, of the request and of the answer.
    #[must_use]
    pub fn total_tokens(&self) -> u64 {
        self.input_tokens().saturating_add(self.output)
    }
}

impl AddAssign<&Usage> for Usage {
    /// Adds the counts; a field of `extra` that both have is added where both are whole numbers, and otherwise the
    /// later value stays.
    fn add_assign(&mut self, other: &Usage) {
        self.input = self.input.saturating_add(other.input);
        self.output = self.output.saturating_add(other.output);
        self.cache_read = self.cache_read.saturating_add(other.cache_read);
        self.cache_write = self.cache_write.saturating_add(other.cache_write);
        self.reasoning = self.reasoning.saturating_add(other.reasoning);
        for (field, value) in other.extra.iter() {
            let sum = self
                .extra
                .get(field)
                .and_then(|own| own.as_u64()?.checked_add(value.as_u64()?));
            self.extra
                .insert(field.clone(), sum.map_or_else(|| value.clone(), Into::into));
        }
    }
}

impl Add for Usage {
    type Output = Usage;

    fn add(mut self, other: Usage) -> Usage {
        self += &other;
        self
    }
}

impl Sum for Usage {
    fn sum<I: Iterator<Item = Usage>>(iter: I) -> Usage {
        iter.fold(Usage::default(), Usage::add)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_counted_twice() {
        let usage = Usage {
            cache_read: 100,
            cache_write: 20,
            reasoning: 3,
            ..Usage::new(10, 5)
        };
        assert_eq!(usage.input_tokens(), 130);
        assert_eq!(usage.total_tokens(), 135);
    }

    #[test]
    fn sums_add_every_field_and_never_overflow() {
        let mut other = Usage {
            cache_read: 1,
            cache_write: 2,
            reasoning: 3,
            ..Usage::new(u64::MAX, 4)
        };
        other.extra.insert("searches", 2);
        let mut sum: Usage = [other.clone(), other].into_iter().sum();
        assert_eq!(
            (
                sum.input,
                sum.output,
                sum.cache_read,
                sum.cache_write,
                sum.reasoning
            ),
            (u64::MAX, 8, 2, 4, 6)
        );
        assert_eq!(sum.extra.get("searches"), Some(&4.into()));
        let mut tier = Usage::default();
        tier.extra.insert("searches", "many");
        sum += &tier;
        assert_eq!(sum.extra.get("searches"), Some(&"many".into()));
    }
}
