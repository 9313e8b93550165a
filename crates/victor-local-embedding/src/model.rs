//! From texts to vectors, one piece of work at a time.

use ndarray::Axis;
use victor_core::ModelId;
use victor_embedding_protocol::{EmbedError, Embedding};

use crate::bert::Bert;
use crate::config::Config;
use crate::folder::Folder;
use crate::pooling::{Pooling, normalize};
use crate::tokens::Tokens;
use crate::weights::Weights;
use crate::{LoadError, LocalEmbedderBuilder};

/// A model, whole in memory.
pub(crate) struct Model {
    pub(crate) name: ModelId,
    pub(crate) max_tokens: usize,
    tokens: Tokens,
    bert: Bert,
    pooling: Pooling,
    is_normalized: bool,
}

impl Model {
    pub(crate) fn load(builder: &LocalEmbedderBuilder) -> Result<Self, LoadError> {
        let mut folder = Folder::open(&builder.path)?;
        let config = Config::read(&mut folder)?;
        let max_tokens = builder.max_tokens.unwrap_or(config.max_tokens);

        let file = format!("{}tokenizer.json", config.prefix);
        let tokens = Tokens::parse(
            folder.path_of(&file),
            &folder.read(&file)?,
            config.bert.vocab_size,
            config.bert.max_position_embeddings,
            max_tokens,
            config.is_lowercase,
        )?;

        let file = format!("{}model.safetensors", config.prefix);
        let content = folder.read(&file)?;
        let weights = Weights::parse(folder.path_of(&file), &content)?;
        let bert = Bert::load(&weights, &config.bert)?;

        Ok(Self {
            name: folder.name(&format!("{max_tokens}")).into(),
            max_tokens,
            tokens,
            bert,
            pooling: config.pooling,
            is_normalized: config.is_normalized,
        })
    }

    pub(crate) fn dimensions(&self) -> usize {
        self.bert.size()
    }

    /// The vectors of texts, in their order.
    pub(crate) fn embed(&self, texts: &[String]) -> Result<Vec<Embedding>, EmbedError> {
        let (mut tokens, mut rows) = (Vec::new(), Vec::with_capacity(texts.len()));
        for text in texts {
            let found = self.tokens.of(text).map_err(|source| EmbedError::Refused {
                message: "the tokenizer cannot read a text".into(),
                source: Some(source),
            })?;
            rows.push(tokens.len()..tokens.len() + found.len());
            tokens.extend(found);
        }
        let hidden = self.bert.apply(&tokens, &rows);
        let vectors = rows.into_iter().map(|rows| {
            let mut vector = self.pooling.pool(&hidden.slice_axis(Axis(0), rows.into()));
            if self.is_normalized {
                normalize(&mut vector);
            }
            Ok(Embedding::new(vector.to_vec())?)
        });
        vectors.collect()
    }
}
