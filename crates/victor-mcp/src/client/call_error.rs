//! The error of one call.

use rmcp::ServiceError;

/// An error that leaves a call without a result.
#[derive(Debug)]
pub(super) enum CallError {
    /// The connection had ended, and the call was not sent.
    NotSent,
    /// The server asks for something that this client does not support.
    Unsupported(&'static str),
    /// The call was sent, or may have been.
    Service(ServiceError),
}

impl CallError {
    /// Whether the connection has ended.
    pub(super) fn is_end(&self) -> bool {
        matches!(self, Self::Service(ServiceError::TransportClosed))
    }
}
