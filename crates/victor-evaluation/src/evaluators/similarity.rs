//! Answers that mean the same.

use std::sync::Arc;

use async_trait::async_trait;
use victor_embedding_protocol::{Embedder, embed_all};
use victor_evaluation_protocol::{EvalCase, Evaluator, EvaluatorError, Judgement, Score, Trial};

/// Whether the answer means much the same as one of the expected ones: the cosine of their vectors, which is the score,
/// is at least a threshold.
#[derive(Debug, Clone)]
pub struct Similarity {
    embedder: Arc<dyn Embedder>,
    threshold: f64,
}

impl Similarity {
    /// An evaluator by an embedder. Which threshold is right depends on the embedder's model: look at scores of right
    /// and wrong answers first.
    #[must_use]
    pub fn new(embedder: impl Embedder, threshold: f64) -> Self {
        Self {
            embedder: Arc::new(embedder),
            threshold,
        }
    }
}

#[async_trait]
impl Evaluator for Similarity {
    fn name(&self) -> &str {
        "similarity"
    }

    async fn evaluate(&self, case: &EvalCase, trial: &Trial) -> Result<Judgement, EvaluatorError> {
        if case.expected.text.is_empty() {
            return Ok(Judgement::NotApplicable);
        }
        let texts = [trial.answer()]
            .into_iter()
            .chain(case.expected.text.iter().map(String::as_str));
        let texts: Vec<&str> = texts.collect();
        let vectors = embed_all(&*self.embedder, &texts).await.map_err(|error| {
            EvaluatorError::new("the answers could not be embedded").with_source(error)
        })?;
        let Some((answer, expected)) = vectors.split_first() else {
            return Ok(Judgement::invalid("the embedder returned nothing"));
        };
        let best = expected
            .iter()
            .filter_map(|expected| answer.cosine(expected));
        let Some(best) = best.map(f64::from).max_by(f64::total_cmp) else {
            return Ok(Judgement::invalid("an empty text has no direction"));
        };
        let best = best.clamp(0.0, 1.0);
        let score = Score::new(best, best >= self.threshold);
        Ok(if score.passed {
            score.into()
        } else {
            let reason = format!(
                "the cosine is {best:.3}, and {:.3} is asked for",
                self.threshold
            );
            score.with_reason(reason).into()
        })
    }
}
