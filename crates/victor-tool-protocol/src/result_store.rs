//! Results that are too large for a conversation.

use std::fmt;

use async_trait::async_trait;
use victor_core::SessionId;

use crate::ToolStoreError;

/// Keeps the texts of results that are too large for a conversation, so that the model can page through them.
///
/// Implemented by adapters; called by the [`ToolExecutor`](crate::ToolExecutor) and its tools, from many tasks at once.
/// [`InMemoryResultStore`](crate::InMemoryResultStore) keeps them as long as the process lives.
///
/// # Cancel safety
///
/// A dropped write has happened as a whole or not at all.
#[cfg_attr(feature = "mock", mockall::automock)]
#[async_trait]
pub trait ResultStore: fmt::Debug + Send + Sync + 'static {
    /// Keeps a text under a handle of the session; what was there before is replaced.
    ///
    /// # Errors
    ///
    /// The store does not work, or has no room.
    async fn put(
        &self,
        session: &SessionId,
        handle: &str,
        text: &str,
    ) -> Result<(), ToolStoreError>;

    /// A page of a text: at most `max_bytes` from byte `offset` on, at character boundaries (an offset within a
    /// character counts as its beginning). None if there is nothing under the handle.
    ///
    /// # Errors
    ///
    /// The store does not work.
    async fn read(
        &self,
        session: &SessionId,
        handle: &str,
        offset: u64,
        max_bytes: usize,
    ) -> Result<Option<ResultPage>, ToolStoreError>;

    /// Forgets the texts of a session.
    ///
    /// # Errors
    ///
    /// The store does not work.
    async fn forget(&self, session: &SessionId) -> Result<(), ToolStoreError>;
}

#[deny(clippy::missing_trait_methods)]
impl<T: ResultStore + ?Sized> ResultStore for std::sync::Arc<T> {
    victor_core::forward! {
        async fn put<'a, 'b, 'c>(
            &self,
            session: &'a SessionId,
            handle: &'b str,
            text: &'c str,
        ) -> Result<(), ToolStoreError>;
        async fn read<'a, 'b>(
            &self,
            session: &'a SessionId,
            handle: &'b str,
            offset: u64,
            max_bytes: usize,
        ) -> Result<Option<ResultPage>, ToolStoreError>;
        async fn forget<'a>(&self, session: &'a SessionId) -> Result<(), ToolStoreError>;
    }
}

/// A page of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ResultPage {
    /// The text of the page; empty behind the end.
    pub text: String,
    /// The offset of the page, in bytes.
    pub offset: u64,
    /// The length of the whole text, in bytes.
    pub total: u64,
}

impl ResultPage {
    /// The page of `whole` that begins at or just before byte `offset` and has at most `max_bytes`, but at least one
    /// character where there is one.
    #[must_use]
    pub fn of(whole: &str, offset: u64, max_bytes: usize) -> Self {
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let start = whole.floor_char_boundary(start);
        let mut end = whole.floor_char_boundary(start.saturating_add(max_bytes));
        if end == start {
            end = whole.ceil_char_boundary((start + 1).min(whole.len()));
        }
        Self {
            text: whole[start..end].to_owned(),
            offset: start as u64,
            total: whole.len() as u64,
        }
    }

    /// A page that was read from somewhere.
    #[must_use]
    pub fn new(text: String, offset: u64, total: u64) -> Self {
        Self {
            text,
            offset,
            total,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(offset: u64, max_bytes: usize, text: &str, at: u64) {
        let page = ResultPage::of("aäb", offset, max_bytes);
        assert_eq!(page, ResultPage::new(text.into(), at, 4));
    }

    #[test]
    fn a_page_tears_no_character_and_goes_on() {
        check(0, 9, "aäb", 0);
        check(0, 2, "a", 0);
        check(1, 1, "ä", 1);
        check(2, 2, "ä", 1);
        check(3, 1, "b", 3);
        check(4, 5, "", 4);
        check(u64::MAX, usize::MAX, "", 4);
    }
}
