//! The instruments of the derived measurements, found by their labels without an allocation.

use std::collections::HashMap;

use victor_core::{SharedLock, ToolOutcome};
use victor_metrics_protocol::{Counter, Histogram, MetricKey};

use crate::derive::Sink;
use crate::measures::{Count, Distribution, Measure};
use crate::registry::{Kind, Registry};

/// The longest value of a label, in bytes. A longer one is cut.
const LONGEST: usize = 120;

/// The instruments of all derived measurements.
#[derive(Debug)]
pub(crate) struct Families {
    counts: Vec<Family<Counter>>,
    distributions: Vec<Family<Histogram>>,
}

/// The instruments of one measurement, by its labels.
#[derive(Debug)]
struct Family<T> {
    measure: &'static Measure,
    known: SharedLock<Known<T>>,
}

#[derive(Debug)]
struct Known<T> {
    sets: HashMap<Box<str>, HashMap<Box<str>, T>>,
    len: usize,
    /// The instrument of all further sets, and the counter of what is written into it.
    others: Option<(T, Counter)>,
}

impl Families {
    /// Registers the measurements without labels, so that they are there from the beginning.
    pub(crate) fn new(registry: &Registry) -> Self {
        let families = Self {
            counts: Count::ALL.iter().map(Family::new).collect(),
            distributions: Distribution::ALL.iter().map(Family::new).collect(),
        };
        for family in &families.counts {
            family.begin(registry);
        }
        for family in &families.distributions {
            family.begin(registry);
        }
        families
    }

    /// Returns a sink for the measurements of one event.
    pub(crate) fn sink<'a>(&'a self, registry: &'a Registry, label_sets: usize) -> impl Sink + 'a {
        Writer {
            families: self,
            registry,
            label_sets,
        }
    }
}

struct Writer<'a> {
    families: &'a Families,
    registry: &'a Registry,
    label_sets: usize,
}

impl Sink for Writer<'_> {
    fn count(&mut self, count: Count, labels: [&str; 2], number: u64) {
        let family = &self.families.counts[count as usize];
        family.with(labels, self, |counter| counter.add(number));
    }

    fn record(&mut self, distribution: Distribution, label: &str, value: u64) {
        let family = &self.families.distributions[distribution as usize];
        family.with([label, ""], self, |histogram| histogram.record(value));
    }

    fn knows_tool(&self, name: &str) -> bool {
        let rejected = ToolOutcome::Rejected;
        let calls = self.families.counts[Count::ToolCalls as usize].known.read();
        let outcomes = calls.sets.get(cut(name));
        outcomes.is_some_and(|outcomes| outcomes.keys().any(|known| **known != *rejected.as_str()))
    }
}

impl<T: Kind> Family<T> {
    fn new(measure: &'static Measure) -> Self {
        let known = Known {
            sets: HashMap::new(),
            len: 0,
            others: None,
        };
        Self {
            measure,
            known: SharedLock::new(known),
        }
    }

    fn begin(&self, registry: &Registry) {
        if self.measure.labels.is_empty() {
            let key = MetricKey::new(self.measure.name);
            self.known.write().insert([""; 2], registry.get(&key));
        }
    }

    /// Writes into the instrument of these labels.
    fn with(&self, labels: [&str; 2], writer: &Writer<'_>, write: impl Fn(&T)) {
        let labels = labels.map(cut);
        let known = self.known.read();
        if let Some(instrument) = known.get(labels) {
            return write(instrument);
        }
        if known.len >= writer.label_sets
            && let Some((instrument, overflows)) = &known.others
        {
            overflows.add(1);
            return write(instrument);
        }
        drop(known);
        let mut known = self.known.write();
        let registry = writer.registry;
        if known.get(labels).is_none() && known.len < writer.label_sets {
            known.insert(labels, registry.get(&self.key(labels)));
        }
        if let Some(instrument) = known.get(labels) {
            return write(instrument);
        }
        let (instrument, overflows) = known.others.get_or_insert_with(|| {
            let others = self.key([MetricKey::OVERFLOW; 2]);
            let overflows = registry.overflow(self.measure.name.into());
            (registry.get(&others), overflows)
        });
        overflows.add(1);
        write(instrument);
    }

    fn key(&self, labels: [&str; 2]) -> MetricKey {
        let named = self.measure.labels.iter().zip(labels);
        named.fold(MetricKey::new(self.measure.name), |key, (label, value)| {
            key.with(*label, value.to_owned())
        })
    }
}

impl<T> Known<T> {
    fn get(&self, [first, second]: [&str; 2]) -> Option<&T> {
        self.sets.get(first)?.get(second)
    }

    fn insert(&mut self, [first, second]: [&str; 2], instrument: T) {
        let sets = self.sets.entry(first.into()).or_default();
        sets.insert(second.into(), instrument);
        self.len += 1;
    }
}

/// The value of a label, not longer than it may be.
fn cut(value: &str) -> &str {
    &value[..value.floor_char_boundary(LONGEST)]
}
