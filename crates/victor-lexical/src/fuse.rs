//! One ranking from several.

/// The scores of documents from several rankings of the same documents, each with its weight: from each ranking its
/// scores in relation to its highest, times its weight, added up. A ranking without a score above 0 says nothing.
///
/// For words beside vectors it ranked better than fusing by ranks, which forgets how sure a ranking is.
///
/// ```
/// let words = [0.0, 8.0, 4.0];
/// let vectors = [0.5, 0.0, 0.5];
/// assert_eq!(victor_lexical::fuse(&[(&words, 0.5), (&vectors, 0.5)]), [0.5, 0.5, 0.75]);
/// ```
#[must_use]
pub fn fuse(rankings: &[(&[f32], f32)]) -> Vec<f32> {
    let documents = rankings.iter().map(|(scores, _)| scores.len()).max();
    let mut fused = vec![0.0; documents.unwrap_or(0)];
    for (scores, weight) in rankings {
        let highest = scores.iter().copied().fold(0.0, f32::max);
        if highest > 0.0 {
            for (sum, score) in fused.iter_mut().zip(*scores) {
                *sum += weight * (score / highest);
            }
        }
    }
    fused
}
