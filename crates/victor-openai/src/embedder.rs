//! Vectors of texts.

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use victor_core::ModelId;
use victor_embedding_protocol::{EmbedError, Embedder, Embedding};
use victor_http::ApiEndpoint;
use victor_provider_protocol::{ProviderError, ProviderErrorKind};

use crate::OpenAiProvider;

/// A model that turns texts into vectors, of OpenAI or of another server. Made by [`OpenAiProvider::embedder`].
///
/// A text that is longer than the model can read is refused by OpenAI, and cut by some other servers. A text without
/// any letter or sign has the zero vector, because not every server takes it.
#[derive(Debug)]
pub struct OpenAiEmbedder {
    endpoint: ApiEndpoint,
    /// The fixed part of each request.
    asked: Asked,
    /// The model with what else its vectors depend on.
    name: ModelId,
    dimensions: usize,
}

/// The fixed part of a request.
#[derive(Debug)]
struct Asked {
    path: &'static str,
    model: ModelId,
    dimensions: Option<usize>,
}

/// The address of OpenAI, below the base URL, and that of old versions of Ollama, below the root.
const PATHS: [&str; 2] = ["/embeddings", "/api/embed"];

impl OpenAiProvider {
    /// An embedder of the same server. It asks once, for the vector of one word, to know how many numbers that has.
    ///
    /// `dimensions` is for models whose vectors can be shortened; the model's own number if absent.
    ///
    /// # Errors
    ///
    /// The server does not answer ([`EmbedError::Unavailable`]), or has no such model ([`EmbedError::Refused`]).
    ///
    /// # Cancel safety
    ///
    /// Dropping the call ends the request.
    pub async fn embedder(
        &self,
        model: impl Into<ModelId>,
        dimensions: Option<usize>,
    ) -> Result<OpenAiEmbedder, EmbedError> {
        let model = model.into();
        let name = match dimensions {
            Some(dimensions) => ModelId::from(format!("{model}@{dimensions}")),
            None => model.clone(),
        };
        let mut asked = Asked {
            path: PATHS[0],
            model,
            dimensions,
        };
        let mut endpoint = self.endpoint.clone();
        let mut vectors = ask(&endpoint, &asked, &["dimensions"]).await;
        if let Err(error) = &vectors
            && error.kind == ProviderErrorKind::NotFound
            && let Some(at_root) = endpoint.above("/v1")
        {
            asked.path = PATHS[1];
            if let Ok(found) = ask(&at_root, &asked, &["dimensions"]).await {
                (endpoint, vectors) = (at_root, Ok(found));
            }
        }
        let vectors = vectors.map_err(embed_error)?;
        let dimensions = vectors.first().map(Vec::len).unwrap_or_default();
        Ok(OpenAiEmbedder {
            endpoint,
            asked,
            name,
            dimensions,
        })
    }
}

#[async_trait]
impl Embedder for OpenAiEmbedder {
    fn model(&self) -> &ModelId {
        &self.name
    }

    fn dimensions(&self) -> usize {
        self.dimensions
    }

    async fn embed(&self, texts: &[&str]) -> Result<Vec<Embedding>, EmbedError> {
        if texts.len() > self.max_batch() {
            return Err(EmbedError::BatchTooLarge {
                found: texts.len(),
                max: self.max_batch(),
            });
        }
        let is_blank = |text: &str| text.trim().is_empty();
        let sent: Vec<&str> = texts
            .iter()
            .copied()
            .filter(|text| !is_blank(text))
            .collect();
        let mut found = if sent.is_empty() {
            Vec::new()
        } else {
            ask(&self.endpoint, &self.asked, &sent)
                .await
                .map_err(embed_error)?
        }
        .into_iter();
        let vectors = texts.iter().map(|text| {
            let vector = if is_blank(text) {
                Some(vec![0.0; self.dimensions])
            } else {
                found.next()
            };
            let vector = vector.unwrap_or_default();
            if vector.len() != self.dimensions {
                let message = format!(
                    "a vector of {} numbers, not {}",
                    vector.len(),
                    self.dimensions
                );
                return Err(EmbedError::Malformed { message });
            }
            Ok(Embedding::new(vector)?)
        });
        vectors.collect()
    }
}

/// The vectors of texts, one for each, in their order.
async fn ask(
    endpoint: &ApiEndpoint,
    asked: &Asked,
    texts: &[&str],
) -> Result<Vec<Vec<f32>>, ProviderError> {
    #[derive(Serialize)]
    struct Body<'a> {
        model: &'a str,
        input: &'a [&'a str],
        #[serde(skip_serializing_if = "Option::is_none")]
        dimensions: Option<usize>,
    }
    /// The answer of OpenAI, or that of Ollama.
    #[derive(Deserialize)]
    struct Answer {
        #[serde(default)]
        data: Vec<Datum>,
        #[serde(default)]
        embeddings: Vec<Vec<f32>>,
    }
    #[derive(Deserialize)]
    struct Datum {
        #[serde(default)]
        index: usize,
        embedding: Vec<f32>,
    }

    let body = Body {
        model: asked.model.as_str(),
        input: texts,
        dimensions: asked.dimensions,
    };
    let body = serde_json::to_vec(&body).map_err(|failed| endpoint.unwritten(&failed))?;
    let response = endpoint.post(asked.path, body).await?;
    let body = response
        .bytes()
        .await
        .map_err(|failed| endpoint.failed(&failed))?;
    let malformed = |message: String| {
        let kind = ProviderErrorKind::Malformed;
        endpoint.without_secrets(ProviderError::new(kind, endpoint.provider(), message))
    };
    let mut answer: Answer = serde_json::from_slice(&body)
        .map_err(|error| malformed(format!("the vectors cannot be read: {error}")))?;
    answer.data.sort_by_key(|datum| datum.index);
    let vectors: Vec<Vec<f32>> = answer
        .data
        .into_iter()
        .map(|datum| datum.embedding)
        .chain(answer.embeddings)
        .collect();
    if vectors.len() != texts.len() || vectors.iter().any(Vec::is_empty) {
        return Err(malformed(format!(
            "{} vectors for {} texts",
            vectors.len(),
            texts.len()
        )));
    }
    Ok(vectors)
}

fn embed_error(error: ProviderError) -> EmbedError {
    match error.kind {
        ProviderErrorKind::Malformed => EmbedError::Malformed {
            message: error.message,
        },
        kind if kind.is_transient() => EmbedError::Unavailable {
            message: error.message,
            retry_after: error.retry_after,
            source: None,
        },
        _ => EmbedError::refused(error.message),
    }
}
