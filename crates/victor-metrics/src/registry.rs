//! Instruments by their keys, in bounded memory.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use victor_core::{Lock, Problems};
use victor_metrics_protocol::{
    Counter, CounterValue, Gauge, GaugeValue, Histogram, Metric, MetricKey, MetricValue,
};

/// Counts the measurements whose labels were too many, by name.
pub(crate) const OVERFLOWS: &str = "victor_metrics_overflows_total";

/// The component of the health that is the keys of instruments.
const KEYS: &str = "keys";

/// Instruments by their keys. Of each name there are so many sets of labels, and one more for all others.
#[derive(Debug)]
pub(crate) struct Registry {
    names: Lock<BTreeMap<Cow<'static, str>, Named>>,
    most_names: usize,
    label_sets: usize,
    problems: Problems,
}

/// The instruments of one name, all of one kind.
type Named = HashMap<MetricKey, Instrument>;

#[derive(Debug, Clone)]
pub(crate) enum Instrument {
    Counter(Counter),
    Gauge(Gauge),
    Histogram(Histogram),
}

/// A kind of instrument.
pub(crate) trait Kind: Clone + Default + Into<Instrument> {
    const KIND: &'static str;

    fn of(instrument: &Instrument) -> Option<&Self>;
}

macro_rules! kinds {
    ($($name:ident $kind:literal)*) => {
        $(
            impl From<$name> for Instrument {
                fn from(instrument: $name) -> Self {
                    Self::$name(instrument)
                }
            }

            impl Kind for $name {
                const KIND: &'static str = $kind;

                fn of(instrument: &Instrument) -> Option<&Self> {
                    match instrument {
                        Instrument::$name(instrument) => Some(instrument),
                        _ => None,
                    }
                }
            }
        )*
    };
}

kinds! { Counter "counter" Gauge "gauge" Histogram "histogram" }

impl Registry {
    pub(crate) fn new(most_names: usize, label_sets: usize) -> Self {
        Self {
            names: Lock::default(),
            most_names,
            label_sets,
            problems: Problems::default(),
        }
    }

    /// Returns the instrument of a key, or of the key of all others where there are too many. One that cannot be had
    /// is read by nobody, and health says why.
    pub(crate) fn get<T: Kind>(&self, key: &MetricKey) -> T {
        match self.find(key) {
            Ok(instrument) => instrument,
            Err(problem) => {
                self.problems.report(KEYS, problem);
                T::default()
            }
        }
    }

    fn find<T: Kind>(&self, key: &MetricKey) -> Result<T, String> {
        let mut names = self.names.lock();
        if names.len() >= self.most_names && !names.contains_key(&key.name) {
            let most = self.most_names;
            return Err(format!(
                "`{}` is not recorded: there are {most} names, put what differs into labels",
                key.name
            ));
        }
        let named = names.entry(key.name.clone()).or_default();
        if let Some(known) = named.values().next()
            && T::of(known).is_none()
        {
            let kind = kind_of(known);
            return Err(format!(
                "`{}` is a {kind} and not a {}: choose another name",
                key.name,
                T::KIND
            ));
        }
        if let Some(known) = named.get(key).and_then(T::of) {
            return Ok(known.clone());
        }
        // Without labels there are no others, and with theirs it is they.
        let is_others = (key.labels.values()).all(|value| value == MetricKey::OVERFLOW);
        if is_others || named.len() < self.label_sets {
            let instrument = T::default();
            named.insert(key.clone(), instrument.clone().into());
            return Ok(instrument);
        }
        let others = named.entry(others(key));
        let others = others.or_insert_with(|| T::default().into());
        let others = T::of(others).cloned().unwrap_or_default();
        drop(names);
        self.overflow(key.name.clone()).add(1);
        Ok(others)
    }

    /// Returns the counter of measurements of a name whose labels were too many.
    pub(crate) fn overflow(&self, name: Cow<'static, str>) -> Counter {
        let key = MetricKey::new(OVERFLOWS).with("metric", name);
        let mut names = self.names.lock();
        let named = names.entry(OVERFLOWS.into()).or_default();
        // There are no more of them than names.
        let counter = named
            .entry(key)
            .or_insert_with(|| Counter::default().into());
        Counter::of(counter).cloned().unwrap_or_default()
    }

    /// Returns all measurements.
    pub(crate) fn read(&self) -> Vec<Metric> {
        let names = self.names.lock();
        let instruments: Vec<_> = (names.values().flatten())
            .map(|(key, instrument)| (key.clone(), instrument.clone()))
            .collect();
        // Reading takes time, and the lock is free again.
        drop(names);
        let read = |(key, instrument)| Metric::new(key, read(&instrument));
        instruments.into_iter().map(read).collect()
    }

    pub(crate) fn problems(&self) -> &Problems {
        &self.problems
    }
}

fn read(instrument: &Instrument) -> MetricValue {
    match instrument {
        Instrument::Counter(counter) => counted(counter.get()),
        Instrument::Gauge(gauge) => level(gauge.get()),
        Instrument::Histogram(histogram) => histogram.read().into(),
    }
}

/// The value of a counter.
pub(crate) fn counted(value: u64) -> MetricValue {
    let counter = CounterValue {
        value,
        ..Default::default()
    };
    counter.into()
}

/// The value of a gauge.
pub(crate) fn level(value: i64) -> MetricValue {
    let gauge = GaugeValue {
        value,
        ..Default::default()
    };
    gauge.into()
}

/// The key of all measurements of a name and these labels that are too many to be told apart.
pub(crate) fn others(key: &MetricKey) -> MetricKey {
    let mut others = key.clone();
    for value in others.labels.values_mut() {
        *value = MetricKey::OVERFLOW.into();
    }
    others
}

fn kind_of(instrument: &Instrument) -> &'static str {
    match instrument {
        Instrument::Counter(_) => Counter::KIND,
        Instrument::Gauge(_) => Gauge::KIND,
        Instrument::Histogram(_) => Histogram::KIND,
    }
}
