//! The JSON files of a model.

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::LoadError;
use crate::folder::Folder;
use crate::pooling::Pooling;

/// Everything about a model that is neither tokens nor weights.
pub(crate) struct Config {
    pub(crate) bert: BertConfig,
    pub(crate) pooling: Pooling,
    /// Whether vectors are brought to the length 1.
    pub(crate) is_normalized: bool,
    /// The number of tokens of a text that the model was made to read.
    pub(crate) max_tokens: usize,
    /// Whether texts are lowered before the tokenizer sees them.
    pub(crate) is_lowercase: bool,
    /// The beginning of the names of the token and weight files: nothing, or a folder and `/`.
    pub(crate) prefix: String,
}

/// The sizes of the network.
#[derive(Debug, Deserialize)]
pub(crate) struct BertConfig {
    #[serde(default)]
    model_type: String,
    pub(crate) hidden_size: usize,
    pub(crate) num_hidden_layers: usize,
    pub(crate) num_attention_heads: usize,
    pub(crate) intermediate_size: usize,
    pub(crate) max_position_embeddings: usize,
    pub(crate) vocab_size: usize,
    #[serde(default = "type_vocab_size")]
    pub(crate) type_vocab_size: usize,
    #[serde(default = "layer_norm_eps")]
    pub(crate) layer_norm_eps: f32,
    #[serde(default = "hidden_act")]
    hidden_act: String,
    #[serde(default = "position_embedding_type")]
    position_embedding_type: String,
}

// What BERT has where its configuration does not say.
fn type_vocab_size() -> usize {
    2
}
fn layer_norm_eps() -> f32 {
    1e-12
}
fn hidden_act() -> String {
    "gelu".into()
}
fn position_embedding_type() -> String {
    "absolute".into()
}

/// A step of a sentence-transformer.
#[derive(Deserialize)]
struct Module {
    path: String,
    r#type: String,
}

#[derive(Default, Deserialize)]
struct SentenceConfig {
    max_seq_length: Option<usize>,
    #[serde(default)]
    do_lower_case: bool,
}

impl Config {
    pub(crate) fn read(folder: &mut Folder) -> Result<Self, LoadError> {
        let modules: Option<Vec<Module>> = folder.read_json_if_any("modules.json")?;
        let (mut prefix, mut pooling, mut is_normalized) =
            (String::new(), "1_Pooling".to_owned(), false);
        for (place, module) in modules.into_iter().flatten().enumerate() {
            // The modules have moved from one Python package to another, and kept their names.
            let kind = module.r#type.rsplit('.').next().unwrap_or_default();
            match (place, kind) {
                (0, "Transformer") if module.path.is_empty() => {}
                (0, "Transformer") => prefix = format!("{}/", module.path),
                (1, "Pooling") => pooling = module.path,
                (2, "Normalize") => is_normalized = true,
                _ => {
                    return Err(LoadError::Unsupported {
                        path: folder.path_of("modules.json"),
                        what: format!("`{}` as step {place}", module.r#type),
                    });
                }
            }
        }
        let bert = BertConfig::read(folder, &format!("{prefix}config.json"))?;
        let sentence: SentenceConfig = folder
            .read_json_if_any(&format!("{prefix}sentence_bert_config.json"))?
            .unwrap_or_default();
        Ok(Self {
            pooling: read_pooling(folder, &format!("{pooling}/config.json"))?,
            is_normalized,
            max_tokens: sentence
                .max_seq_length
                .unwrap_or_else(|| bert.max_position_embeddings.min(256)),
            is_lowercase: sentence.do_lower_case,
            prefix,
            bert,
        })
    }
}

impl BertConfig {
    fn read(folder: &mut Folder, name: &str) -> Result<Self, LoadError> {
        let config: Self = folder.read_json(name)?;
        let what = if config.model_type != "bert" {
            format!("the architecture `{}`", config.model_type)
        } else if config.hidden_act != "gelu" {
            format!("the activation `{}`", config.hidden_act)
        } else if config.position_embedding_type != "absolute" {
            format!("positions that are `{}`", config.position_embedding_type)
        } else if config.hidden_size == 0
            || config.num_attention_heads == 0
            || !config
                .hidden_size
                .is_multiple_of(config.num_attention_heads)
        {
            format!(
                "{} attention heads for {} numbers",
                config.num_attention_heads, config.hidden_size
            )
        } else {
            return Ok(config);
        };
        let path = folder.path_of(name);
        Err(LoadError::Unsupported { path, what })
    }
}

/// The one way of pooling that the file switches on, either by its name or by a field of its own.
fn read_pooling(folder: &mut Folder, name: &str) -> Result<Pooling, LoadError> {
    let Some(config) = folder.read_json_if_any::<Map<String, Value>>(name)? else {
        return Ok(Pooling::Mean);
    };
    let modes: Vec<&str> = config
        .iter()
        .filter_map(|(key, value)| match key.strip_prefix("pooling_mode")? {
            "" => value.as_str(),
            mode => (value == true).then_some(mode),
        })
        .collect();
    match modes[..] {
        ["mean" | "_mean_tokens"] => Ok(Pooling::Mean),
        ["cls" | "_cls_token"] => Ok(Pooling::Cls),
        _ => Err(LoadError::Unsupported {
            path: folder.path_of(name),
            what: format!("pooling by {modes:?}"),
        }),
    }
}
