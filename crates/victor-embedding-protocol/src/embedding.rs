//! Vectors.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The vector of a text: finite numbers, at least one. Cloning shares them.
///
/// The norm is computed once, so that comparing two vectors is one pass over them.
#[derive(Clone, PartialEq)]
pub struct Embedding {
    values: Arc<[f32]>,
    norm: f64,
}

/// Numbers that are no vector.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidEmbedding {
    /// There are none.
    #[error("a vector needs at least one number")]
    Empty,
    /// One of them is infinite or not a number.
    #[error("number {index} of the vector is not finite")]
    NotFinite {
        /// The index of the number, counted from 0.
        index: usize,
    },
}

impl Embedding {
    /// A vector of these numbers.
    ///
    /// # Errors
    ///
    /// There are none, or one of them is not finite.
    pub fn new(values: impl Into<Arc<[f32]>>) -> Result<Self, InvalidEmbedding> {
        let values = values.into();
        if values.is_empty() {
            return Err(InvalidEmbedding::Empty);
        }
        if let Some(index) = values.iter().position(|value| !value.is_finite()) {
            return Err(InvalidEmbedding::NotFinite { index });
        }
        let norm = exact_dot(&values, &values).sqrt();
        Ok(Self { values, norm })
    }

    /// The numbers.
    #[must_use]
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// Returns the number of dimensions.
    #[must_use]
    pub fn dimensions(&self) -> usize {
        self.values.len()
    }

    /// The length of the vector.
    #[must_use]
    pub fn norm(&self) -> f64 {
        self.norm
    }

    /// The dot product with another vector, or none if the other one has another dimension.
    #[must_use]
    pub fn dot(&self, other: &Self) -> Option<f64> {
        if self.dimensions() != other.dimensions() {
            return None;
        }
        let fast = f64::from(fast_dot(&self.values, &other.values));
        // Products of very large or very small numbers leave the range of single precision; in double precision they
        // cannot.
        let safe = fast.is_finite() && fast.abs() >= f64::from(f32::MIN_POSITIVE);
        Some(if safe {
            fast
        } else {
            exact_dot(&self.values, &other.values)
        })
    }

    /// Returns the cosine similarity, from -1 (opposite) over 0 (unrelated) to 1 (the same); `None` if the other vector
    /// has another dimension. The zero vector is unrelated to all.
    #[must_use]
    pub fn cosine(&self, other: &Self) -> Option<f32> {
        let dot = self.dot(other)?;
        let norms = self.norm * other.norm;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a number from -1 to 1 in less precision"
        )]
        Some(if norms > 0.0 {
            (dot / norms).clamp(-1.0, 1.0) as f32
        } else {
            0.0
        })
    }
}

/// The dot product in sixteen sums side by side, which the compiler turns into vector instructions; one sum alone it
/// may not reorder.
fn fast_dot(one: &[f32], other: &[f32]) -> f32 {
    const LANES: usize = 16;
    let (one_chunks, one_rest) = one.as_chunks::<LANES>();
    let (other_chunks, other_rest) = other.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for (a, b) in one_chunks.iter().zip(other_chunks) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let rest: f32 = one_rest.iter().zip(other_rest).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + rest
}

fn exact_dot(one: &[f32], other: &[f32]) -> f64 {
    let products = one.iter().zip(other);
    products.map(|(a, b)| f64::from(*a) * f64::from(*b)).sum()
}

impl fmt::Debug for Embedding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Embedding({} numbers of norm {})",
            self.dimensions(),
            self.norm
        )
    }
}

impl Serialize for Embedding {
    /// A list of numbers.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.values.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Embedding {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(Vec::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}
