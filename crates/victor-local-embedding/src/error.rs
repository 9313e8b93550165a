//! Why a folder is not a model.

use std::io;
use std::path::PathBuf;

use victor_core::BoxError;

/// Why a model cannot be loaded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// There is no such folder.
    #[error("there is no folder `{}`: give the folder that holds the model's files", path.display())]
    FolderMissing {
        /// The folder that was asked for.
        path: PathBuf,
    },
    /// A file that every model needs is not there.
    #[error(
        "there is no file `{}`: copy it from where the model is published; weights in another format than safetensors \
         have to be converted",
        path.display()
    )]
    FileMissing {
        /// The file.
        path: PathBuf,
    },
    /// A file is there and cannot be read.
    #[error("`{}` cannot be read", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The error of the system.
        #[source]
        source: io::Error,
    },
    /// A file can be read and not understood: it is damaged, or something else.
    #[error("`{}` is damaged or has another format: copy it again", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The reason.
        #[source]
        source: BoxError,
    },
    /// The model is sound, and this crate cannot compute it.
    #[error("`{}` asks for {what}, which is not supported", path.display())]
    Unsupported {
        /// The file that asks for it.
        path: PathBuf,
        /// The feature that it asks for.
        what: String,
    },
    /// The weights lack a tensor that the configuration calls for.
    #[error("`{}` has no tensor `{name}`: it does not belong to the folder's `config.json`", path.display())]
    TensorMissing {
        /// The file of weights.
        path: PathBuf,
        /// The tensor.
        name: String,
    },
    /// A tensor has other dimensions than the configuration calls for.
    #[error(
        "tensor `{name}` in `{}` has the shape {found:?}, not {expected:?}: it does not belong to the folder's \
         `config.json`",
        path.display()
    )]
    TensorShape {
        /// The file of weights.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// Its dimensions by the configuration.
        expected: Vec<usize>,
        /// Its dimensions.
        found: Vec<usize>,
    },
    /// The tokenizer knows tokens for which the model has no weights.
    #[error(
        "`{}` has tokens up to number {highest} and the model only {known}: it belongs to another model",
        path.display()
    )]
    Vocabulary {
        /// The file of the tokenizer.
        path: PathBuf,
        /// The highest number that it gives to a token.
        highest: u32,
        /// The number of tokens that the model has.
        known: usize,
    },
    /// The model cannot read texts of so many tokens, or of so few.
    #[error(
        "the longest text cannot have {asked} tokens with this model: choose from {min} to {max}"
    )]
    MaxTokens {
        /// The number that was asked for, by the builder or by the model's files.
        asked: usize,
        /// The fewest that leave room for a token beside those that begin and end every text.
        min: usize,
        /// The most for which the model has positions.
        max: usize,
    },
}
