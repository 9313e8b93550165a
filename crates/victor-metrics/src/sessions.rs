//! The measurements of single sessions.

use victor_core::{RecentMap, SessionId};
use victor_metrics_protocol::Metric;

use crate::derive::Sink;
use crate::measures::{Count, Distribution};
use crate::registry::counted;
use crate::sparse::Sparse;

/// The measurements of the sessions that were active last.
#[derive(Debug)]
pub(crate) struct Sessions(RecentMap<SessionId, Measured>);

/// The measurements of one session.
#[derive(Debug)]
struct Measured {
    counts: [u64; Count::ALL.len()],
    distributions: [Sparse; Distribution::ALL.len()],
}

impl Sessions {
    /// Keeps so many sessions at least, and at most twice as many.
    pub(crate) fn new(sessions: usize) -> Self {
        Self(RecentMap::new(sessions.saturating_mul(2)))
    }

    /// Returns a sink for the measurements of one event of a session.
    pub(crate) fn sink(&mut self, session: &SessionId) -> impl Sink + '_ {
        self.0.get_or_default(session)
    }

    /// Returns the measurements of a session that are not zero.
    pub(crate) fn read(&self, session: &SessionId) -> Option<Vec<Metric>> {
        let measured = self.0.peek(session)?;
        let counts = Count::ALL.iter().zip(measured.counts);
        let counts = counts.filter(|(_, count)| *count > 0);
        let distributions = Distribution::ALL.iter().zip(&measured.distributions);
        let distributions = distributions.map(|(measure, values)| (measure, values.read()));
        let distributions = distributions.filter(|(_, values)| values.count > 0);
        Some(
            counts
                .map(|(measure, count)| Metric::new(measure.name, counted(count)))
                .chain(distributions.map(|(measure, values)| Metric::new(measure.name, values)))
                .collect(),
        )
    }

    pub(crate) fn forget(&mut self, session: &SessionId) {
        self.0.remove(session);
    }
}

impl Sink for &mut Measured {
    fn count(&mut self, count: Count, _labels: [&str; 2], number: u64) {
        let count = &mut self.counts[count as usize];
        *count = count.saturating_add(number);
    }

    fn record(&mut self, distribution: Distribution, _label: &str, value: u64) {
        self.distributions[distribution as usize].record(value);
    }

    fn knows_tool(&self, _name: &str) -> bool {
        true
    }
}

impl Default for Measured {
    fn default() -> Self {
        Self {
            counts: [0; Count::ALL.len()],
            distributions: Default::default(),
        }
    }
}
