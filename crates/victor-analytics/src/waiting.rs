//! The events that wait for one exporter.

use std::collections::VecDeque;

use victor_analytics_protocol::AnalyticsEvent;
use victor_core::SessionId;

/// An event and its number, which grows.
pub(crate) type Numbered = (u64, AnalyticsEvent);

/// The events that wait for one exporter, oldest first.
///
/// An event that is being exported stays here until it has arrived.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    events: VecDeque<Numbered>,
    next: u64,
    dropped: u64,
    closed: bool,
}

impl Waiting {
    /// Adds an event, in place of the oldest one if there are `limit`. Returns the number of events if it has grown.
    pub(crate) fn push(&mut self, event: AnalyticsEvent, limit: usize) -> Option<usize> {
        if self.closed {
            self.dropped += 1;
            return None;
        }
        let before = self.events.len();
        while self.events.len() >= limit.max(1) {
            self.events.pop_front();
            self.dropped += 1;
        }
        self.events.push_back((self.next, event));
        self.next += 1;
        (self.events.len() > before).then_some(self.events.len())
    }

    /// The number of the next event.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    /// The oldest events before number `end`, of one session or of all.
    pub(crate) fn batch(
        &self,
        session: Option<&SessionId>,
        end: u64,
        size: usize,
    ) -> Vec<Numbered> {
        let before = self.events.iter().take_while(|(number, _)| *number < end);
        let wanted =
            before.filter(|(_, event)| session.is_none() || event.session_id.as_ref() == session);
        wanted.take(size.max(1)).cloned().collect()
    }

    /// Removes events that have arrived, which came from [`batch`](Self::batch).
    pub(crate) fn remove(&mut self, arrived: &[Numbered]) {
        let before = self.events.len();
        let mut arrived_numbers = arrived.iter().map(|(number, _)| *number).peekable();
        self.events.retain(|(number, _)| {
            while arrived_numbers
                .next_if(|arrived| arrived < number)
                .is_some()
            {}
            arrived_numbers.next_if_eq(number).is_none()
        });
        // Those that are missing were dropped while they were under way, and arrived after all.
        let missing = arrived.len() - (before - self.events.len());
        self.dropped = self.dropped.saturating_sub(missing as u64);
    }

    /// Takes no more events, drops those that wait, and says how many.
    pub(crate) fn close(&mut self) -> usize {
        self.closed = true;
        let lost = self.events.len();
        self.dropped += lost as u64;
        self.events = VecDeque::new();
        lost
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed
    }

    pub(crate) fn len(&self) -> usize {
        self.events.len()
    }

    /// Returns the number of events that were dropped in all.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(sessions: &str, limit: usize) -> Waiting {
        let mut waiting = Waiting::default();
        for session in sessions.chars() {
            push(&mut waiting, session, limit);
        }
        waiting
    }

    fn push(waiting: &mut Waiting, session: char, limit: usize) -> Option<usize> {
        let mut event = AnalyticsEvent::new("e");
        event.session_id = Some(session.to_string().into());
        waiting.push(event, limit)
    }

    fn numbers(events: &[Numbered]) -> Vec<u64> {
        events.iter().map(|(number, _)| *number).collect()
    }

    fn left(waiting: &Waiting) -> Vec<u64> {
        numbers(&waiting.batch(None, u64::MAX, usize::MAX))
    }

    #[test]
    fn a_batch_is_the_oldest_of_those_wanted() {
        let waiting = waiting("abaab", 10);
        let check = |session: Option<&str>, end, size, expected: &[u64]| {
            let session = session.map(SessionId::from);
            assert_eq!(
                numbers(&waiting.batch(session.as_ref(), end, size)),
                expected
            );
        };
        check(None, 9, 3, &[0, 1, 2]);
        check(None, 2, 3, &[0, 1]);
        check(Some("a"), 9, 2, &[0, 2]);
        check(Some("b"), 9, 9, &[1, 4]);
        check(Some("b"), 4, 9, &[1]);
        check(Some("c"), 9, 9, &[]);
        check(None, 9, 0, &[0]);
    }

    #[test]
    fn what_arrived_is_removed_and_the_rest_stays() {
        let mut waiting = waiting("abaab", 10);
        let batch = waiting.batch(Some(&"a".into()), 9, 9);
        waiting.remove(&batch[..2]);
        assert_eq!(left(&waiting), [1, 3, 4]);
        assert_eq!(waiting.dropped(), 0);
    }

    #[test]
    fn beyond_the_limit_the_oldest_are_dropped_and_counted_unless_they_arrive() {
        let mut waiting = waiting("aaaa", 4);
        let batch = waiting.batch(None, 9, 3);
        push(&mut waiting, 'a', 4);
        push(&mut waiting, 'a', 4);
        assert_eq!((left(&waiting), waiting.dropped()), (vec![2, 3, 4, 5], 2));
        waiting.remove(&batch);
        assert_eq!((left(&waiting), waiting.dropped()), (vec![3, 4, 5], 0));
        let first = Waiting::default().push(AnalyticsEvent::new("e"), 0);
        assert_eq!(first, Some(1), "there is always room for one");
    }

    #[test]
    fn each_size_is_told_once() {
        let mut waiting = Waiting::default();
        let told: Vec<_> = (0..6).map(|_| push(&mut waiting, 'a', 3)).collect();
        assert_eq!(told, [Some(1), Some(2), Some(3), None, None, None]);
    }

    #[test]
    fn once_closed_everything_is_dropped() {
        let mut waiting = waiting("aaa", 4);
        assert_eq!(waiting.close(), 3);
        push(&mut waiting, 'a', 4);
        assert_eq!(
            (waiting.len(), waiting.dropped(), waiting.close()),
            (0, 4, 0)
        );
    }
}
