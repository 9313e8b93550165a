//! The ranking function BM25.

use std::collections::HashMap;

use crate::each_term;

/// An index of documents, which says how relevant each is to a query.
///
/// Documents have numbers, from 0 in the order in which they are added. Adding one costs what the document is long,
/// however many there are.
#[derive(Debug, Clone, Default)]
pub struct Bm25 {
    parameters: Bm25Parameters,
    /// The number of each term, which is its place in `postings`.
    terms: HashMap<Box<str>, u32>,
    postings: Vec<Vec<Posting>>,
    /// How many terms each document has.
    lengths: Vec<f32>,
    total_length: f64,
}

/// How BM25 weighs. The defaults are the middle of the ranges that S. Robertson and H. Zaragoza recommend in "The
/// Probabilistic Relevance Framework: BM25 and Beyond", 2009.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bm25Parameters {
    /// How much further occurrences of a term in a document add to the first; nothing at 0. 1.2 by default.
    pub k1: f32,
    /// How much of a document's length is held against it: from 0, nothing, to 1, all. 0.75 by default.
    pub b: f32,
}

impl Default for Bm25Parameters {
    fn default() -> Self {
        Self { k1: 1.2, b: 0.75 }
    }
}

/// A document that was found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Hit {
    /// Its number.
    pub document: usize,
    /// How relevant it is; more than 0.
    pub score: f32,
}

/// That a document has a term, and how often.
#[derive(Debug, Clone, Copy)]
struct Posting {
    document: u32,
    frequency: f32,
}

impl Bm25 {
    /// An empty index.
    #[must_use]
    pub fn new(parameters: Bm25Parameters) -> Self {
        Self {
            parameters,
            ..Self::default()
        }
    }

    /// Adds a document, and returns its number.
    pub fn add(&mut self, text: &str) -> usize {
        self.add_fields([(text, 1.0)])
    }

    /// Adds a document of several texts, each with its weight: a term in a text of weight 2 counts as two, so that a
    /// name can say more than a description. Returns the document's number.
    pub fn add_fields<'a>(&mut self, fields: impl IntoIterator<Item = (&'a str, f32)>) -> usize {
        let document = self.lengths.len();
        let number = u32::try_from(document).expect("fewer documents than memory has bytes");
        let mut length = 0.0;
        for (text, weight) in fields {
            each_term(text, |term| {
                length += weight;
                let term = match self.terms.get(term) {
                    Some(term) => *term,
                    None => {
                        let new = self.postings.len() as u32;
                        self.terms.insert(term.into(), new);
                        self.postings.push(Vec::new());
                        new
                    }
                };
                match self.postings[term as usize].last_mut() {
                    Some(posting) if posting.document == number => posting.frequency += weight,
                    _ => self.postings[term as usize].push(Posting {
                        document: number,
                        frequency: weight,
                    }),
                }
            });
        }
        self.lengths.push(length);
        self.total_length += f64::from(length);
        document
    }

    /// How many documents there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lengths.len()
    }

    /// Whether there is no document.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lengths.is_empty()
    }

    /// How relevant each document is to a query, by its number: 0 if they share no term.
    #[must_use]
    pub fn scores(&self, query: &str) -> Vec<f32> {
        let mut scores = vec![0.0; self.len()];
        let Bm25Parameters { k1, b } = self.parameters;
        let average = (self.total_length / self.len().max(1) as f64) as f32;
        let (base, slope) = (k1 * (1.0 - b), k1 * b / average);
        for (term, times) in self.query(query) {
            let postings = &self.postings[term as usize];
            let weight = times * self.idf_of(postings.len()) * (k1 + 1.0);
            for posting in postings {
                let document = posting.document as usize;
                let norm = base + slope * self.lengths[document];
                scores[document] += weight * posting.frequency / (posting.frequency + norm);
            }
        }
        scores
    }

    /// The most relevant documents, at most so many, the best first; of equals the one that was added first. Documents
    /// that share no term with the query are not among them.
    #[must_use]
    pub fn top(&self, query: &str, count: usize) -> Vec<Hit> {
        let scores = self.scores(query);
        let mut hits: Vec<Hit> = scores
            .into_iter()
            .enumerate()
            .filter(|(_, score)| *score > 0.0)
            .map(|(document, score)| Hit { document, score })
            .collect();
        let order = |one: &Hit, other: &Hit| {
            let by_score = other.score.total_cmp(&one.score);
            by_score.then(one.document.cmp(&other.document))
        };
        if count < hits.len() {
            hits.select_nth_unstable_by(count, order);
            hits.truncate(count);
        }
        hits.sort_unstable_by(order);
        hits
    }

    /// How much each document says for its length, by its number: the information of its different terms over the number
    /// of all its terms. 0 for one without terms.
    #[must_use]
    pub fn densities(&self) -> Vec<f32> {
        let mut densities = vec![0.0; self.len()];
        for postings in &self.postings {
            let information = self.idf_of(postings.len());
            for posting in postings {
                densities[posting.document as usize] += information;
            }
        }
        for (density, length) in densities.iter_mut().zip(&self.lengths) {
            *density /= length.max(1.0);
        }
        densities
    }

    /// How much a term says about the documents that have it: the rarer, the more, and never less than 0. A term is
    /// what [`each_term`] makes of a word.
    #[must_use]
    pub fn idf(&self, term: &str) -> f32 {
        let term = self.terms.get(term);
        self.idf_of(term.map_or(0, |term| self.postings[*term as usize].len()))
    }

    /// The information of a term that so many documents have.
    fn idf_of(&self, documents: usize) -> f32 {
        let (all, with) = (self.len() as f32, documents as f32);
        (1.0 + (all - with + 0.5) / (with + 0.5)).ln()
    }

    /// The terms of a query that some document has, and how often the query has them.
    fn query(&self, query: &str) -> Vec<(u32, f32)> {
        let mut terms: Vec<(u32, f32)> = Vec::new();
        each_term(query, |term| {
            if let Some(term) = self.terms.get(term) {
                match terms.iter_mut().find(|(other, _)| other == term) {
                    Some((_, times)) => *times += 1.0,
                    None => terms.push((*term, 1.0)),
                }
            }
        });
        terms
    }
}
