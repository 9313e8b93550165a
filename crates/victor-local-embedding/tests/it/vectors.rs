//! What vectors a model has, compared with those that a few lines of numpy compute from the same files.

use half::{bf16, f16};
use safetensors::Dtype;
use serde_json::json;
use victor_embedding_protocol::{EmbedError, Embedder};
use victor_local_embedding::LocalEmbedder;

use crate::tiny::{Tensor, Tiny};

const TEXT: &str = "b a e e z c";
const MEAN: [f32; 8] = [
    -2.339268, -1.087785, -0.736637, -0.117057, -0.583511, -0.208527, 1.080901, -1.798293,
];
const CLS: [f32; 8] = [
    -2.224431, -1.18122, -0.720694, -0.278237, -0.623751, 0.050214, 0.985526, -1.786892,
];
const MEAN_NORMALIZED: [f32; 8] = [
    -0.675346, -0.314043, -0.212667, -0.033794, -0.168460, -0.060202, 0.312056, -0.519167,
];
const NOTHING_NORMALIZED: [f32; 8] = [
    -0.677166, -0.330224, -0.221449, -0.085825, -0.174481, -0.083392, 0.245296, -0.527659,
];

async fn vector(embedder: &LocalEmbedder, text: &str) -> Vec<f32> {
    embedder.embed(&[text]).await.unwrap()[0].values().to_vec()
}

async fn check_within(tiny: Tiny, text: &str, expected: [f32; 8], tolerance: f32) {
    let found = vector(&tiny.load(), text).await;
    assert_eq!(found.len(), 8);
    for (found_number, number) in found.iter().zip(expected) {
        assert!(
            (found_number - number).abs() < tolerance,
            "{found:?} instead of {expected:?}"
        );
    }
}

async fn check(tiny: Tiny, text: &str, expected: [f32; 8]) {
    check_within(tiny, text, expected, 1e-5).await;
}

#[tokio::test]
async fn pooling_and_length_are_as_the_files_say() {
    let tiny = Tiny::new;
    check(tiny(), TEXT, MEAN_NORMALIZED).await;
    check(tiny(), "", NOTHING_NORMALIZED).await;
    check(tiny(), " \n\t", NOTHING_NORMALIZED).await;
    // Without `modules.json` the model ends with pooling.
    let bare = || Tiny::new().without("modules.json");
    check(bare(), TEXT, MEAN).await;
    for mode in ["pooling_mode_mean_tokens", "pooling_mode_cls_token"] {
        let expected = if mode.contains("cls") { CLS } else { MEAN };
        check(bare().pooling(mode), TEXT, expected).await;
    }
    for (mode, expected) in [("mean", MEAN), ("cls", CLS)] {
        let pooling = json!({"pooling_mode": mode, "include_prompt": true});
        check(
            bare().json("1_Pooling/config.json", pooling),
            TEXT,
            expected,
        )
        .await;
    }
}

#[tokio::test]
async fn the_files_may_be_in_a_folder_of_their_own() {
    let modules = json!([
        {"path": "0_BERT", "type": "sentence_transformers.models.Transformer"},
        {"path": "pool", "type": "sentence_transformers.models.Pooling"},
    ]);
    let mut moved = Tiny::new()
        .json("modules.json", modules)
        .json("pool/config.json", json!({"pooling_mode_cls_token": true}));
    moved = moved.file(
        "0_BERT/sentence_bert_config.json",
        r#"{"max_seq_length": 5}"#,
    );
    let weights = moved.weights();
    moved = moved.file("0_BERT/model.safetensors", weights);
    for name in ["config.json", "tokenizer.json"] {
        let content = moved.files.remove(name).unwrap();
        moved = moved.file(&format!("0_BERT/{name}"), content);
    }
    let embedder = moved.load();
    let cut = vector(&embedder, TEXT).await;
    assert_eq!(cut, vector(&embedder, "b a e").await);
    assert_ne!(cut, vector(&embedder, "b a").await);
}

#[tokio::test]
async fn weights_may_have_sixteen_bits_and_names_a_prefix() {
    let exact = |number: f32| f16::from_f32(number).to_le_bytes().to_vec();
    let coarse = |number: f32| bf16::from_f32(number).to_le_bytes().to_vec();
    let tiny = Tiny::new().retyped(Dtype::F16, exact);
    check_within(tiny, TEXT, MEAN_NORMALIZED, 3e-3).await;
    let tiny = Tiny::new().retyped(Dtype::BF16, coarse);
    check_within(tiny, TEXT, MEAN_NORMALIZED, 3e-2).await;
    let mut tiny = Tiny::new();
    let tensors = std::mem::take(&mut tiny.tensors).into_iter();
    tiny.tensors = tensors
        .map(|(name, tensor)| (format!("bert.{name}"), tensor))
        .collect();
    let head = Tensor::zeros(&[2, 8]);
    check(
        tiny.tensor("classifier.weight", head),
        TEXT,
        MEAN_NORMALIZED,
    )
    .await;
}

#[tokio::test]
async fn a_text_is_cut_where_the_model_ends() {
    // Two tokens begin and end every text; the tokenizer's own limit of three is not used.
    let parent = Tiny::new()
        .json("sentence_bert_config.json", json!({"max_seq_length": 6}))
        .write();
    let builder = || LocalEmbedder::builder(parent.path().join("tiny"));
    for (embedder, read) in [
        (builder().load().unwrap(), "a b c d"),
        (builder().max_tokens(4).load().unwrap(), "a b"),
        (
            builder().max_tokens(12).load().unwrap(),
            "a b c d e a b c d e",
        ),
        // No limit in the files: that of the positions.
        (Tiny::new().load(), "a b c d e a b c d e"),
    ] {
        let shorter = &read[..read.len() - 2];
        let long = vector(&embedder, "a b c d e a b c d e a b c d e").await;
        assert_eq!(long, vector(&embedder, read).await, "{embedder:?}");
        assert_ne!(long, vector(&embedder, shorter).await, "{embedder:?}");
    }
}

#[tokio::test]
async fn texts_are_lowered_where_the_files_say_so() {
    let lower = json!({"do_lower_case": true});
    let lower = Tiny::new().json("sentence_bert_config.json", lower).load();
    let exact = Tiny::new().load();
    assert_eq!(vector(&lower, "A b").await, vector(&exact, "a b").await);
    assert_ne!(vector(&exact, "A b").await, vector(&exact, "a b").await);
}

#[test]
fn whatever_changes_vectors_changes_the_name() {
    let parent = Tiny::new().write();
    let builder = || LocalEmbedder::builder(parent.path().join("tiny"));
    let one = std::num::NonZero::<usize>::MIN;
    let name = |embedder: LocalEmbedder| embedder.model().to_string();
    let base = name(builder().load().unwrap());
    let hash = base.strip_prefix("tiny@").unwrap();
    assert!(hash.len() == 16 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()));
    assert_eq!(base, name(Tiny::new().load()), "the place does not matter");
    let settings = builder().max_batch(one).threads(one);
    assert_eq!(base, name(settings.load().unwrap()));

    let bias = "encoder.layer.0.output.dense.bias";
    let mut names = vec![
        base,
        name(builder().max_tokens(5).load().unwrap()),
        name(Tiny::new().tensor(bias, Tensor::zeros(&[8])).load()),
        name(
            Tiny::new()
                .with("config.json", "layer_norm_eps", json!(1e-5))
                .load(),
        ),
        name(
            Tiny::new()
                .with("tokenizer.json", "pre_tokenizer", json!(null))
                .load(),
        ),
        name(Tiny::new().pooling("pooling_mode_cls_token").load()),
        name(Tiny::new().without("modules.json").load()),
    ];
    names.sort();
    let count = names.len();
    names.dedup();
    assert_eq!(names.len(), count, "{names:?}");
}

#[tokio::test]
async fn weights_that_are_no_numbers_give_no_vector() {
    let bias = Tensor::of(&[8], vec![f32::NAN; 8]);
    let embedder = Tiny::new()
        .tensor("encoder.layer.0.output.dense.bias", bias)
        .load();
    let error = embedder.embed(&["a"]).await.unwrap_err();
    assert!(matches!(error, EmbedError::Invalid(_)), "{error}");
}
