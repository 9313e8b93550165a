//! Tensors from a file of weights.

use std::path::PathBuf;

use half::{bf16, f16};
use ndarray::{Array1, Array2};
use safetensors::{Dtype, SafeTensors};

use crate::LoadError;

/// The tensors of a file, each of which must have the shape that is asked for.
pub(crate) struct Weights<'a> {
    path: PathBuf,
    tensors: SafeTensors<'a>,
    /// The beginning of all names. Models that were also trained for something else have `bert.` here.
    prefix: &'static str,
}

impl<'a> Weights<'a> {
    pub(crate) fn parse(path: PathBuf, content: &'a [u8]) -> Result<Self, LoadError> {
        match SafeTensors::deserialize(content) {
            Ok(tensors) => Ok(Self {
                path,
                prefix: if tensors.iter().any(|(name, _)| name.starts_with("bert.")) {
                    "bert."
                } else {
                    ""
                },
                tensors,
            }),
            Err(error) => Err(LoadError::Malformed {
                path,
                source: error.into(),
            }),
        }
    }

    pub(crate) fn matrix(
        &self,
        name: &str,
        rows: usize,
        columns: usize,
    ) -> Result<Array2<f32>, LoadError> {
        let numbers = self.numbers(name, &[rows, columns])?;
        Array2::from_shape_vec((rows, columns), numbers).map_err(|error| LoadError::Malformed {
            path: self.path.clone(),
            source: error.into(),
        })
    }

    pub(crate) fn vector(&self, name: &str, length: usize) -> Result<Array1<f32>, LoadError> {
        self.numbers(name, &[length]).map(Array1::from)
    }

    fn numbers(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, LoadError> {
        let (path, name) = (self.path.clone(), format!("{}{name}", self.prefix));
        let Ok(tensor) = self.tensors.tensor(&name) else {
            return Err(LoadError::TensorMissing { path, name });
        };
        if tensor.shape() != shape {
            return Err(LoadError::TensorShape {
                path,
                name,
                expected: shape.to_owned(),
                found: tensor.shape().to_owned(),
            });
        }
        let data = tensor.data();
        let halves = || data.as_chunks().0.iter().copied();
        Ok(match tensor.dtype() {
            Dtype::F32 => {
                let words = data.as_chunks().0.iter();
                words.map(|bytes| f32::from_le_bytes(*bytes)).collect()
            }
            Dtype::F16 => halves().map(|b| f16::from_le_bytes(b).to_f32()).collect(),
            Dtype::BF16 => halves().map(|b| bf16::from_le_bytes(b).to_f32()).collect(),
            other => {
                return Err(LoadError::Unsupported {
                    path,
                    what: format!("numbers of the type {other}"),
                });
            }
        })
    }
}
