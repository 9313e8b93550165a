//! The measurements that the health of coordinators has: contained failures.

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};

use victor_core::{Coordinator, Health, HealthStatus, Lock, contain_sync};
use victor_metrics_protocol::{Metric, MetricKey};

use crate::registry::{counted, level};

/// Names and descriptions.
pub(crate) const HELP: [(&str, &str); 2] = [
    (
        FAULTS,
        "Failures that a coordinator has contained, by the component that failed and their class.",
    ),
    (
        STATUS,
        "Present health of a coordinator: 0 healthy, 1 degraded, 2 unhealthy.",
    ),
];

const FAULTS: &str = "victor_faults_total";
const STATUS: &str = "victor_coordinator_status";

/// Coordinators whose health is read, as long as they live.
#[derive(Debug, Default)]
pub(crate) struct Watched(Lock<Vec<Weak<dyn Coordinator>>>);

impl Watched {
    pub(crate) fn add(&self, coordinator: &Arc<dyn Coordinator>) {
        let coordinator = Arc::downgrade(coordinator);
        let mut watched = self.0.lock();
        watched.retain(|known| known.strong_count() > 0);
        let is_same = |known: &Weak<_>| std::ptr::addr_eq(known.as_ptr(), coordinator.as_ptr());
        if !watched.iter().any(is_same) {
            watched.push(coordinator);
        }
    }

    /// Returns the measurements of all that live, and of `own` besides.
    pub(crate) fn read(&self, own: Health) -> Vec<Metric> {
        let watched = self.0.lock().clone();
        let healths = watched.iter().filter_map(Weak::upgrade).map(|coordinator| {
            contain_sync(|| coordinator.health()).unwrap_or_else(|panicked| {
                let name = coordinator.name();
                let mut health = Health::from_problems(name, vec![panicked.to_string()]);
                health.status = HealthStatus::Unhealthy;
                health
            })
        });
        let mut metrics = BTreeMap::<MetricKey, (i64, bool)>::new();
        for health in healths.chain([own]) {
            let of = |name| MetricKey::new(name).with("coordinator", health.coordinator.clone());
            let status = metrics.entry(of(STATUS)).or_insert((0, true));
            status.0 = status.0.max(health.status as i64);
            for fault in &health.faults {
                let key = of(FAULTS)
                    .with("component", fault.component.clone())
                    .with("class", fault.class.as_str());
                let count = i64::try_from(fault.count).unwrap_or(i64::MAX);
                let faults = metrics.entry(key).or_insert((0, false));
                faults.0 = faults.0.saturating_add(count);
            }
        }
        let value = |(value, is_level): (i64, bool)| match is_level {
            true => level(value),
            false => counted(value.unsigned_abs()),
        };
        let metrics = metrics.into_iter();
        metrics
            .map(|(key, read)| Metric::new(key, value(read)))
            .collect()
    }
}
