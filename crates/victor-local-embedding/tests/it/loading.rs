//! What is said about folders that are not a model, or not one that can be computed.

use std::error::Error as _;

use safetensors::Dtype;
use serde_json::{Value, json};
use victor_local_embedding::{LoadError, LocalEmbedder};

use crate::tiny::{Tensor, Tiny};

/// The error, with its source if it has one, and without the place of the folder.
fn told(tiny: Tiny) -> String {
    let parent = tiny.write();
    let folder = parent.path().join("tiny");
    let error = LocalEmbedder::load(&folder).unwrap_err();
    let source = error.source().map(|source| format!(": {source}"));
    let told = format!("{error}{}", source.unwrap_or_default());
    told.replace(&format!("{}/", folder.display()), "")
}

fn check(tiny: Tiny, expected: &str) {
    assert_eq!(told(tiny), expected);
}

#[test]
fn a_missing_folder_or_file_is_named() {
    let error = LocalEmbedder::load("no/such/folder").unwrap_err();
    assert_eq!(
        error.to_string(),
        "there is no folder `no/such/folder`: give the folder that holds the model's files"
    );
    for name in ["config.json", "tokenizer.json"] {
        let told = told(Tiny::new().without(name));
        assert!(
            told.starts_with(&format!("there is no file `{name}`: copy it ")),
            "{told}"
        );
    }
    let told = told(Tiny::new().file("pytorch.safetensors", ""));
    assert!(
        told.starts_with("there is no file `model.safetensors`"),
        "{told}"
    );
    assert!(
        told.ends_with("in another format than safetensors have to be converted"),
        "{told}"
    );
}

#[test]
fn a_file_that_cannot_be_read_or_understood_is_named() {
    let unreadable = Tiny::new().without("config.json").file("config.json/x", "");
    let error = unreadable.try_load().unwrap_err();
    assert!(matches!(error, LoadError::Unreadable { .. }), "{error}");
    let damaged = |name| format!("`{name}` is damaged or has another format: copy it again: ");
    for name in [
        "config.json",
        "modules.json",
        "sentence_bert_config.json",
        "1_Pooling/config.json",
    ] {
        let expected = format!("{}expected value at line 1 column 1", damaged(name));
        check(Tiny::new().file(name, "garbage"), &expected);
        check(Tiny::new().file(name, "<html>"), &expected);
    }
    for name in ["tokenizer.json", "model.safetensors"] {
        for content in ["", "garbage", "{}", "[]", "null"] {
            let told = told(Tiny::new().file(name, content));
            assert!(told.starts_with(&damaged(name)), "{told}");
        }
    }
    let no_size = Tiny::new().json("config.json", json!({"model_type": "bert"}));
    let expected = "missing field `hidden_size` at line 1 column 21";
    check(no_size, &format!("{}{expected}", damaged("config.json")));
}

#[test]
fn what_is_not_supported_is_said() {
    let config = |field, value| Tiny::new().with("config.json", field, value);
    let modules = |kind: &str| {
        let transformer = json!({"path": "", "type": "a.b.Transformer"});
        let pooling = json!({"path": "1_Pooling", "type": "Pooling"});
        let last = json!({"path": "2", "type": kind});
        Tiny::new().json("modules.json", json!([transformer, pooling, last]))
    };
    let pooling = |modes: Value| Tiny::new().json("1_Pooling/config.json", modes);
    let integers = Tensor {
        dtype: Dtype::I32,
        ..Tensor::zeros(&[8])
    };
    let integers = Tiny::new().tensor("embeddings.LayerNorm.bias", integers);
    let both = json!({"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": true});
    let none = json!({"pooling_mode_cls_token": false});
    let max = json!({"pooling_mode_max_tokens": true});
    for (tiny, file, what) in [
        (
            config("model_type", json!("mpnet")),
            "config.json",
            "the architecture `mpnet`",
        ),
        (
            config("hidden_act", json!("relu")),
            "config.json",
            "the activation `relu`",
        ),
        (
            config("num_attention_heads", json!(0)),
            "config.json",
            "0 attention heads for 8 numbers",
        ),
        (
            config("num_attention_heads", json!(3)),
            "config.json",
            "3 attention heads for 8 numbers",
        ),
        (
            config("hidden_size", json!(0)),
            "config.json",
            "2 attention heads for 0 numbers",
        ),
        (
            config("position_embedding_type", json!("relative_key")),
            "config.json",
            "positions that are `relative_key`",
        ),
        (modules("x.Dense"), "modules.json", "`x.Dense` as step 2"),
        (
            modules("x.Pooling"),
            "modules.json",
            "`x.Pooling` as step 2",
        ),
        (
            pooling(max),
            "1_Pooling/config.json",
            r#"pooling by ["_max_tokens"]"#,
        ),
        (
            pooling(both),
            "1_Pooling/config.json",
            r#"pooling by ["_cls_token", "_mean_tokens"]"#,
        ),
        (pooling(none), "1_Pooling/config.json", "pooling by []"),
        (integers, "model.safetensors", "numbers of the type I32"),
    ] {
        check(
            tiny,
            &format!("`{file}` asks for {what}, which is not supported"),
        );
    }
}

#[test]
fn files_that_do_not_belong_together_are_told() {
    let bias = "encoder.layer.0.attention.self.key.bias";
    let query = "encoder.layer.0.attention.self.query.weight";
    check(
        Tiny::new().without(bias),
        &format!(
            "`model.safetensors` has no tensor `{bias}`: it does not belong to the folder's `config.json`"
        ),
    );
    check(
        Tiny::new().with("config.json", "num_hidden_layers", json!(usize::MAX)),
        "`model.safetensors` has no tensor `encoder.layer.1.attention.self.query.weight`: \
         it does not belong to the folder's `config.json`",
    );
    for shape in [&[8, 7][..], &[8], &[8, 8, 1], &[0, 8]] {
        check(
            Tiny::new().tensor(query, Tensor::zeros(shape)),
            &format!(
                "tensor `{query}` in `model.safetensors` has the shape {shape:?}, not [8, 8]: \
                 it does not belong to the folder's `config.json`"
            ),
        );
    }
    for size in [
        "hidden_size",
        "intermediate_size",
        "max_position_embeddings",
        "type_vocab_size",
    ] {
        let large = Tiny::new().with("config.json", size, json!(1_u64 << 62));
        let error = large.try_load().unwrap_err();
        assert!(matches!(error, LoadError::TensorShape { .. }), "{error}");
    }
    check(
        Tiny::new().with("config.json", "vocab_size", json!(8)),
        "`tokenizer.json` has tokens up to number 8 and the model only 8: it belongs to another model",
    );
}

#[test]
fn the_greatest_length_must_be_one_that_the_model_has() {
    let parent = Tiny::new().write();
    let load = |max_tokens| {
        let builder = LocalEmbedder::builder(parent.path().join("tiny"));
        builder.max_tokens(max_tokens).load()
    };
    for max_tokens in [0, 2, 13, usize::MAX] {
        let expected = format!(
            "the longest text cannot have {max_tokens} tokens with this model: choose from 3 to 12"
        );
        assert_eq!(load(max_tokens).unwrap_err().to_string(), expected);
    }
    assert!(load(3).is_ok() && load(12).is_ok());
    check(
        Tiny::new().json("sentence_bert_config.json", json!({"max_seq_length": 512})),
        "the longest text cannot have 512 tokens with this model: choose from 3 to 12",
    );
}
