//! The selection of checkpoints that need not be kept.

use victor_checkpoint_protocol::{Checkpoint, Retention};
use victor_core::{CheckpointId, Timestamp};

/// The facts about a checkpoint that decide whether it is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) id: CheckpointId,
    pub(crate) at: Timestamp,
    pub(crate) labelled: bool,
}

impl From<&Checkpoint> for Entry {
    fn from(checkpoint: &Checkpoint) -> Self {
        Self {
            id: checkpoint.id,
            at: checkpoint.at,
            labelled: checkpoint.label.is_some(),
        }
    }
}

/// Those that need not be kept, of all checkpoints of a session, newest first.
pub(crate) fn expired<'a>(
    newest_first: impl IntoIterator<Item = &'a Entry>,
    retention: &Retention,
    now: Timestamp,
) -> Vec<CheckpointId> {
    let goes = |place: usize, entry: &Entry| {
        let crowded = retention.max_count.is_some_and(|count| place >= count);
        let old = retention
            .max_age
            .is_some_and(|age| now.saturating_duration_since(entry.at) > age);
        place > 0 && !entry.labelled && (crowded || old)
    };
    let places = newest_first.into_iter().enumerate();
    let gone = places.filter(|(place, entry)| goes(*place, entry));
    gone.map(|(_, entry)| entry.id).collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Checkpoints are letters, newest first, each an hour older than the one before, capital ones with a label.
    #[track_caller]
    fn check(checkpoints: &str, count: Option<usize>, hours: Option<u64>, expected: &str) {
        let now = Timestamp::from_unix_millis(1_000_000_000).unwrap();
        let entry = |(number, letter): (usize, char)| Entry {
            id: CheckpointId::from_u128(letter as u128),
            at: now - Duration::from_secs(3600 * number as u64),
            labelled: letter.is_uppercase(),
        };
        let entries: Vec<_> = checkpoints.chars().enumerate().map(entry).collect();
        let mut retention = Retention::default();
        retention.max_count = count;
        retention.max_age = hours.map(|hours| Duration::from_secs(3600 * hours));
        let gone: String = expired(&entries, &retention, now)
            .iter()
            .map(|id| char::from(id.as_u128().to_le_bytes()[0]))
            .collect();
        assert_eq!(gone, expected);
    }

    #[test]
    fn the_newest_and_those_with_a_label_are_kept() {
        check("", Some(0), Some(0), "");
        check("abcde", None, None, "");
        check("abcde", Some(5), None, "");
        check("abcde", Some(3), None, "de");
        check("abcde", Some(0), None, "bcde");
        check("aBcdE", Some(1), None, "cd");
        check("abcde", None, Some(2), "de");
        check("abcde", None, Some(0), "bcde");
        check("abCde", Some(4), Some(1), "de");
        check("abcde", Some(2), Some(3), "cde");
    }
}
