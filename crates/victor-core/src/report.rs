//! An error in one line.

use std::error::Error;

/// An error and everything beneath it, in one line: for logs, health and people.
///
/// ```
/// use victor_core::{CoordinatorError, with_causes};
///
/// let error = CoordinatorError { coordinator: "session".into(), source: "no space left".into() };
/// assert_eq!(with_causes(&error), "coordinator `session` could not start: no space left");
/// ```
///
/// Words of a cause that its error repeats already are left out.
#[must_use]
pub fn with_causes(error: &(dyn Error + 'static)) -> String {
    let causes = std::iter::successors(error.source(), |&cause| cause.source());
    causes.fold(error.to_string(), |text, cause| {
        let cause = cause.to_string();
        if text.ends_with(&cause) {
            text
        } else {
            format!("{text}: {cause}")
        }
    })
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("outer: {0}")]
    struct Repeating(#[source] io::Error);

    #[derive(Debug, thiserror::Error)]
    #[error("could not write")]
    struct Silent(#[source] io::Error);

    #[test]
    fn everything_is_said_once() {
        let beneath = || io::Error::other("disk full");
        assert_eq!(
            with_causes(&Silent(beneath())),
            "could not write: disk full"
        );
        assert_eq!(with_causes(&Repeating(beneath())), "outer: disk full");
        assert_eq!(with_causes(&beneath()), "disk full");
    }
}
