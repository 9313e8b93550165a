//! The laws of every coordinator.

use victor_core::{Coordinator, SessionId};

use super::{calm, guarded, succeed};

/// Checks the life of a new coordinator from its beginning. It is left initialized.
pub(super) async fn begins<C: Coordinator + ?Sized>(coordinator: &C) {
    law!(
        !guarded(|| coordinator.name().is_empty()),
        "a coordinator has a name"
    );
    for _ in 0..2 {
        succeed(calm(coordinator.initialize()).await);
    }
    let health = guarded(|| coordinator.health());
    law!(
        health.is_healthy() && health.problems.is_empty(),
        "a new coordinator is healthy",
        "{health:?}"
    );
    guarded(|| coordinator.reset(&SessionId::new("of whom nobody knows")));
}

/// Ends the life of a coordinator, twice. Its other methods may be called afterwards and must not panic.
pub(super) async fn ends<C: Coordinator + ?Sized>(coordinator: &C) {
    for _ in 0..2 {
        super::puppet::ends(coordinator.shutdown()).await;
    }
    guarded(|| coordinator.health());
    guarded(|| coordinator.reset(&SessionId::new("of whom nobody knows")));
}

/// Checks that health is degraded and says with whom something is wrong.
pub(super) fn shows_problem<C: Coordinator + ?Sized>(coordinator: &C, with: &str, why: &str) {
    let health = guarded(|| coordinator.health());
    law!(
        !health.is_healthy() && health.problems.iter().any(|line| line.contains(with)),
        "health shows what does not work",
        "{with} {why}: {health:?}"
    );
}

/// Checks that health counts the failures of a component, those included that are over. Metrics read them from there,
/// and so every failure that is contained is counted without anybody counting it.
pub(super) fn counts_faults<C: Coordinator + ?Sized>(coordinator: &C, of: &str, why: &str) {
    let health = guarded(|| coordinator.health());
    law!(
        health
            .faults
            .iter()
            .any(|fault| fault.component.contains(of) && fault.count > 0),
        "health counts every failure that was contained",
        "{of} {why}: {health:?}"
    );
}

/// Checks that health shows nothing more.
pub(super) fn is_well<C: Coordinator + ?Sized>(coordinator: &C) {
    let health = guarded(|| coordinator.health());
    law!(
        health.is_healthy(),
        "health is good again when everything works again",
        "{health:?}"
    );
}
