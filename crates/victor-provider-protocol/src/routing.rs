//! Routes as data: the targets of a request, and the rules by which it goes from one to the next.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::ProviderErrorKind;

/// A list of targets, and the rules by which a request goes from one to the next. It can stand in a file of settings.
///
/// ```
/// use victor_provider_protocol::RouteSpec;
///
/// let route: RouteSpec = serde_json::from_str(r#"{
///     "targets": [{"target": "main"}, {"target": "backup"}],
///     "failover": [{"on": ["rate_limit", "overloaded"], "then": "next"}],
///     "timeout": 120
/// }"#)?;
/// assert_eq!(route.targets.len(), 2);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RouteSpec {
    /// The targets, or routes whose targets stand in their place.
    pub targets: Vec<RouteTarget>,
    /// The order in which targets are tried. Defaults to that of the list.
    #[serde(default)]
    pub order: RouteOrder,
    /// The rules by class of error; the first one that names a class counts. A class that no rule names follows
    /// [`Failover::of`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failover: Vec<FailoverRule>,
    /// Most attempts at one target. Defaults to that of the coordinator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_attempts: Option<u32>,
    /// Time limit of the whole call with all attempts and waits, in seconds. Defaults to none.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "seconds")]
    pub timeout: Option<Duration>,
    /// Time limit from the beginning of an attempt to its first event, in seconds. Defaults to that of the coordinator.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "seconds")]
    pub first_event_timeout: Option<Duration>,
    /// Time limit from one event of an answer to the next, in seconds. Defaults to that of the coordinator.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "seconds")]
    pub idle_timeout: Option<Duration>,
}

impl RouteSpec {
    /// A route to these targets, from first to last.
    pub fn new(targets: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self {
            targets: targets.into_iter().map(RouteTarget::new).collect(),
            ..Self::default()
        }
    }

    /// Sets [`order`](Self::order).
    #[must_use]
    pub fn with_order(mut self, order: RouteOrder) -> Self {
        self.order = order;
        self
    }

    /// Adds a rule to [`failover`](Self::failover).
    #[must_use]
    pub fn with_rule(
        mut self,
        on: impl IntoIterator<Item = ProviderErrorKind>,
        then: Failover,
    ) -> Self {
        let on = on.into_iter().collect();
        self.failover.push(FailoverRule { on, then });
        self
    }

    /// Sets [`max_attempts`](Self::max_attempts).
    #[must_use]
    pub fn with_max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = Some(attempts);
        self
    }

    /// Sets [`timeout`](Self::timeout).
    #[must_use]
    pub fn with_timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Returns the step after an error of this class.
    #[must_use]
    pub fn after(&self, kind: &ProviderErrorKind) -> Failover {
        let rule = self.failover.iter().find(|rule| rule.on.contains(kind));
        rule.map_or_else(|| Failover::of(kind), |rule| rule.then.clone())
    }
}

/// A target in a route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RouteTarget {
    /// The name of a target or of another route.
    pub target: String,
    /// Its share of the requests where the order is [`Weighted`](RouteOrder::Weighted), relative to the others.
    /// Defaults to 1; at 0 it is tried only after all others.
    #[serde(default = "one")]
    pub weight: u32,
}

impl RouteTarget {
    /// A target with the weight 1.
    pub fn new(target: impl Into<String>) -> Self {
        Self {
            target: target.into(),
            weight: one(),
        }
    }

    /// Sets [`weight`](Self::weight).
    #[must_use]
    pub fn with_weight(mut self, weight: u32) -> Self {
        self.weight = weight;
        self
    }
}

fn one() -> u32 {
    1
}

/// The order in which the targets of a route are tried.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RouteOrder {
    /// From first to last.
    #[default]
    Ordered,
    /// By chance, in proportion to the weights. A session stays with the target that was chosen for it, which keeps the
    /// provider's prompt cache.
    Weighted,
}

/// A rule of a route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FailoverRule {
    /// The classes of errors for which it holds. Besides the classes of [`ProviderErrorKind`] there is `refusal`: the
    /// model declined to answer, or a filter stopped it.
    pub on: Vec<ProviderErrorKind>,
    /// The step after such an error, once the attempts at the target are used up.
    pub then: Failover,
}

/// The step after an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Failover {
    /// The next target of the route.
    Next,
    /// The next target whose window is larger; without one, the error is returned, and the turn compacts its context.
    LargerWindow,
    /// A target of the route by its name.
    Target(String),
    /// No other target: the error is returned.
    Stop,
}

impl Failover {
    /// Returns the step after an error of a class that no rule names: the next target where the request may succeed
    /// elsewhere, a larger window for a request that is too long, and none for a request that is wrong everywhere.
    #[must_use]
    pub fn of(kind: &ProviderErrorKind) -> Self {
        use ProviderErrorKind::{
            AnswerTooLarge, Authentication, Connection, ContextTooLong, Loading, Malformed,
            NotFound, Overloaded, Panicked, Quota, RateLimit, Server, Timeout, Truncated,
        };
        match kind {
            ContextTooLong => Self::LargerWindow,
            Authentication | Quota | RateLimit | Overloaded | Loading | NotFound | Server
            | Connection | Timeout | Truncated | Malformed | AnswerTooLarge | Panicked => {
                Self::Next
            }
            _ => Self::Stop,
        }
    }
}

/// Durations as numbers of seconds, as people write them in settings.
mod seconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer, de};

    #[expect(clippy::ref_option, reason = "serde calls it so")]
    pub(super) fn serialize<S: Serializer>(
        duration: &Option<Duration>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match duration {
            Some(duration) => serializer.serialize_f64(duration.as_secs_f64()),
            None => serializer.serialize_none(),
        }
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Duration>, D::Error> {
        let seconds = Option::<f64>::deserialize(deserializer)?;
        let duration = |seconds| {
            Duration::try_from_secs_f64(seconds)
                .ok()
                .filter(|duration| !duration.is_zero())
                .ok_or_else(|| {
                    de::Error::custom(format_args!(
                        "{seconds} is no time limit: write seconds above 0, or leave it out"
                    ))
                })
        };
        seconds.map(duration).transpose()
    }
}
