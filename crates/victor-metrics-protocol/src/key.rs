//! The names of measurements.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// Key of a measurement: a name, and labels that tell measurements of one name apart.
///
/// Names are in snake case, begin with `victor_`, end in `_total` for counters and in the unit for everything else:
/// `victor_tool_duration_us`. Units are `us`, microseconds, and `nanodollars`; an exporter may show others. Every set
/// of labels is a measurement of its own and stays in memory, so a label never holds what has no end, such as a
/// session: of what comes from outside, a recorder keeps so many sets apart and [counts](MetricKey::OVERFLOW) the rest
/// together.
///
/// ```
/// use victor_metrics_protocol::MetricKey;
///
/// let key = MetricKey::new("victor_tool_calls_total").with("tool", "read_file").with("outcome", "success");
/// assert_eq!(key.to_string(), r#"victor_tool_calls_total{outcome="success",tool="read_file"}"#);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MetricKey {
    /// The name.
    pub name: Cow<'static, str>,
    /// The labels, in the order of their names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<Cow<'static, str>, Cow<'static, str>>,
}

impl MetricKey {
    /// Value of the labels of measurements that were too many to be told apart.
    pub const OVERFLOW: &'static str = "other";

    /// A measurement without labels.
    pub fn new(name: impl Into<Cow<'static, str>>) -> Self {
        Self {
            name: name.into(),
            labels: BTreeMap::new(),
        }
    }

    /// The same measurement with one more label.
    #[must_use]
    pub fn with(
        mut self,
        label: impl Into<Cow<'static, str>>,
        value: impl Into<Cow<'static, str>>,
    ) -> Self {
        self.labels.insert(label.into(), value.into());
        self
    }
}

impl From<&'static str> for MetricKey {
    fn from(name: &'static str) -> Self {
        Self::new(name)
    }
}

impl fmt::Display for MetricKey {
    /// As Prometheus writes it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        for (index, (label, value)) in self.labels.iter().enumerate() {
            let before = if index == 0 { '{' } else { ',' };
            write!(f, "{before}{label}=\"")?;
            for char in value.chars() {
                match char {
                    '"' | '\\' => write!(f, "\\{char}")?,
                    '\n' => f.write_str("\\n")?,
                    char => write!(f, "{char}")?,
                }
            }
            f.write_str("\"")?;
        }
        f.write_str(if self.labels.is_empty() { "" } else { "}" })
    }
}
