//! Any number of texts.

use crate::{EmbedError, Embedder, Embedding};

/// The vectors of any number of texts, in their order: as many calls as the embedder's batches need, one after the
/// other.
///
/// # Errors
///
/// The first error of the embedder, or [`EmbedError::Malformed`] if what it returned breaks its contract.
///
/// # Cancel safety
///
/// Dropping the future ends the call that runs, and loses the vectors of those before it.
pub async fn embed_all(
    embedder: &dyn Embedder,
    texts: &[&str],
) -> Result<Vec<Embedding>, EmbedError> {
    let mut embeddings = Vec::with_capacity(texts.len());
    for batch in texts.chunks(embedder.max_batch().max(1)) {
        let found = embedder.embed(batch).await?;
        check(embedder.dimensions(), batch, &found)?;
        embeddings.extend(found);
    }
    Ok(embeddings)
}

fn check(dimensions: usize, texts: &[&str], found: &[Embedding]) -> Result<(), EmbedError> {
    let message = if found.len() != texts.len() {
        format!("{} vectors for {} texts", found.len(), texts.len())
    } else if let Some(odd) = found.iter().find(|one| one.dimensions() != dimensions) {
        format!("a vector of {} numbers, not {dimensions}", odd.dimensions())
    } else {
        return Ok(());
    };
    Err(EmbedError::Malformed { message })
}
