//! The laws of embedders.

use std::slice;

use futures_util::future::join_all;
use victor_embedding_protocol::{EmbedError, Embedder, Embedding};

use super::{SIDE_BY_SIDE, calm, drop_at_polls, succeed};

/// Texts that any embedder takes. The first and the last mean nothing alike.
const TEXTS: [&str; 6] = [
    "The cat sleeps on the warm roof.",
    "",
    " \n\t",
    "größe, 東京タワー, हिन्दी, e\u{301}, 👩‍👩‍👧, \u{202e}right to left",
    "\0\u{7f}\u{feff}",
    "Invoices of the third quarter were paid late",
];

/// The length of a text that few models can read, in repetitions of a short sentence.
const LONG: usize = 20_000;

/// Up to how many texts the largest batch is tried.
const LARGE: usize = 5_000;

/// Distance that two vectors of the same text may have, as a share of their length: models compute a batch in another
/// order than a single text.
const TOLERANCE: f64 = 1e-3;

/// Checks an embedder with texts of many kinds, with which it is called many times.
///
/// # Panics
///
/// A law is broken.
pub async fn embedder<E: Embedder + ?Sized>(embedder: &E) {
    let says = || {
        let (model, dimensions) = (embedder.model().clone(), embedder.dimensions());
        (model, dimensions, embedder.max_batch())
    };
    let said = says();
    law!(
        !said.0.as_str().is_empty(),
        "the model of an embedder has a name"
    );
    law!(said.1 > 0, "vectors have at least one number");
    law!(said.2 > 0, "a call may have at least one text");

    let vectors = embed(embedder, &TEXTS).await;
    law!(
        !alike(&vectors[..1], &vectors[TEXTS.len() - 1..]),
        "different texts have different vectors"
    );
    check_repeated(embedder, &vectors).await;
    let none = succeed(calm(embedder.embed(&[])).await);
    law!(
        none.is_empty(),
        "no texts have no vectors",
        "{} vectors",
        none.len()
    );
    check_long_text(embedder).await;
    check_large_batch(embedder).await;
    law!(
        says() == said,
        "model, dimensions and batches are always the same",
        "{said:?} became {:?}",
        says()
    );
}

/// The vectors of texts that an embedder must take.
async fn embed<E: Embedder + ?Sized>(embedder: &E, texts: &[&str]) -> Vec<Embedding> {
    let mut vectors = Vec::new();
    for batch in texts.chunks(embedder.max_batch()) {
        let found = succeed(calm(embedder.embed(batch)).await);
        check_shape(embedder, batch.len(), &found);
        vectors.extend(found);
    }
    vectors
}

fn check_shape<E: Embedder + ?Sized>(embedder: &E, texts: usize, found: &[Embedding]) {
    law!(
        found.len() == texts,
        "there is one vector for each text",
        "{} for {texts}",
        found.len()
    );
    let dimensions = embedder.dimensions();
    for vector in found {
        law!(
            vector.dimensions() == dimensions,
            "vectors have the dimensions that are declared",
            "{} instead of {dimensions}",
            vector.dimensions()
        );
    }
}

/// The texts have these vectors again, each alone, side by side and after calls that were dropped.
async fn check_repeated<E: Embedder + ?Sized>(embedder: &E, vectors: &[Embedding]) {
    law!(
        alike(&embed(embedder, &TEXTS).await, vectors),
        "the same text has the same vector"
    );
    for (text, vector) in TEXTS.iter().zip(vectors) {
        let alone = embed(embedder, &[text]).await;
        law!(
            alike(&alone, slice::from_ref(vector)),
            "each text has the vector in its place, alone and among others",
            "{text:?}"
        );
    }
    for other in join_all((0..SIDE_BY_SIDE).map(|_| embed(embedder, &TEXTS))).await {
        law!(alike(&other, vectors), "calls side by side are independent");
    }
    drop_at_polls(
        async || embed(embedder, &TEXTS).await,
        async |polls| {
            law!(
                alike(&embed(embedder, &TEXTS).await, vectors),
                "a dropped call leaves nothing behind",
                "after {polls} polls"
            );
        },
    )
    .await;
}

async fn check_long_text<E: Embedder + ?Sized>(embedder: &E) {
    let long = "One word more. ".repeat(LONG);
    let texts = &[TEXTS[0], &long][2 - embedder.max_batch().min(2)..];
    match calm(embedder.embed(texts)).await {
        Ok(found) => check_shape(embedder, texts.len(), &found),
        Err(error) => {
            let right = match error {
                EmbedError::TextTooLong { index } => index == texts.len() - 1,
                EmbedError::Refused { .. } => true,
                _ => false,
            };
            law!(right, "a long text is read, cut or refused", "{error:?}");
        }
    }
}

async fn check_large_batch<E: Embedder + ?Sized>(embedder: &E) {
    let max = embedder.max_batch();
    if max > LARGE {
        return;
    }
    embed(embedder, &vec![TEXTS[0]; max]).await;
    match calm(embedder.embed(&vec![TEXTS[0]; max + 1])).await {
        Ok(found) => check_shape(embedder, max + 1, &found),
        Err(error) => law!(
            matches!(error, EmbedError::BatchTooLarge { found, max: most } if (found, most) == (max + 1, max)),
            "a batch that is too large is refused as such, or embedded",
            "{error:?}"
        ),
    }
}

/// Whether vectors are the same, but for the precision of the arithmetic.
fn alike(some: &[Embedding], others: &[Embedding]) -> bool {
    let distance = |one: &Embedding, other: &Embedding| {
        let pairs = one.values().iter().zip(other.values());
        let squares = pairs.map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2));
        squares.sum::<f64>().sqrt()
    };
    some.len() == others.len()
        && some
            .iter()
            .zip(others)
            .all(|(one, other)| distance(one, other) <= TOLERANCE * one.norm().max(other.norm()))
}
