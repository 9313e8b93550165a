//! The dead letters that are held.

use std::collections::VecDeque;

use victor_analytics_protocol::DeadLetter;
use victor_core::Lock;

/// The last dead letters of all exporters, in memory of limited size.
#[derive(Debug)]
pub(crate) struct Letters {
    held: Lock<VecDeque<DeadLetter>>,
    limit: usize,
}

impl Letters {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            held: Lock::default(),
            limit,
        }
    }

    pub(crate) fn keep(&self, letters: Vec<DeadLetter>) {
        let mut held = self.held.lock();
        held.extend(letters);
        let too_many = held.len().saturating_sub(self.limit);
        held.drain(..too_many);
    }

    pub(crate) fn list(&self) -> Vec<DeadLetter> {
        self.held.lock().iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use victor_analytics_protocol::AnalyticsEvent;

    use super::*;

    #[test]
    fn the_last_are_held() {
        let letters = Letters::new(2);
        let letter = |reason: &str| DeadLetter::new("x", AnalyticsEvent::new("e"), reason);
        letters.keep(vec![letter("1")]);
        letters.keep(vec![letter("2"), letter("3")]);
        let reasons: Vec<_> = letters
            .list()
            .into_iter()
            .map(|letter| letter.reason)
            .collect();
        assert_eq!(reasons, ["2", "3"]);
    }
}
