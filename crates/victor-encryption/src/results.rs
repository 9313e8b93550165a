//! Stores of results, which are sealed in pieces, so that a page opens those in which it is and not the whole.

use async_trait::async_trait;
use victor_core::SessionId;
use victor_tool_protocol::{ResultPage, ResultStore, ToolStoreError};

use crate::seal::{HEADER, Nonce, OVERHEAD, Place, random_nonce};
use crate::{Encrypted, SealError};

/// The number of bytes of a text that are sealed together. With the overhead they fill their base64 exactly, so that
/// all pieces but the last have the same length.
const PIECE: u64 = 16_382;

/// The length of such a piece when it is sealed.
const SEALED_PIECE: u64 = HEADER as u64 + (PIECE + OVERHEAD as u64) / 3 * 4;

const _: () = assert!((PIECE + OVERHEAD as u64).is_multiple_of(3));

/// The number of bytes of a nonce that identify the text of a piece. The others count the pieces.
const OF_TEXT: usize = 16;

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<S: ResultStore> ResultStore for Encrypted<S> {
    async fn put(
        &self,
        session: &SessionId,
        handle: &str,
        text: &str,
    ) -> Result<(), ToolStoreError> {
        let sealed = self.seal_text(session, handle, text).map_err(|error| {
            ToolStoreError::results(format!("result `{handle}` cannot be sealed"))
                .with_source(error)
        })?;
        self.inner.put(session, handle, &sealed).await
    }

    async fn read(
        &self,
        session: &SessionId,
        handle: &str,
        offset: u64,
        max_bytes: usize,
    ) -> Result<Option<ResultPage>, ToolStoreError> {
        let (before, behind) = reach(offset, max_bytes);
        let first = before / PIECE;
        let pieces = behind.div_ceil(PIECE) - first;
        let length = usize::try_from(pieces.saturating_mul(SEALED_PIECE)).unwrap_or(usize::MAX);
        let start = first.saturating_mul(SEALED_PIECE);
        let sealed = self.inner.read(session, handle, start, length).await?;
        let Some(sealed) = sealed else {
            return Ok(None);
        };
        let total = opened_length(sealed.total);
        if let Some(total) = total.filter(|total| *total < offset) {
            return self.read(session, handle, total, max_bytes).await;
        }
        let total = total.ok_or(SealError::NotSealed);
        let opened = total.and_then(|total| {
            let bytes = self.open_pieces(session, handle, first, total, &sealed.text)?;
            Ok(cut(&bytes, first * PIECE, total, offset, max_bytes))
        });
        opened.map(Some).map_err(|error| {
            ToolStoreError::results(format!("result `{handle}` cannot be opened"))
                .with_source(error)
        })
    }

    async fn forget(&self, session: &SessionId) -> Result<(), ToolStoreError> {
        self.inner.forget(session).await
    }
}

impl<S> Encrypted<S> {
    fn seal_text(
        &self,
        session: &SessionId,
        handle: &str,
        text: &str,
    ) -> Result<String, SealError> {
        let mut nonce = random_nonce()?;
        let total = text.len().to_string();
        let none = text.is_empty().then_some(&[][..]);
        let pieces = text.as_bytes().chunks(PIECE as usize).chain(none);
        let sealed = (0_u64..).zip(pieces).map(|(number, piece)| {
            nonce[OF_TEXT..].copy_from_slice(&number.to_le_bytes());
            let number = number.to_string();
            let place = Place(&["result", session.as_str(), handle, &total, &number]);
            self.keys.seal_under(nonce, place, piece)
        });
        Ok(sealed.collect())
    }

    /// Opens pieces of one text, from this number on.
    fn open_pieces(
        &self,
        session: &SessionId,
        handle: &str,
        first: u64,
        total: u64,
        sealed: &str,
    ) -> Result<Vec<u8>, SealError> {
        let total = total.to_string();
        let mut opened = Vec::with_capacity(sealed.len() / 4 * 3);
        let mut of_text: Option<Nonce> = None;
        let pieces = sealed.as_bytes().chunks(SEALED_PIECE as usize);
        for (number, piece) in (first..).zip(pieces) {
            let number = number.to_string();
            let place = Place(&["result", session.as_str(), handle, &total, &number]);
            let piece = str::from_utf8(piece).map_err(|_| SealError::NotSealed)?;
            let (nonce, bytes) = self.keys.open_bytes(place, piece)?;
            if of_text.get_or_insert(nonce)[..OF_TEXT] != nonce[..OF_TEXT] {
                let reason = "its pieces belong to different texts";
                return Err(SealError::Unreadable(reason.to_owned()));
            }
            opened.extend(bytes);
        }
        Ok(opened)
    }
}

/// From where to where a text must be known for a page of it: a character is up to four bytes long.
fn reach(offset: u64, max_bytes: usize) -> (u64, u64) {
    let behind = offset.saturating_add(max_bytes as u64).saturating_add(4);
    (offset.saturating_sub(3), behind)
}

/// Returns the length of the text that has this length when it is sealed; `None` if there is no such text.
fn opened_length(sealed: u64) -> Option<u64> {
    let (whole, rest) = (sealed / SEALED_PIECE, sealed % SEALED_PIECE);
    if rest == 0 {
        return (whole > 0).then_some(whole * PIECE);
    }
    let bytes = rest.checked_sub(HEADER as u64)? * 3 / 4;
    let last = bytes.checked_sub(OVERHEAD as u64)?;
    Some(whole * PIECE + last)
}

/// Cuts a page from `bytes`, which begin at `base` of a text of `total` bytes, perhaps within a character.
fn cut(bytes: &[u8], base: u64, total: u64, offset: u64, max_bytes: usize) -> ResultPage {
    let is_within = |byte: &&u8| **byte & 0xc0 == 0x80;
    let skipped = bytes.iter().take_while(is_within).count();
    let bytes = &bytes[skipped..];
    let text = match str::from_utf8(bytes) {
        Ok(text) => text,
        // The last character goes on in the next piece, in which the page is not.
        Err(error) => str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default(),
    };
    let base = base + skipped as u64;
    let page = ResultPage::of(text, offset.saturating_sub(base), max_bytes);
    ResultPage::new(page.text, base + page.offset, total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_length_of_a_text_follows_from_that_of_its_sealed_form() {
        let keys = crate::Keys::parse(&crate::generate_key().unwrap()).unwrap();
        let store = Encrypted::new((), keys);
        let piece = PIECE as usize;
        for length in [
            0,
            1,
            2,
            3,
            piece - 1,
            piece,
            piece + 1,
            3 * piece,
            3 * piece + 5,
        ] {
            let sealed = store
                .seal_text(&"s".into(), "h", &"x".repeat(length))
                .unwrap();
            assert_eq!(opened_length(sealed.len() as u64), Some(length as u64));
        }
        for sealed in [0, 1, HEADER as u64, HEADER as u64 + 10, SEALED_PIECE + 3] {
            assert_eq!(opened_length(sealed), None, "{sealed}");
        }
    }
}
