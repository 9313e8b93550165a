//! Ranking of sentences as answers to a question.

use std::collections::HashMap;

use crate::extract::Sentence;
use crate::lexicon::is_code_noun;
use crate::request::Clause;
use crate::tokens::each_word;
use crate::tools::idf;

/// A question as words with weights.
#[derive(Debug, Default)]
pub(crate) struct Question {
    terms: Vec<(String, f32)>,
    /// Whether the answer likely names an identifier, as after "which crate".
    identifier: bool,
}

/// A sentence that may answer the question.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ranked {
    /// The index of the sentence.
    pub(crate) sentence: usize,
    pub(crate) score: f32,
    /// The share of the question that it has, 0 to 1.
    pub(crate) coverage: f32,
    /// Whether it names an identifier and the question asks for one.
    pub(crate) names: bool,
}

/// More words than these are not asked about at once.
const MOST_TERMS: usize = 64;

impl Question {
    /// The question that these clauses ask together. `places` are names that say only where to look.
    pub(crate) fn new<'c, 'a: 'c>(
        clauses: impl Iterator<Item = &'c Clause<'a>>,
        places: &[&str],
    ) -> Self {
        let mut question = Self::default();
        for clause in clauses {
            let first = clause
                .pieces
                .first()
                .map_or(String::new(), |piece| piece.text.to_lowercase());
            let mut terms = clause.terms(places);
            if let Some((stem, weight)) = terms.first_mut()
                && is_code_noun(stem)
                && (first == "which" || first == "what")
            {
                // "Which crate" asks for a name; the answer need not say that it is one of a crate.
                question.identifier = true;
                *weight *= 0.4;
            }
            for (stem, weight) in terms {
                if question.terms.len() < MOST_TERMS
                    && !question.terms.iter().any(|(known, _)| *known == stem)
                {
                    question.terms.push((stem, weight));
                }
            }
        }
        question
    }

    /// Whether it asks for nothing in particular.
    pub(crate) fn is_empty(&self) -> bool {
        self.terms.iter().all(|(_, weight)| *weight < 0.5)
    }

    /// The sentences that have something of the question, best first.
    pub(crate) fn rank(&self, sentences: &[Sentence<'_>]) -> Vec<Ranked> {
        let index: HashMap<&str, usize> = self
            .terms
            .iter()
            .enumerate()
            .map(|(index, (stem, _))| (stem.as_str(), index))
            .collect();
        let matches: Vec<Matches> = sentences
            .iter()
            .map(|sentence| matches(&sentence.text, &index))
            .collect();
        let values: Vec<f32> = self
            .terms
            .iter()
            .enumerate()
            .map(|(term, (_, weight))| {
                let having = matches
                    .iter()
                    .filter(|matches| matches.terms & (1 << term) != 0)
                    .count();
                weight * idf(sentences.len(), having)
            })
            .collect();
        let sum = |mask: u64| {
            values
                .iter()
                .enumerate()
                .filter(|(term, _)| mask & (1 << term) != 0)
                .map(|(_, value)| value)
                .sum()
        };
        let all: f32 = sum(u64::MAX);
        let mut ranked: Vec<Ranked> = matches
            .iter()
            .zip(sentences)
            .enumerate()
            .filter(|(_, (matches, _))| matches.terms != 0)
            .map(|(index, (found, sentence))| {
                let own: f32 = sum(found.terms);
                let above = sentence.above.map_or(0, |above| matches[above].terms) & !found.terms;
                let context: f32 = sum(above);
                let adjacent: f32 = sum(found.adjacent);
                let coverage = if all > 0.0 { own / all } else { 0.0 };
                let names = self.identifier && found.identifier;
                let identifier = if names { 1.25 } else { 1.0 };
                let score = (own + 0.3 * context + 0.4 * adjacent)
                    * (0.5 + 0.5 * coverage)
                    * sentence.weight
                    * identifier
                    * length_factor(found.words);
                Ranked {
                    sentence: index,
                    score,
                    coverage,
                    names,
                }
            })
            .collect();
        ranked.sort_by(|a, b| b.score.total_cmp(&a.score));
        ranked
    }
}

/// The terms of a question that a sentence has, as bits.
#[derive(Debug, Default)]
struct Matches {
    terms: u64,
    /// The terms that stand beside the one before them, as they do in the question.
    adjacent: u64,
    words: usize,
    identifier: bool,
}

fn matches(text: &str, index: &HashMap<&str, usize>) -> Matches {
    let mut found = Matches::default();
    let mut last: Option<(usize, usize)> = None;
    each_word(text, |word| {
        found.words = word.position + 1;
        found.identifier |= word.compound && word.lower.contains(['-', '_', ':']);
        if let Some(&term) = index.get(word.stem) {
            found.terms |= 1 << term;
            if last.is_some_and(|(before, at)| before + 1 == term && word.position <= at + 2) {
                found.adjacent |= 1 << term;
            }
            last = Some((term, word.position));
        }
    });
    found
}

/// A sentence of up to 30 words is as good as another; the longer, the less its words say about each other.
fn length_factor(words: usize) -> f32 {
    let over = u16::try_from(words.saturating_sub(30)).unwrap_or(u16::MAX);
    let short = if words < 3 { 0.7 } else { 1.0 };
    short / (1.0 + f32::from(over) / 60.0)
}
