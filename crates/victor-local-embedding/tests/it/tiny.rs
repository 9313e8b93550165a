//! A model of one layer and eight numbers, as files.

use std::collections::BTreeMap;
use std::fs;

use safetensors::Dtype;
use safetensors::tensor::TensorView;
use serde_json::{Value, json};
use tempfile::TempDir;
use victor_local_embedding::{LoadError, LocalEmbedder};

/// The files of a model and the tensors that become one of them.
pub(crate) struct Tiny {
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    pub(crate) tensors: BTreeMap<String, Tensor>,
}

#[derive(Clone)]
pub(crate) struct Tensor {
    pub(crate) dtype: Dtype,
    pub(crate) shape: Vec<usize>,
    pub(crate) data: Vec<u8>,
}

/// The tensors of the model, each in a row of its own.
const TENSORS: [(&str, &[usize]); 21] = [
    ("embeddings.word_embeddings.weight", &[9, 8]),
    ("embeddings.position_embeddings.weight", &[12, 8]),
    ("embeddings.token_type_embeddings.weight", &[2, 8]),
    ("embeddings.LayerNorm.weight", &[8]),
    ("embeddings.LayerNorm.bias", &[8]),
    ("encoder.layer.0.attention.self.query.weight", &[8, 8]),
    ("encoder.layer.0.attention.self.query.bias", &[8]),
    ("encoder.layer.0.attention.self.key.weight", &[8, 8]),
    ("encoder.layer.0.attention.self.key.bias", &[8]),
    ("encoder.layer.0.attention.self.value.weight", &[8, 8]),
    ("encoder.layer.0.attention.self.value.bias", &[8]),
    ("encoder.layer.0.attention.output.dense.weight", &[8, 8]),
    ("encoder.layer.0.attention.output.dense.bias", &[8]),
    ("encoder.layer.0.attention.output.LayerNorm.weight", &[8]),
    ("encoder.layer.0.attention.output.LayerNorm.bias", &[8]),
    ("encoder.layer.0.intermediate.dense.weight", &[16, 8]),
    ("encoder.layer.0.intermediate.dense.bias", &[16]),
    ("encoder.layer.0.output.dense.weight", &[8, 16]),
    ("encoder.layer.0.output.dense.bias", &[8]),
    ("encoder.layer.0.output.LayerNorm.weight", &[8]),
    ("encoder.layer.0.output.LayerNorm.bias", &[8]),
];

impl Tiny {
    /// A sound model, which pools by the mean and normalizes, with numbers for weights that are as good as random.
    pub(crate) fn new() -> Self {
        let mut tiny = Self {
            files: BTreeMap::new(),
            tensors: BTreeMap::new(),
        };
        for (row, (name, shape)) in TENSORS.into_iter().enumerate() {
            let numbers = (0..shape.iter().product())
                .map(|column| wave(row, column))
                .collect();
            tiny.tensors.insert(name.into(), Tensor::of(shape, numbers));
        }
        tiny.json(
            "config.json",
            json!({
                "model_type": "bert", "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2,
                "intermediate_size": 16, "max_position_embeddings": 12, "vocab_size": 9,
            }),
        )
        .json(
            "modules.json",
            json!([
                {"path": "", "type": "sentence_transformers.models.Transformer"},
                {"path": "1_Pooling", "type": "sentence_transformers.models.Pooling"},
                {"path": "2_Normalize", "type": "sentence_transformers.models.Normalize"},
            ]),
        )
        .json("tokenizer.json", tokenizer())
    }

    /// Puts a file in the place of another, or adds one.
    pub(crate) fn file(mut self, name: &str, content: impl Into<Vec<u8>>) -> Self {
        self.files.insert(name.into(), content.into());
        self
    }

    pub(crate) fn json(self, name: &str, content: impl Into<Value>) -> Self {
        self.file(name, content.into().to_string())
    }

    /// Changes one field at the top of a JSON file.
    pub(crate) fn with(self, name: &str, field: &str, value: Value) -> Self {
        let mut content: Value = serde_json::from_slice(&self.files[name]).unwrap();
        content[field] = value;
        self.json(name, content)
    }

    pub(crate) fn pooling(self, mode: &str) -> Self {
        self.json("1_Pooling/config.json", json!({ mode: true }))
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        assert!(self.files.remove(name).is_some() | self.tensors.remove(name).is_some());
        self
    }

    pub(crate) fn tensor(mut self, name: &str, tensor: Tensor) -> Self {
        self.tensors.insert(name.into(), tensor);
        self
    }

    /// Makes the weights numbers of another type.
    pub(crate) fn retyped(mut self, dtype: Dtype, convert: fn(f32) -> Vec<u8>) -> Self {
        for tensor in self.tensors.values_mut() {
            let numbers = tensor.numbers();
            tensor.data = numbers.into_iter().flat_map(convert).collect();
            tensor.dtype = dtype;
        }
        self
    }

    /// The file of weights.
    pub(crate) fn weights(&self) -> Vec<u8> {
        let views = self.tensors.iter().map(|(name, tensor)| {
            let view = TensorView::new(tensor.dtype, tensor.shape.clone(), &tensor.data);
            (name, view.unwrap())
        });
        safetensors::serialize(views, None).unwrap()
    }

    /// Writes the files into a folder that is called `tiny`, in one that is removed in the end.
    pub(crate) fn write(mut self) -> TempDir {
        let weights = || self.weights();
        if !self.files.keys().any(|name| name.ends_with(".safetensors")) {
            let weights = weights();
            self.files.insert("model.safetensors".into(), weights);
        }
        let parent = tempfile::tempdir().unwrap();
        for (name, content) in self.files {
            let path = parent.path().join("tiny").join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        parent
    }

    pub(crate) fn try_load(self) -> Result<LocalEmbedder, LoadError> {
        let parent = self.write();
        LocalEmbedder::load(parent.path().join("tiny"))
    }

    pub(crate) fn load(self) -> LocalEmbedder {
        self.try_load().unwrap()
    }
}

impl Tensor {
    pub(crate) fn of(shape: &[usize], numbers: Vec<f32>) -> Self {
        Self {
            dtype: Dtype::F32,
            shape: shape.to_owned(),
            data: numbers.into_iter().flat_map(f32::to_le_bytes).collect(),
        }
    }

    pub(crate) fn zeros(shape: &[usize]) -> Self {
        Self::of(shape, vec![0.0; shape.iter().product()])
    }

    fn numbers(&self) -> Vec<f32> {
        let words = self.data.as_chunks().0.iter();
        words.map(|bytes| f32::from_le_bytes(*bytes)).collect()
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "small numbers"
)]
fn wave(row: usize, column: usize) -> f32 {
    ((100 * row + column).pow(2) as f64).sin() as f32
}

/// The letters from a to e, with a truncation and a padding that the model is not to use.
fn tokenizer() -> Value {
    let special = |id, content| json!({"id": id, "content": content, "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true});
    json!({
        "version": "1.0",
        "truncation": {"direction": "Right", "max_length": 3, "strategy": "LongestFirst", "stride": 0},
        "padding": {
            "strategy": {"Fixed": 7}, "direction": "Right", "pad_to_multiple_of": null,
            "pad_id": 0, "pad_type_id": 0, "pad_token": "[PAD]",
        },
        "added_tokens": [special(0, "[PAD]"), special(1, "[UNK]"), special(2, "[CLS]"), special(3, "[SEP]")],
        "normalizer": null,
        "pre_tokenizer": {"type": "Whitespace"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [
                {"SpecialToken": {"id": "[CLS]", "type_id": 0}},
                {"Sequence": {"id": "A", "type_id": 0}},
                {"SpecialToken": {"id": "[SEP]", "type_id": 0}},
            ],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}],
            "special_tokens": {
                "[CLS]": {"id": "[CLS]", "ids": [2], "tokens": ["[CLS]"]},
                "[SEP]": {"id": "[SEP]", "ids": [3], "tokens": ["[SEP]"]},
            },
        },
        "decoder": null,
        "model": {
            "type": "WordLevel",
            "vocab": {"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "a": 4, "b": 5, "c": 6, "d": 7, "e": 8},
            "unk_token": "[UNK]",
        },
    })
}
