//! The small parts of a network.

use ndarray::linalg::general_mat_mul;
use ndarray::{Array1, Array2};

use crate::LoadError;
use crate::weights::Weights;

/// A product with a matrix, and a sum.
pub(crate) struct Linear {
    weight: Array2<f32>,
    bias: Array1<f32>,
}

impl Linear {
    pub(crate) fn load(
        weights: &Weights<'_>,
        name: &str,
        from: usize,
        to: usize,
    ) -> Result<Self, LoadError> {
        Ok(Self {
            weight: weights.matrix(&format!("{name}.weight"), to, from)?,
            bias: weights.vector(&format!("{name}.bias"), to)?,
        })
    }

    /// The image of every row.
    pub(crate) fn apply(&self, rows: &Array2<f32>) -> Array2<f32> {
        let mut out = Array2::zeros((rows.nrows(), self.bias.len()));
        out += &self.bias;
        general_mat_mul(1.0, rows, &self.weight.t(), 1.0, &mut out);
        out
    }
}

/// Brings every row to the mean 0 and the variance 1, then scales and shifts it.
pub(crate) struct LayerNorm {
    weight: Array1<f32>,
    bias: Array1<f32>,
    epsilon: f32,
}

impl LayerNorm {
    pub(crate) fn load(
        weights: &Weights<'_>,
        name: &str,
        size: usize,
        epsilon: f32,
    ) -> Result<Self, LoadError> {
        Ok(Self {
            weight: weights.vector(&format!("{name}.weight"), size)?,
            bias: weights.vector(&format!("{name}.bias"), size)?,
            epsilon,
        })
    }

    pub(crate) fn apply(&self, mut rows: Array2<f32>) -> Array2<f32> {
        #[expect(clippy::cast_precision_loss, reason = "rows are short")]
        let size = rows.ncols() as f32;
        for mut row in rows.rows_mut() {
            row -= row.sum() / size;
            row /= (row.dot(&row) / size + self.epsilon).sqrt();
        }
        rows *= &self.weight;
        rows += &self.bias;
        rows
    }
}
