//! Whether a tool may run.

/// Whether a tool may run, and if not, why.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Permission {
    /// It may.
    Permitted,
    /// It may not.
    Denied {
        /// Reason that the model is told.
        reason: String,
    },
}

impl Permission {
    /// It may not, for this reason.
    pub fn denied(reason: impl Into<String>) -> Self {
        Self::Denied {
            reason: reason.into(),
        }
    }

    /// Whether it may.
    #[must_use]
    pub fn is_permitted(&self) -> bool {
        *self == Self::Permitted
    }

    /// Why it may not.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        match self {
            Self::Permitted => None,
            Self::Denied { reason } => Some(reason),
        }
    }

    /// This permission if it is a denial, otherwise the other one: what two authorities permit together.
    pub fn and(self, other: impl FnOnce() -> Self) -> Self {
        match self {
            Self::Permitted => other(),
            denied @ Self::Denied { .. } => denied,
        }
    }
}
