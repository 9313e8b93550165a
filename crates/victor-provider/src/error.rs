//! Errors of a set of targets and routes.

use victor_core::UnknownName;

/// A set of targets and routes that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RoutingError {
    /// There is no target.
    #[error("there is no target: add one with `target`")]
    NoTarget,
    /// Two targets or routes have the same name.
    #[error("`{name}` names two targets or routes: each needs a name of its own")]
    NameTaken {
        /// The name.
        name: String,
    },
    /// A target or route has no name.
    #[error("a target or route has an empty name: give it one")]
    EmptyName,
    /// A route has no targets.
    #[error("route `{route}` has no targets: name at least one")]
    EmptyRoute {
        /// The name of the route.
        route: String,
    },
    /// A route leads to itself.
    #[error("route `{route}` leads back to itself by way of {path}: remove one of the steps")]
    Loop {
        /// The name of the route.
        route: String,
        /// The routes on the way.
        path: String,
    },
    /// A route, or the default, names nothing that is there.
    #[error(transparent)]
    Unknown(#[from] UnknownName),
}
