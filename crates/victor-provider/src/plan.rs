//! The targets of one request, in the order in which they are tried.

use std::hash::{BuildHasher, BuildHasherDefault, DefaultHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use victor_core::SessionId;
use victor_provider_protocol::{Failover, ProviderErrorKind, RouteOrder, RouteSpec};

use crate::target::Target;

/// A route whose targets are known.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) spec: RouteSpec,
    /// The targets with their weights, those of other routes among them; never empty.
    pub(crate) targets: Vec<(Arc<Target>, u32)>,
}

/// The targets of one request, and the place among them.
#[derive(Debug)]
pub(crate) struct Plan {
    current: Arc<Target>,
    route: Option<Arc<Route>>,
    /// The targets that have not been tried, as indices into those of the route; the next one is the last.
    left: Vec<usize>,
}

impl Plan {
    /// One target and no other.
    pub(crate) fn single(target: Arc<Target>) -> Self {
        Self {
            current: target,
            route: None,
            left: Vec::new(),
        }
    }

    /// The targets of a route in the order for a session. A target that is left alone comes after the others.
    pub(crate) fn route(route: &Arc<Route>, session: Option<&SessionId>) -> Self {
        let mut left: Vec<_> = (0..route.targets.len()).collect();
        if route.spec.order == RouteOrder::Weighted {
            let seed = match session {
                Some(session) => fixed_hash(session.as_str()),
                None => RandomState::new().hash_one(0),
            };
            left.sort_by(|&a, &b| {
                let rank = |index: usize| rank(route.targets[index].1, seed, index);
                rank(a).total_cmp(&rank(b))
            });
        }
        let is_cooling = |index: &usize| {
            let left = route.targets[*index].0.breaker.open_for();
            left.is_some_and(|left| !left.is_zero())
        };
        if left.iter().any(is_cooling) {
            left.sort_by_key(is_cooling);
        }
        left.reverse();
        // A route has a target.
        let first = left.pop().unwrap_or_default();
        Self {
            current: route.targets[first].0.clone(),
            route: Some(route.clone()),
            left,
        }
    }

    pub(crate) fn target(&self) -> &Arc<Target> {
        &self.current
    }

    pub(crate) fn spec(&self) -> Option<&RouteSpec> {
        self.route.as_deref().map(|route| &route.spec)
    }

    /// Whether another target could be tried.
    pub(crate) fn has_more(&self) -> bool {
        !self.left.is_empty()
    }

    /// Goes to the target that follows after an error, if there is one that is not left alone.
    pub(crate) fn advance(&mut self, kind: &ProviderErrorKind) -> Option<Arc<Target>> {
        let route = self.route.clone()?;
        let step = route.spec.after(kind);
        let window = |target: &Target| target.capabilities(&target.model).context_window;
        let current = window(&self.current);
        let fits = |index: usize| {
            let target = &route.targets[index].0;
            let suits = match &step {
                Failover::Next => true,
                Failover::LargerWindow => window(target) > current,
                Failover::Target(name) => **name == *target.name,
                _ => false,
            };
            suits && target.breaker.open_for().is_none_or(|left| left.is_zero())
        };
        let place = self.left.iter().rposition(|&index| fits(index))?;
        let index = self.left.remove(place);
        self.current = route.targets[index].0.clone();
        Some(self.current.clone())
    }

    /// The time after which the current target may be asked, where its breaker is open and it is one of a route.
    pub(crate) fn blocked_for(&self) -> Option<Duration> {
        self.route.as_ref()?;
        self.current
            .breaker
            .open_for()
            .filter(|left| !left.is_zero())
    }
}

/// The rank of a target: exponentially distributed with its weight as the rate, so that the lowest rank is that of a
/// target in proportion to its weight, and so on among the rest
/// (<https://en.wikipedia.org/wiki/Reservoir_sampling#Algorithm_A-ExpJ>).
fn rank(weight: u32, seed: u64, index: usize) -> f64 {
    if weight == 0 {
        return f64::INFINITY;
    }
    let chance = fixed_hash((seed, index)) >> 11;
    #[expect(clippy::cast_precision_loss, reason = "53 bits are left")]
    let chance = (chance as f64 + 1.0) / (1_u64 << 53) as f64;
    -chance.ln() / f64::from(weight)
}

/// A hash that is the same in every process of this version.
fn fixed_hash(value: impl std::hash::Hash) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one(value)
}
