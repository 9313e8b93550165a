//! The body of a request.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

/// The body of a request: bytes in one piece, or in several that are sent one after the other.
///
/// Pieces are shared and never put together, so that what many requests begin with is copied for none of them.
#[derive(Debug, Clone, Default)]
pub struct HttpBody(VecDeque<Bytes>);

impl HttpBody {
    /// Returns the number of bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.iter().map(Bytes::len).sum()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(Bytes::is_empty)
    }

    /// The bytes in one piece; they are copied if they are in several.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        match self.0.len() {
            0 | 1 => self.0.front().cloned().unwrap_or_default(),
            _ => self.0.iter().flatten().copied().collect(),
        }
    }

    pub(crate) fn into_reqwest(mut self) -> reqwest::Body {
        match self.0.len() {
            0 | 1 => self.0.pop_front().unwrap_or_default().into(),
            _ => reqwest::Body::wrap(self),
        }
    }
}

impl<B: Into<Bytes>> From<B> for HttpBody {
    fn from(bytes: B) -> Self {
        Self([bytes.into()].into())
    }
}

impl FromIterator<Bytes> for HttpBody {
    fn from_iter<I: IntoIterator<Item = Bytes>>(pieces: I) -> Self {
        Self(
            pieces
                .into_iter()
                .filter(|piece| !piece.is_empty())
                .collect(),
        )
    }
}

impl Body for HttpBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(
            self.get_mut()
                .0
                .pop_front()
                .map(|piece| Ok(Frame::data(piece))),
        )
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.len() as u64)
    }
}
