//! The health of coordinators, and the memory behind it.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Lock;

/// Health of a coordinator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Health {
    /// Whose health it is.
    pub coordinator: String,
    /// The short answer.
    pub status: HealthStatus,
    /// Present problems, most recent last; empty while healthy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
    /// The failures that were contained since the start, those included that are over.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<FaultCount>,
}

/// Status of a coordinator, from best to worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HealthStatus {
    /// All is well.
    Healthy,
    /// It works, with something missing: a source that does not answer, events that were dropped.
    Degraded,
    /// It does not work.
    Unhealthy,
}

/// The number of contained failures of one component, of one class.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct FaultCount {
    /// The component that failed.
    pub component: String,
    /// The class of the failures.
    pub class: FaultClass,
    /// The number of times.
    pub count: u64,
}

/// Class of a contained failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum FaultClass {
    /// The component reported an error.
    Error,
    /// The component panicked.
    Panic,
    /// The component gave no answer in time.
    Timeout,
}

impl FaultClass {
    /// Returns the class of a failure by its text: that of [`Panicked`](crate::Panicked) tells a panic, that of a time
    /// limit in `victor-guard` a time-out, also where another error has taken the text up. All else is an error.
    ///
    /// ```
    /// use victor_core::FaultClass;
    ///
    /// assert_eq!(FaultClass::of("writing panicked: out of cheese"), FaultClass::Panic);
    /// assert_eq!(FaultClass::of("gave no answer within 5s"), FaultClass::Timeout);
    /// assert_eq!(FaultClass::of("connection refused"), FaultClass::Error);
    /// ```
    #[must_use]
    pub fn of(text: &str) -> Self {
        if text.contains("panicked: ") {
            Self::Panic
        } else if text.contains("gave no answer within ") {
            Self::Timeout
        } else {
            Self::Error
        }
    }

    /// Returns the class as it is stored and sent.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Panic => "panic",
            Self::Timeout => "timeout",
        }
    }
}

impl fmt::Display for FaultClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Health {
    /// All is well with `coordinator`.
    pub fn healthy(coordinator: impl Into<String>) -> Self {
        Self {
            coordinator: coordinator.into(),
            status: HealthStatus::Healthy,
            problems: Vec::new(),
            faults: Vec::new(),
        }
    }

    /// Degraded where there are problems, otherwise healthy.
    pub fn from_problems(coordinator: impl Into<String>, problems: Vec<String>) -> Self {
        let mut health = Self::healthy(coordinator);
        problems
            .into_iter()
            .for_each(|problem| health.add_problem(problem));
        health
    }

    /// Adds a problem. What was healthy is degraded from then on.
    pub fn add_problem(&mut self, problem: impl Into<String>) {
        self.problems.push(problem.into());
        self.status = self.status.max(HealthStatus::Degraded);
    }

    /// Adds what a component tells of itself: its problems and faults, and its status if that is the worse one.
    pub fn add(&mut self, component: Self) {
        self.problems.extend(component.problems);
        self.faults.extend(component.faults);
        self.status = self.status.max(component.status);
    }

    /// Whether all is well.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        self.status == HealthStatus::Healthy
    }
}

/// Present problems by the name of the component that has them, and the number of failures until now: the memory behind
/// a coordinator's [`Health`].
///
/// A component that fails is [reported](Self::report), one that works again is [cleared](Self::clear). Each report
/// counts, so whoever reads the health can count every failure that was contained, and nobody has to tell it.
///
/// ```
/// use victor_core::{HealthStatus, Problems};
///
/// let problems = Problems::default();
/// problems.report("database", "connection refused");
/// assert_eq!(problems.health("config").problems, ["database: connection refused"]);
/// problems.clear("database");
/// let health = problems.health("config");
/// assert_eq!((health.status, health.faults[0].count), (HealthStatus::Healthy, 1));
/// ```
#[derive(Debug, Default)]
pub struct Problems(Lock<Noted>);

#[derive(Debug, Default)]
struct Noted {
    present: BTreeMap<String, String>,
    faults: BTreeMap<String, [u64; CLASSES.len()]>,
}

const CLASSES: [FaultClass; 3] = [FaultClass::Error, FaultClass::Panic, FaultClass::Timeout];

/// The number of components that are counted one by one.
const COUNTED: usize = 100;

/// The name under which the failures of all further components are counted.
const OTHERS: &str = "other";

impl Problems {
    /// Notes that `part` fails, in place of what was noted of it before, and counts the failure. The failures of the
    /// first 100 components are counted by name, all others as those of `other`; those of a session, which is called
    /// "session" and its name in backquotes, are counted without that name.
    pub fn report(&self, part: impl Into<String>, problem: impl fmt::Display) {
        let (part, problem) = (part.into(), problem.to_string());
        let mut noted = self.0.lock();
        noted.count(&part, FaultClass::of(&problem));
        noted.present.insert(part, problem);
    }

    /// Notes that `part` works.
    pub fn clear(&self, part: &str) {
        self.0.lock().present.remove(part);
    }

    /// The health of a coordinator that has these problems.
    pub fn health(&self, coordinator: &str) -> Health {
        let noted = self.0.lock();
        let problems = noted.present.iter();
        let problems = problems.map(|(part, problem)| format!("{part}: {problem}"));
        let mut health = Health::from_problems(coordinator, problems.collect());
        for (component, counts) in &noted.faults {
            let counted = CLASSES.into_iter().zip(*counts);
            health.faults.extend(
                counted
                    .filter(|(_, count)| *count > 0)
                    .map(|(class, count)| FaultCount {
                        component: component.clone(),
                        class,
                        count,
                    }),
            );
        }
        health
    }
}

impl Noted {
    fn count(&mut self, component: &str, class: FaultClass) {
        // Sessions have no end, and who they are is nobody's business where failures are counted.
        let component = match component.starts_with("session `") {
            true => "session",
            false => component,
        };
        let is_full = self.faults.len() >= COUNTED;
        let component = if is_full && !self.faults.contains_key(component) {
            OTHERS
        } else {
            component
        };
        let counts = match self.faults.get_mut(component) {
            Some(counts) => counts,
            None => self.faults.entry(component.to_owned()).or_default(),
        };
        counts[class as usize] += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_report_counts_by_component_and_class() {
        let problems = Problems::default();
        for problem in [
            "no luck",
            "panicked: no cheese",
            "no luck",
            "it gave no answer within 1s",
        ] {
            problems.report("store", problem);
        }
        problems.clear("store");
        let faults = problems.health("session").faults;
        let counted: Vec<_> = faults
            .iter()
            .map(|fault| (&*fault.component, fault.class.as_str(), fault.count))
            .collect();
        let expected = [
            ("store", "error", 2),
            ("store", "panic", 1),
            ("store", "timeout", 1),
        ];
        assert_eq!(counted, expected);
    }

    #[test]
    fn components_without_end_are_counted_together() {
        let problems = Problems::default();
        for number in 0..1_000 {
            problems.report(format!("session `{number}`"), "lost");
        }
        assert_eq!(problems.health("session").faults.len(), 1);
        let problems = Problems::default();
        for number in 0..1_000 {
            problems.report(number.to_string(), "lost");
            problems.clear(&number.to_string());
        }
        let faults = problems.health("session").faults;
        assert_eq!(faults.len(), COUNTED + 1);
        assert_eq!(faults.iter().map(|fault| fault.count).sum::<u64>(), 1_000);
    }
}
