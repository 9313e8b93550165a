//! The fault of a call, and the health that it leads to.

use std::error::Error;
use std::time::Duration;

use victor_core::{Panicked, Problems, with_causes};

/// An error: foreign code gave no answer.
///
/// Its text is a verb phrase: "panicked: out of cheese", "gave no answer within 30s". Put the name of the callee before
/// it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// The code panicked.
    #[error(transparent)]
    Panicked(#[from] Panicked),
    /// The time limit of the call passed.
    #[error("gave no answer within {0:?}")]
    TimedOut(Duration),
}

/// Reports the error of a component with all its causes, or clears the component's problem where there is no error.
///
/// ```
/// use victor_core::Problems;
/// use victor_guard::report;
///
/// let problems = Problems::default();
/// let answer: Result<(), _> = Err(std::io::Error::other("disk full"));
/// report(&problems, "store", answer.as_ref().err());
/// assert_eq!(problems.health("session").problems, ["store: disk full"]);
///
/// let answer: Result<(), std::io::Error> = Ok(());
/// report(&problems, "store", answer.as_ref().err());
/// assert!(problems.health("session").is_healthy());
/// ```
pub fn report<E: Error + 'static>(problems: &Problems, component: &str, error: Option<&E>) {
    match error {
        Some(error) => problems.report(component, with_causes(error)),
        None => problems.clear(component),
    }
}

#[cfg(test)]
mod tests {
    use victor_core::FaultClass;

    use super::*;

    #[test]
    fn the_classes_of_faults_follow_from_their_texts() {
        let panicked = victor_core::contain_sync(|| panic!("out of cheese")).unwrap_err();
        let check = |fault: Fault, class| assert_eq!(FaultClass::of(&fault.to_string()), class);
        check(Fault::Panicked(panicked), FaultClass::Panic);
        check(Fault::TimedOut(Duration::from_secs(5)), FaultClass::Timeout);
    }
}
