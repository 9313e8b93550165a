//! Ports to a small world: a conversation in memory, a model with prepared answers, and tools that always work. Every
//! port waits once before it does anything, so that a turn can be dropped at every place where it may wait.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;

use async_trait::async_trait;
use futures_util::stream::{self, StreamExt};
use victor_chat_protocol::{ModelCall, ModelCallError, SuspendedTurn, TurnPorts};
use victor_core::{BoxError, Message, Messages, ToolCall, ToolOutcome, ToolResult};
use victor_provider_protocol::{
    CompletionEvent, CompletionStream, ProviderError, ProviderErrorKind,
};
use victor_tool_protocol::{GivenApproval, ToolResults, Verdict};

pub(crate) type Events = Vec<Result<CompletionEvent, ProviderError>>;

#[derive(Debug, Default)]
pub(crate) struct World {
    pub(crate) answers: Mutex<VecDeque<Events>>,
    pub(crate) conversation: Mutex<Messages>,
    pub(crate) abandoned: Mutex<usize>,
    pub(crate) full: AtomicBool,
    /// What the journal held after each step, and how many answers the model had left.
    pub(crate) journal: Option<Mutex<Vec<Entry>>>,
}

/// What the journal held after a step: where the turn was, the conversation, how many answers were still to come.
pub(crate) type Entry = (Option<SuspendedTurn>, Messages, usize);

impl World {
    pub(crate) fn new(answers: impl IntoIterator<Item = Events>) -> Arc<Self> {
        Arc::new(Self {
            answers: Mutex::new(answers.into_iter().collect()),
            ..Self::default()
        })
    }

    pub(crate) fn conversation(&self) -> Messages {
        self.conversation.lock().unwrap().clone()
    }

    /// From now on nothing can be stored.
    pub(crate) fn fill(&self) {
        self.full.store(true, Ordering::Relaxed);
    }

    fn note(&self, open: Option<&SuspendedTurn>) {
        if let Some(journal) = &self.journal {
            let left = self.answers.lock().unwrap().len();
            let entry = (open.cloned(), self.conversation(), left);
            journal.lock().unwrap().push(entry);
        }
    }

    fn add(&self, messages: &[Arc<Message>]) {
        let mut conversation = self.conversation.lock().unwrap();
        for message in messages {
            if !conversation.iter().any(|own| own.id() == message.id()) {
                conversation.push(message.clone());
            }
        }
    }
}

/// Waits once.
pub(crate) async fn pause() {
    let mut paused = false;
    poll_fn(|cx| {
        if paused {
            return Poll::Ready(());
        }
        paused = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

#[async_trait]
impl TurnPorts for World {
    async fn call_model(&self, _call: &ModelCall) -> Result<CompletionStream, ModelCallError> {
        pause().await;
        self.conversation()
            .validate()
            .expect("the model is shown a valid conversation");
        let Some(events) = self.answers.lock().unwrap().pop_front() else {
            return Err(ProviderError::new(
                ProviderErrorKind::Connection,
                "world",
                "nobody answers",
            )
            .into());
        };
        Ok(CompletionStream::new(stream::iter(events).then(
            async |event| {
                pause().await;
                event
            },
        )))
    }

    async fn review_tools(&self, calls: &[ToolCall], approvals: &[GivenApproval]) -> Vec<Verdict> {
        pause().await;
        let ask = |call: &ToolCall| call.name == "ask";
        calls
            .iter()
            .map(|call| {
                if ask(call) && !approvals.iter().any(|given| given.call == call.id) {
                    Verdict::ask("may it?")
                } else {
                    Verdict::Run
                }
            })
            .collect()
    }

    fn run_tools(&self, calls: Vec<ToolCall>) -> ToolResults {
        let stray = ToolResult::new(
            &ToolCall::new("nobody's", "x", ""),
            ToolOutcome::Success,
            "stray",
        );
        let lost = calls.iter().filter(|call| call.name == "lose").count();
        let results = calls
            .into_iter()
            .filter(|call| call.name != "lose")
            .map(|call| ToolResult::new(&call, ToolOutcome::Success, "ok"));
        // They end in another order than they began.
        let stray = (lost > 0).then_some(stray);
        ToolResults::new(
            stream::iter(
                stray
                    .into_iter()
                    .chain(results)
                    .collect::<Vec<_>>()
                    .into_iter()
                    .rev(),
            )
            .then(async |result| {
                pause().await;
                result
            }),
        )
    }

    async fn commit(
        &self,
        messages: &[Arc<Message>],
        open: Option<SuspendedTurn>,
    ) -> Result<(), BoxError> {
        pause().await;
        if self.full.load(Ordering::Relaxed) {
            return Err("no space left".into());
        }
        self.add(messages);
        self.note(open.as_ref());
        pause().await;
        Ok(())
    }

    fn persists_turns(&self) -> bool {
        self.journal.is_some()
    }

    async fn journal(&self, open: &SuspendedTurn) -> Result<(), BoxError> {
        pause().await;
        if self.full.load(Ordering::Relaxed) {
            return Err("no space left".into());
        }
        self.note(Some(open));
        Ok(())
    }

    fn abandon(&self, messages: Vec<Arc<Message>>) {
        *self.abandoned.lock().unwrap() += 1;
        self.add(&messages);
    }
}
