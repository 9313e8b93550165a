//! The strategy `semantic`.

use std::sync::Arc;

use async_trait::async_trait;
use victor_context_protocol::{CompactionBudget, CompactionError, CompactionStrategy};
use victor_core::Context;
use victor_embedding_protocol::{Embedder, Embedding, embed_all};
use victor_lexical::LexicalEmbedder;

use super::cached_embedder::CachedEmbedder;
use super::judgement::{Task, index, spread, to_one, worth};
use super::selection::Selection;
use super::texts::{beginning, texts};

/// Keeps what means something like the task, and not the same thing twice: the strategy `semantic`.
///
/// It works as [`TaskAware`](crate::TaskAware) does, with two differences. What has to do with the task is told by
/// vectors instead of words, so that with a model "car" is near to "vehicle"; and what is like something that is kept
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

    /// How much it is held against a message that it is like another: not at all at 0, more than its nearness to the
    /// task is worth above 1. 0.3 unless set.
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
        let mut wanted = vec![task.text];
        wanted.extend(selection.groups.iter().map(|group| {
            let text = texts(group.messages(selection.history)).join("\n");
            beginning(&text, EMBEDDED_CHARACTERS).to_owned()
        }));
        let wanted: Vec<&str> = wanted
            .iter()
            .map(|text| beginning(text, EMBEDDED_CHARACTERS))
            .collect();
        let vectors =
            embed_all(&self.embedder, &wanted)
                .await
                .map_err(|error| CompactionError {
                    message: "the messages could not be embedded".to_owned(),
                    source: Some(error.into()),
                })?;
        let Some((task_vector, vectors)) = vectors.split_first() else {
            return Err(CompactionError::new("the embedder returned nothing"));
        };
        let alike = |one: &Embedding, other: &Embedding| one.cosine(other).unwrap_or(0.0).max(0.0);
        let mut scores: Vec<f32> = vectors
            .iter()
            .map(|vector| alike(task_vector, vector))
            .collect();
        spread(&mut scores);
        to_one(&mut scores);
        for (score, worth) in scores.iter_mut().zip(worth(&selection, &index(&selection))) {
            *score = *score * task.weight + worth;
        }
        let likeness =
            |one: usize, other: usize| self.diversity * alike(&vectors[one], &vectors[other]);
        Ok(context.with_messages(selection.take_unlike(
            budget.target_tokens,
            &scores,
            Some(&likeness),
        )))
    }
}
