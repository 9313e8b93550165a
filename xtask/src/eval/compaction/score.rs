//! The share of needed messages that is left.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use victor_core::Messages;

use super::SHARES;
use super::conversation::{Conversation, Question, texts};

/// The columns: a source of conversations, and whether its needles are meant or its evidence.
const COLUMNS: [(&str, bool); 4] = [
    ("locomo", false),
    ("tau_bench_airline", false),
    ("tau_bench_airline", true),
    ("openhands", false),
];

/// The means of all compactions by one strategy.
#[derive(Debug, Default)]
pub(crate) struct Score {
    /// By the source, whether needles are meant, and the place of the share.
    recalls: BTreeMap<(String, bool, usize), Mean>,
    /// The number of contexts that a provider would refuse, such as for a call without its result.
    refused: usize,
    kept: Mean,
    time: Mean,
}

#[derive(Debug, Default)]
struct Mean {
    sum: f64,
    count: usize,
}

impl Mean {
    fn add(&mut self, value: f64) {
        self.sum += value;
        self.count += 1;
    }

    fn get(&self) -> f64 {
        self.sum / self.count as f64
    }
}

impl Score {
    /// The line above the scores.
    pub(crate) fn header() -> String {
        format!(
            "{:14} {:20} {:20} {:20} {:20} {:>7} {:>6} {:>7}",
            "strategy",
            "locomo evidence",
            "tau evidence",
            "tau needles",
            "openhands evidence",
            "refused",
            "kept",
            "ms"
        )
    }

    /// Adds how long a compaction took, and how many of the tokens it left.
    pub(crate) fn add_time(&mut self, time: Duration, after: u64, before: u64) {
        self.time.add(time.as_secs_f64() * 1e3);
        self.kept.add(after as f64 / before.max(1) as f64);
    }

    /// Adds what is left for a question, at the share of this place. Evidence must be there as it was; a needle in
    /// whatever message.
    pub(crate) fn add(
        &mut self,
        place: usize,
        conversation: &Conversation,
        question: &Question,
        left: &Messages,
    ) {
        let is_left = |place: &&usize| {
            left.iter()
                .any(|message| *message == conversation.messages[**place])
        };
        let mut add = |needles, found: usize, all: usize| {
            if all > 0 {
                let key = (conversation.source.clone(), needles, place);
                self.recalls
                    .entry(key)
                    .or_default()
                    .add(found as f64 / all as f64);
            }
        };
        let evidence = &question.evidence;
        add(
            false,
            evidence.iter().filter(is_left).count(),
            evidence.len(),
        );
        let said: Vec<String> = left.iter().map(|message| texts(message)).collect();
        let is_said = |needle: &&String| said.iter().any(|text| text.contains(needle.as_str()));
        let needles = &question.needles;
        add(true, needles.iter().filter(is_said).count(), needles.len());
        self.refused += usize::from(left.validate().is_err());
    }
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (source, needles) in COLUMNS {
            let recall = |place| {
                let mean = self.recalls.get(&(source.to_owned(), needles, place));
                mean.map_or_else(|| "-".to_owned(), |mean| format!("{:.3}", mean.get()))
            };
            let recalls: Vec<String> = (0..SHARES.len()).map(recall).collect();
            write!(f, "{:20} ", recalls.join("/"))?;
        }
        let (kept, time) = (self.kept.get(), self.time.get());
        write!(f, "{:7} {kept:6.3} {time:7.3}", self.refused)
    }
}
