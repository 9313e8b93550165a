//! From the records of a run to its state.

use std::sync::Arc;

use serde_json::Value;
use victor_core::RunId;
use victor_workflow_protocol::{
    Divergence, JournalError, RunRecord, RunStatus, StepPath, WorkflowError, WorkflowEvent,
    WorkflowJournal,
};

use crate::graph::Graph;
use crate::state::{State, value_of};
use crate::value::{ValueReader, ValueWriter};

/// Number of records that are read at once.
const PAGE: usize = 1_000;

/// A run that was read.
#[derive(Debug)]
pub(crate) struct Replayed {
    pub(crate) state: State,
    /// Knows the values that the journal has.
    pub(crate) writer: ValueWriter,
    /// Number of records that were read.
    pub(crate) records: u64,
    /// The state of the run as the journal had it before.
    pub(crate) status: RunStatus,
}

impl Replayed {
    /// A run that begins.
    pub(crate) fn new(run: RunId, graph: Arc<Graph>) -> Self {
        Self {
            state: State::new(run, graph),
            writer: ValueWriter::default(),
            records: 0,
            status: RunStatus::Running,
        }
    }
}

/// Reads all records of a run.
pub(crate) async fn history(
    journal: &dyn WorkflowJournal,
    run: RunId,
) -> Result<Vec<RunRecord>, JournalError> {
    let mut history = Vec::new();
    loop {
        let page = journal.records(run, history.len() as u64, PAGE).await?;
        let is_last = page.len() < PAGE;
        let numbers = page.iter().zip(history.len() as u64..);
        for (record, number) in numbers {
            if record.number != number {
                let message = format!(
                    "run `{run}` has record {} in place of {number}",
                    record.number
                );
                return Err(JournalError::Damaged { message });
            }
        }
        history.extend(page);
        if is_last {
            return Ok(history);
        }
    }
}

/// Replays a history under a definition. Each record is checked against the state before it.
pub(crate) async fn replay(
    journal: &dyn WorkflowJournal,
    run: RunId,
    graph: Arc<Graph>,
    mut history: Vec<RunRecord>,
    check: impl Fn(&State, &WorkflowEvent, &Value) -> Result<(), String>,
) -> Result<Replayed, WorkflowError> {
    let records = history.len() as u64;
    migrate(&mut history);
    let (mut state, mut writer) = (State::new(run, graph), ValueWriter::default());
    for page in history.chunks(PAGE) {
        let mut reader = ValueReader::default();
        let values = page.iter().filter_map(|record| value_of(&record.event));
        reader.fetch(journal, run, values).await?;
        reader.hashes().for_each(|hash| writer.know(hash));
        for record in page {
            let value = value_of(&record.event).map(|value| reader.read(value));
            let value = value.transpose()?.unwrap_or_default();
            let applied = check(&state, &record.event, &value)
                .and_then(|()| state.apply(record.number, &record.event, value));
            applied.map_err(|message| Divergence::new(run, record.number, message))?;
        }
    }
    Ok(Replayed {
        state,
        writer,
        records,
        status: RunStatus::Running,
    })
}

/// Gives steps in records the names that later migrations say, and leaves out those that they forget.
fn migrate(history: &mut Vec<RunRecord>) {
    let migrations: Vec<_> = history
        .iter()
        .filter_map(|record| match &record.event {
            WorkflowEvent::RunMigrated(event) => Some((record.number, event.steps.clone())),
            _ => None,
        })
        .collect();
    if migrations.is_empty() {
        return;
    }
    history.retain_mut(|record| {
        let later = migrations
            .iter()
            .filter(|(number, _)| *number > record.number);
        for (_, names) in later {
            let Some(place) = place_of(&mut record.event) else {
                continue;
            };
            let parts = place.as_str().split('/').map(|part| match names.get(part) {
                None => Some(part),
                Some(name) => name.as_deref(),
            });
            match parts.collect::<Option<Vec<_>>>() {
                Some(parts) => *place = StepPath::new(parts.join("/")),
                None => return false,
            }
        }
        if let WorkflowEvent::BranchTaken(event) = &mut record.event {
            let later = migrations
                .iter()
                .filter(|(number, _)| *number > record.number);
            for (_, names) in later {
                let to = event.to.take();
                event.to = to.and_then(|to| names.get(&to).cloned().unwrap_or(Some(to)));
            }
        }
        true
    });
}

/// The place in an event.
fn place_of(event: &mut WorkflowEvent) -> Option<&mut StepPath> {
    match event {
        WorkflowEvent::StepStarted(event) => Some(&mut event.step),
        WorkflowEvent::StepFinished(event) => Some(&mut event.step),
        WorkflowEvent::StepFailed(event) => Some(&mut event.step),
        WorkflowEvent::StepWaiting(event) => Some(&mut event.step),
        WorkflowEvent::StepSkipped(event) => Some(&mut event.step),
        WorkflowEvent::BranchTaken(event) => Some(&mut event.step),
        WorkflowEvent::StepExpanded(event) => Some(&mut event.step),
        WorkflowEvent::ScopeStarted(event) => Some(&mut event.scope),
        WorkflowEvent::ScopeFinished(event) => Some(&mut event.scope),
        WorkflowEvent::Signal(signal) => match &mut signal.to {
            victor_workflow_protocol::SignalTarget::Answer { step, .. } => Some(step),
            _ => None,
        },
        _ => None,
    }
}
