//! A journal in memory.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use victor_checkpoint_protocol::ContentHash;
use victor_core::{Lock, RunId};

use crate::{
    ClaimRequest, JournalError, RunClaim, RunCommit, RunHolder, RunInfo, RunQuery, RunRecord,
    RunStatus, Signal, WorkflowEvent, WorkflowJournal,
};

/// Keeps runs as long as the process lives.
#[derive(Debug, Default)]
pub struct InMemoryJournal {
    state: Lock<State>,
}

#[derive(Debug, Default)]
struct State {
    definitions: HashMap<ContentHash, Arc<str>>,
    runs: BTreeMap<RunId, Run>,
    keys: HashMap<(String, String), RunId>,
}

#[derive(Debug)]
struct Run {
    info: RunInfo,
    records: Vec<RunRecord>,
    values: HashMap<ContentHash, Arc<str>>,
    signals: HashSet<String>,
    fence: u64,
    owner: Option<Owner>,
}

#[derive(Debug, Clone)]
struct Owner {
    name: String,
    process: Option<String>,
    until: Instant,
}

impl Owner {
    fn new(request: &ClaimRequest) -> Self {
        Self {
            name: request.owner.clone(),
            process: request.process.clone(),
            until: end(request.time),
        }
    }
}

impl Run {
    /// The holder of the claim, if there is one that has not run out.
    fn holder(&self) -> Option<RunHolder> {
        let owner = self.owner.as_ref()?;
        let left = owner.until.saturating_duration_since(Instant::now());
        let holder = RunHolder::new(&owner.name, self.fence, left);
        Some(holder.with_process(owner.process.clone()))
    }

    fn info(&self) -> RunInfo {
        RunInfo {
            holder: self.holder(),
            records: self.records.len() as u64,
            ..self.info.clone()
        }
    }

    fn held(&self) -> Option<JournalError> {
        let holder = self.holder().filter(|holder| !holder.left.is_zero())?;
        Some(JournalError::Held {
            run: self.info.id,
            owner: holder.owner,
            left: holder.left,
        })
    }

    fn write(&mut self, commit: &RunCommit) {
        for event in &commit.events {
            let number = self.records.len() as u64;
            let record = RunRecord::new(number, event.clone());
            self.info.updated_at = record.at;
            self.records.push(record);
        }
        self.values.extend(commit.values.iter().cloned());
        if let Some(status) = &commit.status {
            self.info.status = status.clone();
            self.info.wake_at = commit.wake_at;
        }
        if let Some(definition) = commit.definition {
            self.info.definition = definition;
        }
    }
}

impl State {
    fn run(&mut self, run: RunId) -> Result<&mut Run, JournalError> {
        self.runs.get_mut(&run).ok_or(JournalError::NotFound(run))
    }
}

/// The point at which a claim of this length runs out.
fn end(time: Duration) -> Instant {
    let now = Instant::now();
    let longest = Duration::from_secs(1 << 30);
    now.checked_add(time).unwrap_or(now + longest)
}

#[async_trait]
impl WorkflowJournal for InMemoryJournal {
    async fn put_definition(&self, hash: ContentHash, text: &str) -> Result<(), JournalError> {
        let mut state = self.state.lock();
        state.definitions.entry(hash).or_insert_with(|| text.into());
        Ok(())
    }

    async fn definition(&self, hash: ContentHash) -> Result<Option<Arc<str>>, JournalError> {
        Ok(self.state.lock().definitions.get(&hash).cloned())
    }

    async fn create(
        &self,
        run: &RunInfo,
        commit: &RunCommit,
    ) -> Result<(RunInfo, bool), JournalError> {
        let mut state = self.state.lock();
        let key = (run.key.clone()).map(|key| (run.workflow.clone(), key));
        if let Some(existing) = key.as_ref().and_then(|key| state.keys.get(key)).copied() {
            return Ok((state.run(existing)?.info(), false));
        }
        if state.runs.contains_key(&run.id) {
            return Err(JournalError::AlreadyExists(run.id));
        }
        let mut new = Run {
            info: RunInfo {
                holder: None,
                ..run.clone()
            },
            records: Vec::new(),
            values: HashMap::new(),
            signals: HashSet::new(),
            fence: u64::from(commit.claim.is_some()),
            owner: commit.claim.as_ref().map(Owner::new),
        };
        new.write(commit);
        let info = new.info();
        state.runs.insert(run.id, new);
        if let Some(key) = key {
            state.keys.insert(key, run.id);
        }
        Ok((info, true))
    }

    async fn claim(&self, run: RunId, request: &ClaimRequest) -> Result<RunClaim, JournalError> {
        let mut state = self.state.lock();
        let run = state.run(run)?;
        if run.info.status.has_ended() {
            return Err(JournalError::Ended(run.info.id));
        }
        if request.over != Some(run.fence)
            && let Some(held) = run.held()
        {
            return Err(held);
        }
        run.fence += 1;
        run.owner = Some(Owner::new(request));
        let records = run.records.len() as u64;
        Ok(RunClaim::new(run.fence, request.time, records))
    }

    async fn commit(
        &self,
        run: RunId,
        claim: &RunClaim,
        commit: &RunCommit,
    ) -> Result<u64, JournalError> {
        let mut state = self.state.lock();
        let run = state.run(run)?;
        if run.owner.is_none() || run.fence != claim.fence {
            return Err(JournalError::Fenced(run.info.id));
        }
        let found = run.records.len() as u64;
        if let Some(expected) = commit.expected.filter(|expected| *expected != found) {
            return Err(JournalError::Behind {
                run: run.info.id,
                expected,
                found,
            });
        }
        if !commit.writes.is_empty() {
            return Err(JournalError::Write {
                message: "the journal is in memory and has no database; use one that has".into(),
            });
        }
        match &mut run.owner {
            Some(owner) if !commit.releases => owner.until = end(claim.time),
            owner => *owner = None,
        }
        run.write(commit);
        Ok(run.records.len() as u64)
    }

    async fn signal(&self, run: RunId, signal: &Signal) -> Result<bool, JournalError> {
        let mut state = self.state.lock();
        let run = state.run(run)?;
        if run.signals.contains(&signal.key) {
            return Ok(false);
        }
        if run.info.status.has_ended() {
            return Err(JournalError::Ended(run.info.id));
        }
        run.signals.insert(signal.key.clone());
        run.write(&RunCommit::new([WorkflowEvent::Signal(signal.clone())]));
        if run.info.status == RunStatus::Waiting {
            run.info.status = RunStatus::Running;
            run.info.wake_at = None;
        }
        Ok(true)
    }

    async fn records(
        &self,
        run: RunId,
        from: u64,
        max: usize,
    ) -> Result<Vec<RunRecord>, JournalError> {
        let mut state = self.state.lock();
        let records = &state.run(run)?.records;
        let from = usize::try_from(from).unwrap_or(usize::MAX);
        let records = records.iter().skip(from).take(max);
        Ok(records.cloned().collect())
    }

    async fn values(
        &self,
        run: RunId,
        hashes: &[ContentHash],
    ) -> Result<Vec<Arc<str>>, JournalError> {
        let mut state = self.state.lock();
        let values = &state.run(run)?.values;
        let value = |hash| values.get(hash).cloned().ok_or_else(|| missing(run, *hash));
        hashes.iter().map(value).collect()
    }

    async fn info(&self, run: RunId) -> Result<Option<RunInfo>, JournalError> {
        Ok(self.state.lock().runs.get(&run).map(Run::info))
    }

    async fn find(&self, query: &RunQuery) -> Result<Vec<RunInfo>, JournalError> {
        let state = self.state.lock();
        let mut runs: Vec<_> = state.runs.values().map(Run::info).collect();
        runs.retain(|run| query.matches(run));
        runs.sort_by_key(|run| std::cmp::Reverse((run.created_at, run.id)));
        runs.truncate(query.first.unwrap_or(usize::MAX));
        Ok(runs)
    }

    async fn delete(&self, run: RunId) -> Result<bool, JournalError> {
        let mut state = self.state.lock();
        let Some(old) = state.runs.get(&run) else {
            return Ok(false);
        };
        if let Some(held) = old.held() {
            return Err(held);
        }
        state.keys.retain(|_, id| *id != run);
        state.runs.remove(&run);
        Ok(true)
    }
}

fn missing(run: RunId, hash: ContentHash) -> JournalError {
    JournalError::Damaged {
        message: format!("run `{run}` has no value {hash}"),
    }
}
