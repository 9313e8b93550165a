//! The strategy `semantic`.

use std::sync::Arc;

use async_trait::async_trait;
use victor_context_protocol::{CompactionBudget, CompactionError, CompactionStrategy};
use victor_core::Context;
use victor_embedding_protocol::{Embedder, Embedding, embed_all};
use victor_lexical::LexicalEmbedder;

use super::cached_embedder::CachedEmbedder;
use super::judgement::{Task, index, judge};
use super::selection::Selection;
use super::texts::{beginning, texts};
use crate::Group;

/// Keeps what means something like the task, and not the same thing twice: the strategy `semantic`.
///
/// It works as [`TaskAware`](crate::TaskAware) does, with two differences. What has to do with the task is told half by
/// words and half by vectors, so that with a model "car" is near to "vehicle"; and what is like something that is kept
/// already counts less (maximal marginal relevance, J. Carbonell and J. Goldstein, 1998). Of each group the first
/// 2,000 characters are embedded, once: the vectors of up to 8,192 texts are remembered.
///
/// It fails if the embedder fails.
#[derive(Debug, Clone)]
pub struct Semantic {
    embedder: CachedEmbedder,
    diversity: f32,
}

const EMBEDDED_CHARACTERS: usize = 2000;

impl Semantic {
    /// The strategy's name.
    pub const NAME: &str = "semantic";

    /// Tells by the vectors of `embedder` what has to do with the task.
    pub fn new(embedder: Arc<dyn Embedder>) -> Self {
        Self {
            embedder: CachedEmbedder::new(embedder, 8192),
            diversity: 0.3,
        }
    }

    /// Sets the penalty for a message that resembles another one: 0 for none; above 1, it outweighs the similarity to
    /// the task. Defaults to 0.3.
    #[must_use]
    pub fn diversity(mut self, diversity: f32) -> Self {
        self.diversity = diversity;
        self
    }
}

impl Default for Semantic {
    /// By the vectors of [`LexicalEmbedder`], which needs no model and knows words only.
    fn default() -> Self {
        Self::new(Arc::new(LexicalEmbedder::default()))
    }
}

#[async_trait]
impl CompactionStrategy for Semantic {
    fn name(&self) -> &str {
        Self::NAME
    }

    async fn compact(
        &self,
        context: &Context,
        budget: &CompactionBudget,
    ) -> Result<Context, CompactionError> {
        let Some(selection) = Selection::of(context, budget) else {
            return Ok(context.clone());
        };
        let task = Task::of(context);
        let text = |group: &Group| texts(group.messages(selection.history)).join("\n");
        let mut wanted = vec![task.text.clone()];
        wanted.extend(selection.groups.iter().map(text));
        let wanted = wanted
            .iter()
            .map(|text| beginning(text, EMBEDDED_CHARACTERS));
        let vectors = embed_all(&self.embedder, &wanted.collect::<Vec<_>>())
            .await
            .map_err(|error| {
                CompactionError::new("the messages could not be embedded").with_source(error)
            })?;
        let (task_vector, vectors) = (&vectors[0], &vectors[1..]);
        let alike = |one: &Embedding, other: &Embedding| one.cosine(other).unwrap_or(0.0).max(0.0);
        let meaning = vectors
            .iter()
            .map(|vector| alike(task_vector, vector))
            .collect();
        let index = index(&selection);
        let scores = judge(
            &selection,
            &task,
            &index,
            vec![meaning, index.scores(&task.text)],
        );
        let likeness =
            |one: usize, other: usize| self.diversity * alike(&vectors[one], &vectors[other]);
        let kept = selection.take_unlike(budget.target_tokens, &scores, Some(&likeness));
        Ok(context.with_messages(kept))
    }
}
