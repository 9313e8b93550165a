//! The tools with which executors are checked.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use serde_json::{Value, json};
use victor_core::{Effect, ToolSpec};
use victor_tool_protocol::{Tool, ToolContext, ToolError, ToolOutput};

/// A tool that does one thing.
#[derive(Debug)]
pub(super) struct Does {
    spec: ToolSpec,
    what: What,
}

#[derive(Debug)]
enum What {
    SaysText,
    TellsKey,
    Fails,
    Panics,
    NeverEnds,
    IsWatched(Watched),
}

impl Does {
    /// One of each kind, but for those that are watched.
    pub(super) fn all() -> [Self; 5] {
        let mut says = Self::new("says", What::SaysText);
        says.spec.input_schema = json!({
            "type": "object",
            "properties": { "text": { "type": "string" } },
            "required": ["text"],
        });
        [
            says,
            Self::new("tells_key", What::TellsKey),
            Self::new("fails", What::Fails),
            Self::new("panics", What::Panics),
            Self::new("never_ends", What::NeverEnds),
        ]
    }

    pub(super) fn well(name: &str) -> Self {
        Self::new(name, What::SaysText)
    }

    pub(super) fn watched(name: &str, watched: &Watched) -> Self {
        Self::new(name, What::IsWatched(watched.clone()))
    }

    pub(super) fn with_schema(mut self, schema: &str) -> Self {
        self.spec.input_schema = serde_json::from_str(schema).expect("the suite knows JSON");
        self
    }

    fn new(name: &str, what: What) -> Self {
        // A write, so that nothing is given from memory or tried again.
        let spec = ToolSpec::new(name, "for the suite", json!({ "type": "object" }));
        Self {
            spec: spec.with_effect(Effect::Write),
            what,
        }
    }
}

#[async_trait]
impl Tool for Does {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(&self, cx: &ToolContext, arguments: Value) -> Result<ToolOutput, ToolError> {
        match &self.what {
            What::SaysText => {
                tokio::task::yield_now().await;
                Ok(arguments["text"].as_str().unwrap_or("nothing").into())
            }
            What::TellsKey => Ok(cx.idempotency_key.clone().into()),
            What::Fails => Err(ToolError::failed("it fails, as it should")),
            What::Panics => panic!("it panics, as it should"),
            What::NeverEnds => std::future::pending().await,
            What::IsWatched(watched) => {
                let _running = watched.enter();
                std::future::pending().await
            }
        }
    }
}

/// Counter of the calls of a tool that run.
#[derive(Debug, Clone, Default)]
pub(super) struct Watched(Arc<AtomicUsize>);

impl Watched {
    pub(super) fn running(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    fn enter(&self) -> Running<'_> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Running(self)
    }
}

struct Running<'a>(&'a Watched);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::SeqCst);
    }
}
