//! Numbers of events by type.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use victor_analytics_protocol::AnalyticsEvent;

/// The number of types that are counted one by one.
const MOST: usize = 200;

/// The longest name of a type, in characters.
const LONGEST: usize = 100;

/// Name of all further types.
const OTHER: &str = "other";

/// The numbers of events, by the names that their types become.
#[derive(Debug, Clone, Default)]
pub(super) struct Counts(BTreeMap<String, u64>);

impl Counts {
    pub(super) fn add(&mut self, events: &[AnalyticsEvent]) {
        for event in events {
            let mut name = name(&event.event_type);
            if self.0.len() >= MOST && !self.0.contains_key(&name) {
                OTHER.clone_into(&mut name);
            }
            let count = self.0.entry(name).or_default();
            *count = count.saturating_add(1);
        }
    }

    /// Returns them in the text format 0.0.4.
    pub(super) fn to_text(&self) -> String {
        let mut text = String::new();
        for (name, count) in &self.0 {
            let metric = format!("victor_analytics_{name}");
            // Writing to a string cannot fail.
            let _ = write!(
                text,
                "# HELP {metric} Number of {name} events.\n# TYPE {metric} counter\n{metric} {count}\n"
            );
        }
        text
    }
}

/// The end of a metric's name that a type becomes.
fn name(event_type: &str) -> String {
    let valid = |char: char| match char {
        char if char.is_ascii_alphanumeric() => char,
        _ => '_',
    };
    match event_type {
        "" => "unnamed".to_owned(),
        _ => event_type.chars().take(LONGEST).map(valid).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_become_names() {
        let check = |event_type: &str, expected: &str| assert_eq!(name(event_type), expected);
        check("turn_finished", "turn_finished");
        check("größe 📏", "gr__e__");
        check("a{b=\"c\"} 1\n# x", "a_b__c___1___x");
        check("", "unnamed");
        check("9", "9");
        assert_eq!(name(&"é".repeat(1_000)).len(), 100);
    }

    #[test]
    fn types_without_end_are_counted_together() {
        let mut counts = Counts::default();
        for number in 0..1_000 {
            counts.add(&[AnalyticsEvent::new(format!("t{number}"))]);
        }
        assert_eq!(counts.0.len(), MOST + 1);
        assert_eq!(counts.0[OTHER], 800);
        assert_eq!(counts.0.values().sum::<u64>(), 1_000);
    }
}
