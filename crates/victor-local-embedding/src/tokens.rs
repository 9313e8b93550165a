//! Texts as tokens.

use std::path::PathBuf;

use tokenizers::{PostProcessor, Tokenizer, TruncationParams};
use victor_core::{BoxError, contain_sync};

use crate::LoadError;

/// A tokenizer that gives each text at most as many tokens as the model reads, and no padding.
pub(crate) struct Tokens {
    tokenizer: Tokenizer,
    is_lowercase: bool,
}

impl Tokens {
    /// Reads a tokenizer for a model of `known` tokens and `positions`, which is to read `max_tokens`.
    pub(crate) fn parse(
        path: PathBuf,
        content: &[u8],
        known: usize,
        positions: usize,
        max_tokens: usize,
        is_lowercase: bool,
    ) -> Result<Self, LoadError> {
        let malformed = |path, source| LoadError::Malformed { path, source };
        let mut tokenizer = match contain_sync(|| Tokenizer::from_bytes(content)) {
            Ok(Ok(tokenizer)) => tokenizer,
            Ok(Err(error)) => return Err(malformed(path, error)),
            Err(panicked) => return Err(malformed(path, panicked.into())),
        };
        let highest = tokenizer.get_vocab(true).into_values().max().unwrap_or(0);
        if highest as usize >= known {
            return Err(LoadError::Vocabulary {
                path,
                highest,
                known,
            });
        }
        let processor = tokenizer.get_post_processor();
        let min = 1 + processor.map_or(0, |processor| processor.added_tokens(false));
        if !(min..=positions).contains(&max_tokens) {
            return Err(LoadError::MaxTokens {
                asked: max_tokens,
                min,
                max: positions,
            });
        }
        tokenizer.with_padding(None);
        let truncation = TruncationParams {
            max_length: max_tokens,
            ..TruncationParams::default()
        };
        if let Err(error) = tokenizer.with_truncation(Some(truncation)) {
            return Err(malformed(path, error));
        }
        Ok(Self {
            tokenizer,
            is_lowercase,
        })
    }

    /// The tokens of a text, by their numbers.
    pub(crate) fn of(&self, text: &str) -> Result<Vec<usize>, BoxError> {
        let encoding = if self.is_lowercase {
            self.tokenizer.encode_fast(text.to_lowercase(), true)
        } else {
            self.tokenizer.encode_fast(text, true)
        }?;
        Ok(encoding.get_ids().iter().map(|id| *id as usize).collect())
    }
}
