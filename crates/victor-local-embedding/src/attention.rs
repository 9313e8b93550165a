//! Self-attention.

use std::ops::Range;

use ndarray::linalg::general_mat_mul;
use ndarray::{Array2, ArrayRef2, Axis};

use crate::LoadError;
use crate::config::BertConfig;
use crate::layers::Linear;
use crate::weights::Weights;

/// Every token of a text gathers from all tokens of the same text what concerns it.
pub(crate) struct Attention {
    query: Linear,
    key: Linear,
    value: Linear,
    head_size: usize,
}

impl Attention {
    pub(crate) fn load(
        weights: &Weights<'_>,
        name: &str,
        config: &BertConfig,
    ) -> Result<Self, LoadError> {
        let size = config.hidden_size;
        let part = |part| Linear::load(weights, &format!("{name}.{part}"), size, size);
        Ok(Self {
            query: part("query")?,
            key: part("key")?,
            value: part("value")?,
            head_size: size / config.num_attention_heads,
        })
    }

    /// The rows that each text's tokens gather, where `texts` are the rows of the texts.
    pub(crate) fn apply(&self, rows: &Array2<f32>, texts: &[Range<usize>]) -> Array2<f32> {
        let (query, key, value) = (
            self.query.apply(rows),
            self.key.apply(rows),
            self.value.apply(rows),
        );
        #[expect(clippy::cast_precision_loss, reason = "heads are small")]
        let scale = (self.head_size as f32).sqrt().recip();
        let mut out = Array2::zeros(rows.raw_dim());
        for text in texts {
            let of_text = |rows| ArrayRef2::slice_axis(rows, Axis(0), text.clone().into());
            let (query, key, value) = (of_text(&query), of_text(&key), of_text(&value));
            let mut out = out.slice_axis_mut(Axis(0), text.clone().into());
            let heads = |rows| ArrayRef2::axis_chunks_iter(rows, Axis(1), self.head_size);
            let heads = heads(&query).zip(heads(&key)).zip(heads(&value));
            let outs = out.axis_chunks_iter_mut(Axis(1), self.head_size);
            let mut scores = Array2::zeros((text.len(), text.len()));
            for (((query, key), value), mut out) in heads.zip(outs) {
                general_mat_mul(scale, &query, &key.t(), 0.0, &mut scores);
                softmax(&mut scores);
                general_mat_mul(1.0, &scores, &value, 0.0, &mut out);
            }
        }
        out
    }
}

/// Turns the scores of each row into shares that add up to 1.
fn softmax(scores: &mut Array2<f32>) {
    for mut row in scores.rows_mut() {
        let max = row.fold(f32::NEG_INFINITY, |max, score| max.max(*score));
        row.mapv_inplace(|score| (score - max).exp());
        row /= row.sum();
    }
}
