//! By words and by meaning.

use std::sync::Arc;

use async_trait::async_trait;
use victor_core::ToolSpec;
use victor_tool_selection_protocol::{SelectionError, SelectionRequest, ToolSelectionStrategy};

use crate::strategies::{Keyword, Semantic};

/// The strategy `hybrid`: [`Keyword`] and [`Semantic`] together.
///
/// It shares what these two have computed with whoever else uses them.
#[derive(Debug)]
pub struct Hybrid {
    keyword: Arc<Keyword>,
    semantic: Arc<Semantic>,
    alpha: f32,
    fusion: Fusion,
}

/// Way in which [`Hybrid`] makes one score of two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Fusion {
    /// Each side's scores in relation to their mean, so that both have as much to give away and a side that gives the
    /// same to all decides nothing. A tool has 1 that fits as well as the average.
    ///
    /// In relation to the highest score, or to the standard deviation, the many small likenesses of vectors are louder,
    /// and less was found.
    #[default]
    Scores,
    /// Each side's reciprocal ranks (G. Cormack, C. Clarke and S. Büttcher, "Reciprocal Rank Fusion outperforms
    /// Condorcet and individual Rank Learning Methods", 2009), which need no scale and forget how sure a side is.
    Ranks,
}

impl Hybrid {
    /// The strategy's name.
    pub const NAME: &str = "hybrid";

    /// Weight of meaning unless [`with_alpha`](Self::with_alpha) says otherwise.
    pub(crate) const ALPHA: f32 = 0.7;

    /// Both strategies.
    #[must_use]
    pub fn new(keyword: Arc<Keyword>, semantic: Arc<Semantic>) -> Self {
        Self {
            keyword,
            semantic,
            alpha: Self::ALPHA,
            fusion: Fusion::default(),
        }
    }

    /// Sets the weight of meaning, where the request does not say: from 0, where words alone count and nothing is
    /// embedded, to 1, where they do not count. 0.7 unless set. Beyond that, the nearer end holds.
    #[must_use]
    pub fn with_alpha(mut self, alpha: f32) -> Self {
        self.alpha = alpha.clamp(0.0, 1.0);
        self
    }

    /// Sets how one score is made of two.
    #[must_use]
    pub fn with_fusion(mut self, fusion: Fusion) -> Self {
        self.fusion = fusion;
        self
    }
}

#[async_trait]
impl ToolSelectionStrategy for Hybrid {
    fn name(&self) -> &str {
        Self::NAME
    }

    async fn score(
        &self,
        request: &SelectionRequest,
        tools: &Arc<[ToolSpec]>,
    ) -> Result<Vec<f32>, SelectionError> {
        let mut fused = vec![0.0; tools.len()];
        let alpha = request
            .hybrid_alpha
            .map_or(self.alpha, |alpha| alpha.clamp(0.0, 1.0));
        if alpha < 1.0 {
            let words = self.keyword.score(request, tools).await?;
            self.fusion.add(&mut fused, &words, 1.0 - alpha);
        }
        if alpha > 0.0 {
            let meaning = self.semantic.score(request, tools).await?;
            self.fusion.add(&mut fused, &meaning, alpha);
        }
        Ok(fused)
    }
}

/// Constant by which ranks are moved: the larger, the less the first ones differ. 60 is the authors' value, which
/// others use too.
const RANKS: f32 = 60.0;

impl Fusion {
    /// Adds the scores of one side. What has no score gets nothing.
    fn add(self, fused: &mut [f32], scores: &[f32], weight: f32) {
        match self {
            Self::Scores => {
                let mean = scores.iter().sum::<f32>() / scores.len() as f32;
                if mean > 0.0 {
                    for (sum, score) in fused.iter_mut().zip(scores) {
                        *sum += weight * (score / mean);
                    }
                }
            }
            Self::Ranks => {
                let mut ranked: Vec<usize> = (0..scores.len()).collect();
                ranked.retain(|at| scores[*at] > 0.0);
                ranked.sort_by(|one, other| scores[*other].total_cmp(&scores[*one]));
                for (rank, at) in ranked.into_iter().enumerate() {
                    fused[at] += weight / (RANKS + 1.0 + rank as f32);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Fusion;

    #[test]
    fn two_sides_become_one() {
        let check = |fusion: Fusion, sides: [&[f32]; 2], expected: &[f32]| {
            let mut fused = vec![0.0; expected.len()];
            fusion.add(&mut fused, sides[0], 0.25);
            fusion.add(&mut fused, sides[1], 0.75);
            let close = |(one, other): (&f32, &f32)| (one - other).abs() < 1e-6;
            assert!(
                fused.iter().zip(expected).all(close),
                "{fusion:?} {sides:?}: {fused:?}"
            );
        };
        check(
            Fusion::Scores,
            [&[9.0, 3.0, 0.0], &[0.1, 0.1, 0.1]],
            &[1.3125, 0.9375, 0.75],
        );
        check(Fusion::Scores, [&[0.0, 0.0], &[0.0, 2.0]], &[0.0, 1.5]);
        check(Fusion::Scores, [&[0.0, 0.0], &[0.0, 0.0]], &[0.0, 0.0]);
        check(Fusion::Scores, [&[], &[]], &[]);
        let (first, second) = (1.0 / 61.0, 1.0 / 62.0);
        check(
            Fusion::Ranks,
            [&[9.0, 3.0, 0.0], &[0.0, 0.2, 0.2]],
            &[0.25 * first, 0.25 * second + 0.75 * first, 0.75 * second],
        );
    }
}
