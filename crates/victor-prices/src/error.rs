//! Errors of price files.

use std::error::Error;

/// A file of prices that cannot be used. Nothing of it takes effect.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PriceFileError {
    /// The text is not in the form of the file.
    #[error("the prices cannot be read: {message}")]
    Syntax {
        /// The place and the mistake.
        message: String,
        /// The parser's error.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// A price is negative, not a number or beyond any price.
    #[error("{row}: `{key}` is {value}, and a price is a number of dollars from 0 to 1000000")]
    Amount {
        /// The row: `price 3 (acme-large)` or the name of the model.
        row: String,
        /// The key.
        key: String,
        /// The value.
        value: String,
    },
    /// A row says nothing about a model.
    #[error("{row}: {problem}")]
    Row {
        /// The row.
        row: String,
        /// The mistake and the next step.
        problem: String,
    },
}

impl PriceFileError {
    pub(crate) fn syntax(source: impl Error + Send + Sync + 'static) -> Self {
        Self::Syntax {
            message: source.to_string().trim_end().to_owned(),
            source: source.into(),
        }
    }
}
