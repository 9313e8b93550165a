//! Processes that end, and the handlers that they call.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use victor_core::{Lock, RunId};
use victor_workflow_protocol::checkpoint::ContentHash;
use victor_workflow_protocol::{
    ClaimRequest, JournalError, RunClaim, RunCommit, RunInfo, RunQuery, RunRecord, Signal,
    StepContext, StepError, StepHandler, StepOutcome, StepOutput, StepPause, Wait, WorkflowJournal,
};

use super::Handlers;

/// The journal as a process has it that may end at a call. Its claims pass over those of processes before it, which are
/// known to have ended.
#[derive(Debug)]
pub(super) struct Life {
    inner: Arc<dyn WorkflowJournal>,
    death: Option<u64>,
    calls: AtomicU64,
    /// Bytes that commits have written.
    pub(super) written: AtomicU64,
}

impl Life {
    pub(super) fn new(inner: Arc<dyn WorkflowJournal>) -> Self {
        Self {
            inner,
            death: None,
            calls: AtomicU64::new(0),
            written: AtomicU64::new(0),
        }
    }

    /// Ends at a half call: 2n is before the call n, 2n + 1 after it and before its caller is told.
    pub(super) fn until(mut self, death: u64) -> Self {
        self.death = Some(death);
        self
    }

    pub(super) fn calls(&self) -> u64 {
        self.calls.load(Ordering::SeqCst)
    }

    async fn live<T>(
        &self,
        call: impl Future<Output = Result<T, JournalError>>,
    ) -> Result<T, JournalError> {
        let number = self.calls.fetch_add(1, Ordering::SeqCst);
        let is_over = |half: u64| self.death.is_some_and(|death| death <= 2 * number + half);
        if is_over(0) {
            return Err(JournalError::store("the process has ended"));
        }
        let outcome = call.await;
        if is_over(1) {
            return Err(JournalError::store("the process has ended"));
        }
        outcome
    }
}

#[async_trait]
impl WorkflowJournal for Life {
    fn takes_writes(&self) -> bool {
        self.inner.takes_writes()
    }

    async fn put_definition(&self, hash: ContentHash, text: &str) -> Result<(), JournalError> {
        self.live(self.inner.put_definition(hash, text)).await
    }

    async fn definition(&self, hash: ContentHash) -> Result<Option<Arc<str>>, JournalError> {
        self.live(self.inner.definition(hash)).await
    }

    async fn create(
        &self,
        run: &RunInfo,
        commit: &RunCommit,
    ) -> Result<(RunInfo, bool), JournalError> {
        self.live(self.inner.create(run, commit)).await
    }

    async fn claim(&self, run: RunId, request: &ClaimRequest) -> Result<RunClaim, JournalError> {
        let claim = async {
            let holder = self.inner.info(run).await?.and_then(|info| info.holder);
            let mut request = request.clone();
            if request.over.is_none()
                && let Some(holder) = holder
            {
                request = request.over(holder.fence);
            }
            self.inner.claim(run, &request).await
        };
        self.live(claim).await
    }

    async fn commit(
        &self,
        run: RunId,
        claim: &RunClaim,
        commit: &RunCommit,
    ) -> Result<u64, JournalError> {
        let events = serde_json::to_string(&commit.events).map_or(0, |text| text.len());
        let values: usize = commit.values.iter().map(|(_, text)| text.len()).sum();
        self.written
            .fetch_add((events + values) as u64, Ordering::SeqCst);
        self.live(self.inner.commit(run, claim, commit)).await
    }

    async fn signal(&self, run: RunId, signal: &Signal) -> Result<bool, JournalError> {
        self.live(self.inner.signal(run, signal)).await
    }

    async fn records(
        &self,
        run: RunId,
        from: u64,
        max: usize,
    ) -> Result<Vec<RunRecord>, JournalError> {
        self.live(self.inner.records(run, from, max)).await
    }

    async fn values(
        &self,
        run: RunId,
        hashes: &[ContentHash],
    ) -> Result<Vec<Arc<str>>, JournalError> {
        self.live(self.inner.values(run, hashes)).await
    }

    async fn info(&self, run: RunId) -> Result<Option<RunInfo>, JournalError> {
        self.live(self.inner.info(run)).await
    }

    async fn find(&self, query: &RunQuery) -> Result<Vec<RunInfo>, JournalError> {
        self.live(self.inner.find(query)).await
    }

    async fn delete(&self, run: RunId) -> Result<bool, JournalError> {
        self.live(self.inner.delete(run)).await
    }
}

/// A call of a handler.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Call {
    pub(super) handler: &'static str,
    pub(super) step: String,
    pub(super) attempt: u32,
    pub(super) key: String,
    pub(super) input: Value,
}

/// The handlers of a suite, which note how they are called.
#[derive(Debug, Clone, Default)]
pub(super) struct Hand {
    calls: Arc<Lock<Vec<Call>>>,
    running: Arc<Lock<(u32, u32)>>,
    failures: Arc<Lock<BTreeMap<String, u32>>>,
}

impl Hand {
    pub(super) fn handlers(&self) -> Handlers {
        let names = [
            "echo", "flaky", "panic", "hang", "slow", "ask", "undo", "write",
        ];
        let names = names.into_iter();
        let handler = |name| {
            (
                name,
                Arc::new(Puppet(name, self.clone())) as Arc<dyn StepHandler>,
            )
        };
        names.map(handler).collect()
    }

    /// The calls until now.
    pub(super) fn calls(&self) -> Vec<Call> {
        self.calls.lock().clone()
    }

    /// The steps that were called, in order.
    pub(super) fn steps(&self) -> Vec<String> {
        self.calls().into_iter().map(|call| call.step).collect()
    }

    /// The largest number of calls that have run at the same time.
    pub(super) fn most(&self) -> u32 {
        self.running.lock().1
    }
}

/// A handler of this name.
#[derive(Debug)]
struct Puppet(&'static str, Hand);

#[async_trait]
impl StepHandler for Puppet {
    async fn call(&self, cx: &StepContext, input: Value) -> Result<StepOutcome, StepError> {
        let Self(name, hand) = self;
        hand.calls.lock().push(Call {
            handler: name,
            step: cx.step.as_str().to_owned(),
            attempt: cx.attempt,
            key: cx.idempotency_key.clone(),
            input: input.clone(),
        });
        match *name {
            // Fails as often as it is told, or for ever.
            "flaky" => {
                let key = cx.idempotency_key.clone();
                let count = {
                    let mut failures = hand.failures.lock();
                    let count = failures.entry(key).or_default();
                    *count += 1;
                    *count
                };
                match input["failures"].as_u64() {
                    Some(failures) if u64::from(count) > failures => Ok(input.into()),
                    _ if input["permanent"] == json!(true) => Err(StepError::permanent("no use")),
                    _ => Err(StepError::new("not yet").with_source("the tide")),
                }
            }
            "panic" => panic!("out of cheese"),
            "hang" => std::future::pending().await,
            "slow" => {
                {
                    let mut running = hand.running.lock();
                    running.0 += 1;
                    running.1 = running.1.max(running.0);
                }
                tokio::time::sleep(Duration::from_millis(3)).await;
                hand.running.lock().0 -= 1;
                Ok(input.into())
            }
            // Asks twice, and answers with both answers.
            "ask" => {
                let question = |state: Value| {
                    let wait = Wait::Answer {
                        prompt: format!("{}?", cx.step),
                        show: input.clone(),
                    };
                    Ok(StepPause::new(wait, state).into())
                };
                match &cx.answer {
                    None => question(json!([])),
                    Some(answer) => {
                        let mut answers = answer.state.as_array().cloned().unwrap_or_default();
                        answers.push(answer.answer.clone());
                        if answers.len() < 2 {
                            return question(answers.into());
                        }
                        Ok(Value::from(answers).into())
                    }
                }
            }
            "write" => {
                let output = StepOutput::new(input);
                Ok(output
                    .with_write(victor_workflow_protocol::StoreWrite::new("", []))
                    .into())
            }
            _ => Ok(input.into()),
        }
    }
}
