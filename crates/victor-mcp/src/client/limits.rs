//! Limits on the messages of a server.

use std::time::{Duration, Instant};

/// The most bytes of a message.
pub(super) const MAX_MESSAGE: usize = 16 << 20;

/// The most messages within [`WINDOW`]. A server that reports progress with every line of a large file stays far below.
const MAX_MESSAGES: u32 = 20_000;

const WINDOW: Duration = Duration::from_secs(10);

/// Counts messages.
#[derive(Debug, Default)]
pub(super) struct Rate {
    since: Option<Instant>,
    count: u32,
}

impl Rate {
    /// Counts a message.
    ///
    /// # Errors
    ///
    /// There were too many.
    pub(super) fn count(&mut self, now: Instant) -> Result<(), String> {
        let since = *self.since.get_or_insert(now);
        if now - since > WINDOW {
            self.since = Some(now);
            self.count = 0;
        }
        self.count += 1;
        if self.count > MAX_MESSAGES {
            return Err(format!(
                "it sent more than {MAX_MESSAGES} messages within {} s",
                WINDOW.as_secs()
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_is_told_from_much_work() {
        let start = Instant::now();
        let mut rate = Rate::default();
        for second in 0..60 {
            for _ in 0..1_000 {
                rate.count(start + Duration::from_secs(second)).unwrap();
            }
        }
        let flood = (0..=MAX_MESSAGES).map(|_| rate.count(start + Duration::from_secs(100)));
        assert_eq!(flood.filter(Result::is_err).count(), 1);
    }
}
