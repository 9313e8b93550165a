//! By meaning.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use async_trait::async_trait;
use victor_core::{Lock, RecentMap, ToolSpec};
use victor_embedding_protocol::{EmbedError, Embedder, Embedding, embed_all};
use victor_lexical::LexicalEmbedder;
use victor_tool_selection_protocol::{SelectionError, SelectionRequest, ToolSelectionStrategy};

use crate::lists::PerList;
use crate::texts::parameter_words;

/// The strategy `semantic`: how alike the vectors of the request and of a tool point.
///
/// A tool's vector is made from its name, description and parameters when it is first seen, a request's when it is
/// first asked; both are kept by a hash of the text. What an embedder has done until a call is dropped or fails is kept
/// too, so a large list is embedded over several calls if one is too short for it.
#[derive(Debug)]
pub struct Semantic {
    embedder: Arc<dyn Embedder>,
    lists: PerList<Vec<Embedding>>,
    vectors: Lock<RecentMap<Key, Embedding>>,
}

/// A hash of 128 bits, so that two texts never share one in practice.
type Key = (u64, u64);

impl Semantic {
    /// The strategy's name.
    pub const NAME: &str = "semantic";

    /// Number of vectors that are kept unless [`with_capacity`](Self::with_capacity) says otherwise. A vector takes
    /// four bytes for each of its numbers, so this is 16 MiB for those of the [`LexicalEmbedder`].
    const CAPACITY: usize = 4096;

    /// By the vectors of this embedder.
    #[must_use]
    pub fn new(embedder: Arc<dyn Embedder>) -> Self {
        Self {
            embedder,
            lists: PerList::default(),
            vectors: Lock::new(RecentMap::new(Self::CAPACITY)),
        }
    }

    /// Sets how many vectors are kept beside those of the lists that were asked about last; 4,096 unless set, and no
    /// fewer than twice the tools of the longest list.
    #[must_use]
    pub fn with_capacity(mut self, vectors: usize) -> Self {
        self.vectors = Lock::new(RecentMap::new(vectors));
        self
    }

    /// The vectors of texts, of which those that are not known are embedded.
    async fn vectors(&self, texts: &[&str]) -> Result<Vec<Embedding>, EmbedError> {
        let keys: Vec<Key> = texts.iter().map(|text| key(text)).collect();
        let mut found: Vec<Option<Embedding>> = {
            let mut known = self.vectors.lock();
            // Otherwise a list that is embedded over several calls might never be finished.
            known.reserve(texts.len());
            keys.iter().map(|key| known.peek(key).cloned()).collect()
        };
        let missing: Vec<usize> = (0..texts.len()).filter(|at| found[*at].is_none()).collect();
        for batch in missing.chunks(self.embedder.max_batch().max(1)) {
            let new: Vec<&str> = batch.iter().map(|at| texts[*at]).collect();
            let vectors = embed_all(&*self.embedder, &new).await?;
            let mut known = self.vectors.lock();
            for (at, vector) in batch.iter().zip(vectors) {
                known.insert(keys[*at], vector.clone());
                found[*at] = Some(vector);
            }
        }
        Ok(found.into_iter().flatten().collect())
    }
}

impl Default for Semantic {
    /// By the vectors of the [`LexicalEmbedder`], which needs no model and knows no meaning.
    fn default() -> Self {
        Self::new(Arc::new(LexicalEmbedder::default()))
    }
}

#[async_trait]
impl ToolSelectionStrategy for Semantic {
    fn name(&self) -> &str {
        Self::NAME
    }

    async fn score(
        &self,
        request: &SelectionRequest,
        tools: &Arc<[ToolSpec]>,
    ) -> Result<Vec<f32>, SelectionError> {
        let failed = |error| SelectionError::new("cannot embed").with_source(error);
        let list = self.lists.of(tools);
        let embedded = list.get_or_try_init(async || {
            let texts: Vec<String> = tools.iter().map(text_of).collect();
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            self.vectors(&texts).await
        });
        let vectors = embedded.await.map_err(failed)?;
        let query = self.vectors(&[&request.text]).await.map_err(failed)?;
        let cosine = |vector: &Embedding| query.first()?.cosine(vector);
        // A vector that points away is as little to the point as an unrelated one.
        let score = |vector| cosine(vector).map_or(0.0, |cosine| cosine.max(0.0));
        Ok(vectors.iter().map(score).collect())
    }
}

/// Returns the text that a tool is embedded as.
fn text_of(tool: &ToolSpec) -> String {
    [&*tool.name, &*tool.description, &*parameter_words(tool)].join("\n")
}

fn key(text: &str) -> Key {
    let hash = |salt: u8| {
        let mut hasher = DefaultHasher::new();
        (salt, text).hash(&mut hasher);
        hasher.finish()
    };
    (hash(0), hash(1))
}
