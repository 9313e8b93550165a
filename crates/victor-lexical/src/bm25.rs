//! The ranking function BM25.

use std::collections::HashMap;

use crate::each_term;

/// An index of documents that says how relevant each is to a query.
///
/// Documents have numbers, from 0 in the order in which they are added. To add one costs what it is long, however many
/// there are; a query costs what its terms are frequent.
///
/// ```
/// use victor_lexical::Bm25;
///
/// let mut messages = Bm25::default();
/// messages.add("The database is called orders_eu.");
/// messages.add("I like the new logo.");
///
/// let scores = messages.scores("What was the name of our database?");
/// assert!(scores[0] > 0.0 && scores[1] == 0.0);
/// ```
#[derive(Debug, Clone, Default)]
pub struct Bm25 {
    parameters: Bm25Parameters,
    /// The number of each term, which is its place in `postings`.
    terms: HashMap<Box<str>, u32>,
    postings: Vec<Vec<Posting>>,
    /// The number of terms in each document, by their weight.
    lengths: Vec<f32>,
    total_length: f64,
}

/// The parameters of BM25. The defaults are within the range that S. Robertson and H. Zaragoza recommend in "The
/// Probabilistic Relevance Framework: BM25 and Beyond", 2009.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bm25Parameters {
    /// The gain by further occurrences of a term in a document, from 0 for none. Defaults to 1.2.
    pub k1: f32,
    /// The penalty for the length of a document, from 0 for none to 1 for all of it. Defaults to 0.75.
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
    /// The relevance, above 0. It is comparable within one answer only.
    pub score: f32,
}

/// That a document has a term.
#[derive(Debug, Clone, Copy)]
struct Posting {
    document: u32,
    /// The number of occurrences, by the weight of the fields.
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

    /// Adds a document of several texts, each with its weight, and returns the document's number.
    ///
    /// A term in a text of weight 2 counts as if it were there twice, so that a name can say more than a description
    /// (S. Robertson, H. Zaragoza and M. Taylor, "Simple BM25 extension to multiple weighted fields", 2004). A text
    /// whose weight is not above 0 is left out.
    ///
    /// # Panics
    ///
    /// The index holds more than four thousand million documents.
    pub fn add_fields<'a>(&mut self, fields: impl IntoIterator<Item = (&'a str, f32)>) -> usize {
        let document = number(self.lengths.len());
        let mut length = 0.0;
        for (text, weight) in fields {
            if weight > 0.0 {
                each_term(text, |term| {
                    length += weight;
                    self.count(term, document, weight);
                });
            }
        }
        self.lengths.push(length);
        self.total_length += f64::from(length);
        self.lengths.len() - 1
    }

    /// Notes that the newest document has a term.
    fn count(&mut self, term: &str, document: u32, weight: f32) {
        let postings = if let Some(term) = self.terms.get(term) {
            &mut self.postings[*term as usize]
        } else {
            let new = number(self.postings.len());
            self.terms.insert(term.into(), new);
            self.postings.push_mut(Vec::new())
        };
        match postings.last_mut() {
            Some(posting) if posting.document == document => posting.frequency += weight,
            _ => postings.push(Posting {
                document,
                frequency: weight,
            }),
        }
    }

    /// Returns the number of documents.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lengths.len()
    }

    /// Whether there is no document.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lengths.is_empty()
    }

    /// Scores the relevance of each document to a query, by the number of the document; 0 if they share no term.
    #[must_use]
    pub fn scores(&self, query: &str) -> Vec<f32> {
        let mut terms: Vec<u32> = Vec::new();
        each_term(query, |term| terms.extend(self.terms.get(term)));
        terms.sort_unstable();

        let mut scores = vec![0.0; self.len()];
        let Bm25Parameters { k1, b } = self.parameters;
        let average = self.total_length as f32 / self.len() as f32;
        for same in terms.chunk_by(|one, next| one == next) {
            let postings = &self.postings[same[0] as usize];
            // By its root, a word that a long request repeats counts for more than one that it has once, and does not
            // drown the others. It ranks better than all occurrences, and than one.
            let weight = (same.len() as f32).sqrt() * self.idf_of(postings.len()) * (k1 + 1.0);
            for posting in postings {
                let document = posting.document as usize;
                let norm = k1 * (1.0 - b + b * self.lengths[document] / average);
                scores[document] += weight * posting.frequency / (posting.frequency + norm);
            }
        }
        scores
    }

    /// The most relevant documents, at most `count`, the best first; of equals, the one that was added first.
    /// Documents that share no term with the query are not among them.
    #[must_use]
    pub fn top(&self, query: &str, count: usize) -> Vec<Hit> {
        let scores = self.scores(query).into_iter().enumerate();
        let mut hits: Vec<Hit> = scores
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

    /// Returns the density of each document, by its number: the information of its different terms over the number of
    /// all its terms; 0 for a document without terms.
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

    /// The inverse document frequency of a term of [`each_term`]: how much it says about the documents that have it.
    /// Above 0, and the more the rarer the term is; the most for one that no document has.
    #[must_use]
    pub fn idf(&self, term: &str) -> f32 {
        let term = self.terms.get(term);
        self.idf_of(term.map_or(0, |term| self.postings[*term as usize].len()))
    }

    /// Returns the information of a term that this number of documents has. The 1 keeps terms that most documents have
    /// from counting against them.
    fn idf_of(&self, documents: usize) -> f32 {
        let (all, with) = (self.len() as f32, documents as f32);
        (1.0 + (all - with + 0.5) / (with + 0.5)).ln()
    }
}

/// The number of the next document or term, of which there are this many.
fn number(count: usize) -> u32 {
    u32::try_from(count).expect("an index with room in memory")
}
