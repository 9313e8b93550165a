//! The network.

use std::ops::Range;

use ndarray::{Array2, Axis};

use crate::LoadError;
use crate::attention::Attention;
use crate::config::BertConfig;
use crate::gelu::gelu;
use crate::layers::{LayerNorm, Linear};
use crate::weights::Weights;

/// The encoder of BERT.
pub(crate) struct Bert {
    words: Array2<f32>,
    positions: Array2<f32>,
    norm: LayerNorm,
    blocks: Vec<Block>,
}

/// One of the layers that are all alike.
struct Block {
    attention: Attention,
    output: Linear,
    output_norm: LayerNorm,
    widen: Linear,
    narrow: Linear,
    norm: LayerNorm,
}

impl Bert {
    pub(crate) fn load(weights: &Weights<'_>, config: &BertConfig) -> Result<Self, LoadError> {
        let size = config.hidden_size;
        let table = |name, rows| {
            let name = format!("embeddings.{name}_embeddings.weight");
            weights.matrix(&name, rows, size)
        };
        let mut positions = table("position", config.max_position_embeddings)?;
        // A text alone is always of the first type, so its row is added to every position once and for all.
        let types = table("token_type", config.type_vocab_size)?;
        if let Some(first) = types.outer_iter().next() {
            positions += &first;
        }
        let block = |index| Block::load(weights, &format!("encoder.layer.{index}"), config);
        Ok(Self {
            words: table("word", config.vocab_size)?,
            positions,
            norm: LayerNorm::load(weights, "embeddings.LayerNorm", size, config.layer_norm_eps)?,
            blocks: (0..config.num_hidden_layers)
                .map(block)
                .collect::<Result<_, _>>()?,
        })
    }

    /// Returns the number of dimensions of each token.
    pub(crate) fn size(&self) -> usize {
        self.words.ncols()
    }

    /// The rows of all tokens, text after text, where `texts` are the rows of each text among them.
    ///
    /// # Panics
    ///
    /// A token is unknown or a text has more tokens than there are positions: the tokenizer prevents both.
    pub(crate) fn apply(&self, tokens: &[usize], texts: &[Range<usize>]) -> Array2<f32> {
        let positions: Vec<usize> = texts.iter().flat_map(|text| 0..text.len()).collect();
        let rows = self.words.select(Axis(0), tokens) + self.positions.select(Axis(0), &positions);
        self.blocks
            .iter()
            .fold(self.norm.apply(rows), |rows, block| {
                block.apply(rows, texts)
            })
    }
}

impl Block {
    fn load(weights: &Weights<'_>, name: &str, config: &BertConfig) -> Result<Self, LoadError> {
        let (size, wide) = (config.hidden_size, config.intermediate_size);
        let linear =
            |part, from, to| Linear::load(weights, &format!("{name}.{part}.dense"), from, to);
        let norm = |part| {
            let name = format!("{name}.{part}.LayerNorm");
            LayerNorm::load(weights, &name, size, config.layer_norm_eps)
        };
        Ok(Self {
            attention: Attention::load(weights, &format!("{name}.attention.self"), config)?,
            output: linear("attention.output", size, size)?,
            output_norm: norm("attention.output")?,
            widen: linear("intermediate", size, wide)?,
            narrow: linear("output", wide, size)?,
            norm: norm("output")?,
        })
    }

    fn apply(&self, rows: Array2<f32>, texts: &[Range<usize>]) -> Array2<f32> {
        let gathered = self.attention.apply(&rows, texts);
        let rows = self.output_norm.apply(self.output.apply(&gathered) + rows);
        let mut wide = self.widen.apply(&rows);
        wide.mapv_inplace(gelu);
        self.norm.apply(self.narrow.apply(&wide) + rows)
    }
}
