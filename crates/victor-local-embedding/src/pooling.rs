//! One vector from those of all tokens of a text.

use ndarray::{Array1, ArrayRef2, Axis};

/// The ways of pooling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pooling {
    /// The mean of all tokens.
    Mean,
    /// The first token, which stands for the whole.
    Cls,
}

impl Pooling {
    /// The vector of a text from the rows of its tokens; zero if it has none.
    pub(crate) fn pool(self, tokens: &ArrayRef2<f32>) -> Array1<f32> {
        let zero = || Array1::zeros(tokens.ncols());
        match self {
            Self::Mean => tokens.mean_axis(Axis(0)).unwrap_or_else(zero),
            Self::Cls => tokens
                .outer_iter()
                .next()
                .map_or_else(zero, |row| row.to_owned()),
        }
    }
}

/// Brings a vector to the length 1, unless it is zero.
pub(crate) fn normalize(vector: &mut Array1<f32>) {
    let norm = vector.dot(vector).sqrt();
    if norm > 0.0 {
        *vector /= norm;
    }
}

#[cfg(test)]
mod tests {
    use ndarray::{Array2, array};

    use super::*;

    #[test]
    fn tokens_become_one_vector() {
        let tokens = array![[1.0, 2.0], [3.0, -2.0], [5.0, 3.0]];
        assert_eq!(Pooling::Mean.pool(&tokens), array![3.0, 1.0]);
        assert_eq!(Pooling::Cls.pool(&tokens), array![1.0, 2.0]);
        for pooling in [Pooling::Mean, Pooling::Cls] {
            let none = Array2::zeros((0, 2));
            assert_eq!(pooling.pool(&none), array![0.0, 0.0]);
        }
    }

    #[test]
    fn vectors_are_brought_to_the_length_one() {
        let mut vector = array![3.0, -4.0];
        normalize(&mut vector);
        assert_eq!(vector, array![0.6, -0.8]);
        let mut zero = array![0.0, 0.0];
        normalize(&mut zero);
        assert_eq!(zero, array![0.0, 0.0]);
    }
}
