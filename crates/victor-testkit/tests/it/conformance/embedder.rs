use async_trait::async_trait;
use victor_core::ModelId;
use victor_embedding_protocol::{EmbedError, Embedder, Embedding};
use victor_testkit::conformance;

use super::{Bug, breaks};

/// Counts the bytes of a text, and its spaces.
#[derive(Debug)]
struct Counts {
    models: [ModelId; 2],
    bug: Bug,
}

const MAX: usize = 8;
const LONG: usize = 1_000;

impl Counts {
    fn new(bug: &'static str) -> Self {
        let name = if bug == "nameless" { "" } else { "counts" };
        Self {
            models: [name.into(), "others".into()],
            bug: Bug::new(bug),
        }
    }

    /// What it refuses.
    fn error(&self, texts: &[&str]) -> Option<EmbedError> {
        let (found, max) = (texts.len(), MAX);
        let long = texts.iter().position(|text| text.len() > LONG);
        match (self.bug.name, long) {
            ("fails", _) => Some(EmbedError::refused("bug")),
            ("refuses the empty text", _) if texts.contains(&"") => {
                Some(EmbedError::refused("bug"))
            }
            ("knows ASCII only", _) if !texts.concat().is_ascii() => {
                Some(EmbedError::refused("bug"))
            }
            ("refuses no texts", _) if texts.is_empty() => Some(EmbedError::refused("bug")),
            ("refuses long texts", Some(index)) => Some(EmbedError::TextTooLong { index }),
            ("refuses another text", Some(index)) => {
                Some(EmbedError::TextTooLong { index: index + 1 })
            }
            ("is away for long texts", Some(_)) => Some(EmbedError::unavailable("bug")),
            ("refuses full batches", _) if found == max => {
                Some(EmbedError::BatchTooLarge { found, max })
            }
            ("miscounts", _) if found > max => Some(EmbedError::BatchTooLarge { found: max, max }),
            ("takes any batch" | "cuts batches", _) => None,
            _ if found > max => Some(EmbedError::BatchTooLarge { found, max }),
            _ => None,
        }
    }
}

#[async_trait]
impl Embedder for Counts {
    fn model(&self) -> &ModelId {
        &self.models[usize::from(self.bug.changes("fickle name", ["", "x"]) == "x")]
    }

    fn dimensions(&self) -> usize {
        match self.bug.name {
            "no dimensions" => 0,
            "other dimensions" => 3,
            _ => 2,
        }
    }

    fn max_batch(&self) -> usize {
        if self.bug.is("no batch") { 0 } else { MAX }
    }

    async fn embed(&self, texts: &[&str]) -> Result<Vec<Embedding>, EmbedError> {
        let wrong = self.bug.shows().await;
        if let Some(error) = self.error(texts) {
            return Err(error);
        }
        let vector = |text: &&str| {
            let spaces = text.matches(' ').count();
            let counts = [
                text.len() as f32,
                spaces as f32 + f32::from(u8::from(wrong)),
            ];
            Embedding::new(if self.bug.is("blind") {
                [1.0; 2]
            } else {
                counts
            })
        };
        let mut vectors = texts.iter().map(vector).collect::<Result<Vec<_>, _>>()?;
        match self.bug.name {
            "backwards" => vectors.reverse(),
            "forgets one" => drop(vectors.pop()),
            "adds one" if texts.is_empty() => vectors.extend(vector(&"")),
            "cuts batches" => vectors.truncate(MAX),
            _ => {}
        }
        Ok(vectors)
    }
}

async fn suite(bug: &'static str) {
    conformance::embedder(&Counts::new(bug)).await;
}

#[tokio::test]
async fn a_right_embedder_passes() {
    for right in ["none", "refuses long texts", "takes any batch"] {
        suite(right).await;
    }
}

#[tokio::test]
async fn each_law_can_be_broken() {
    let order = "each text has the vector in its place, alone and among others";
    let long = "a long text is read, cut or refused";
    let large = "a batch that is too large is refused as such, or embedded";
    for (bug, law) in [
        ("nameless", "the model of an embedder has a name"),
        ("no dimensions", "vectors have at least one number"),
        ("no batch", "a call may have at least one text"),
        ("fails", "a valid call succeeds"),
        ("refuses the empty text", "a valid call succeeds"),
        ("knows ASCII only", "a valid call succeeds"),
        ("refuses no texts", "a valid call succeeds"),
        ("refuses full batches", "a valid call succeeds"),
        ("panics", "no call panics"),
        ("forgets one", "there is one vector for each text"),
        ("cuts batches", "there is one vector for each text"),
        (
            "other dimensions",
            "vectors have the dimensions that are declared",
        ),
        ("blind", "different texts have different vectors"),
        ("second call", "the same text has the same vector"),
        ("backwards", order),
        ("side by side", "calls side by side are independent"),
        ("after a drop", "a dropped call leaves nothing behind"),
        ("adds one", "no texts have no vectors"),
        ("refuses another text", long),
        ("is away for long texts", long),
        ("miscounts", large),
        (
            "fickle name",
            "model, dimensions and batches are always the same",
        ),
    ] {
        breaks(law, suite(bug)).await;
    }
}
