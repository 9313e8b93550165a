//! Ways to rank tools.

use victor_embedding_protocol::Embedding;
use victor_lexical::{Bm25, LexicalEmbedder, fuse};

use super::catalogue::Tool;

/// How much the embedder says when both are fused.
const EMBEDDER_SHARE: f32 = 0.2;

/// The methods that are measured, by name.
pub(crate) const METHODS: [(&str, Method); 3] = [
    ("bm25", Prepared::by_words),
    ("lexical embedder", Prepared::by_vectors),
    ("fused", Prepared::by_both),
];

/// How well each tool fits a query.
type Method = fn(&Prepared, &str) -> Vec<f32>;

/// What the methods know of the tools before there is a query.
#[derive(Debug, Default)]
pub(crate) struct Prepared {
    index: Bm25,
    embedder: LexicalEmbedder,
    vectors: Vec<Embedding>,
}

impl Prepared {
    pub(crate) fn new(tools: &[Tool]) -> Self {
        let mut prepared = Self::default();
        for tool in tools {
            let (name, description) = (&*tool.name, &*tool.description);
            let words = &*tool.parameter_words();
            let fields = [(name, 2.0), (description, 1.0), (words, 1.0)];
            prepared.index.add_fields(fields);
            let text = [name, description, words].join("\n");
            prepared.vectors.push(prepared.embedder.vector(&text));
        }
        prepared
    }

    fn by_words(&self, query: &str) -> Vec<f32> {
        self.index.scores(query)
    }

    fn by_vectors(&self, query: &str) -> Vec<f32> {
        let query = self.embedder.vector(query);
        let cosine = |vector| query.cosine(vector).unwrap_or_default();
        self.vectors.iter().map(cosine).collect()
    }

    fn by_both(&self, query: &str) -> Vec<f32> {
        let (words, vectors) = (self.by_words(query), self.by_vectors(query));
        fuse(&[(&words, 1.0 - EMBEDDER_SHARE), (&vectors, EMBEDDER_SHARE)])
    }
}

/// The places of scores, the highest first; of equals, the first.
pub(crate) fn ranking(scores: &[f32]) -> Vec<usize> {
    let mut places: Vec<usize> = (0..scores.len()).collect();
    places.sort_by(|one, other| scores[*other].total_cmp(&scores[*one]));
    places
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{METHODS, Prepared, ranking};
    use crate::eval::tool_selection::catalogue::Tool;

    #[test]
    fn equals_keep_their_order() {
        assert_eq!(ranking(&[0.5, 2.0, 0.5, -1.0, 2.0]), [1, 4, 0, 2, 3]);
    }

    #[test]
    fn every_method_finds_a_tool_by_its_words() {
        let tool = |name: &str, description: &str, parameter: &str| Tool {
            name: name.to_owned(),
            description: description.to_owned(),
            parameters: json!({ "properties": { parameter: {} } }),
        };
        let tools = [
            tool("sendMail", "Sends a message", "recipient"),
            tool("getWeather", "Tells what it is like outside", "city"),
            tool("search", "Looks for pages on the web", "phrase"),
        ];
        let prepared = Prepared::new(&tools);
        for (name, method) in METHODS {
            for (query, expected) in [("the weather", 1), ("a web page", 2), ("recipients", 0)] {
                let best = ranking(&method(&prepared, query))[0];
                assert_eq!(best, expected, "{name}: {query}");
            }
        }
    }
}
