//! The wrapper.

use crate::Keys;

/// A store whose content is sealed before `S` has it.
///
/// It is a [`SessionStore`](victor_session_protocol::SessionStore), a
/// [`ResultStore`](victor_tool_protocol::ResultStore) or a [`ReceiptStore`](victor_tool_protocol::ReceiptStore) if `S`
/// is. Errors of keys are those of the store, with a [`SealError`](crate::SealError) as their source.
#[derive(Debug)]
pub struct Encrypted<S> {
    pub(crate) inner: S,
    pub(crate) keys: Keys,
}

impl<S> Encrypted<S> {
    /// Seals and opens what is in `inner` with these keys.
    pub fn new(inner: S, keys: Keys) -> Self {
        Self { inner, keys }
    }

    /// The store, as it is.
    pub fn inner(&self) -> &S {
        &self.inner
    }
}
