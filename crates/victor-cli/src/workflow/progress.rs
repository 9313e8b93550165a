//! Records of a run as lines for people.

use std::collections::HashMap;
use std::io::{self, Write as _};

use victor_orchestrator::core::Timestamp;
use victor_orchestrator::workflow::{
    RunRecord, Signal, SignalTarget, StepPath, StepWaiting, StoredValue, Wait, WorkflowEvent,
};
use victor_text::{excerpt, json_escaped};

use crate::{table, terminal};

/// The most characters of a value in a line.
const VALUE: usize = 60;

/// Prints the records of a run in the order of their numbers.
#[derive(Debug)]
pub(super) struct Progress {
    form: Form,
    /// The number of the next record.
    pub(super) next: u64,
    /// The time at which each step that runs has begun.
    begun: HashMap<StepPath, Timestamp>,
}

/// The form in which records are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Lines for people.
    Lines,
    /// JSON, one record a line.
    Json,
    Nothing,
}

impl Progress {
    /// Begins at a record.
    pub(super) fn new(form: Form, next: u64) -> Self {
        Self {
            form,
            next,
            begun: HashMap::new(),
        }
    }

    /// Prints records.
    pub(super) fn print(&mut self, records: &[RunRecord]) -> io::Result<()> {
        for record in records {
            self.next = record.number + 1;
            match self.form {
                Form::Nothing => {}
                Form::Json => {
                    let json = serde_json::to_string(record)?;
                    writeln!(io::stdout().lock(), "{}", json_escaped(&json))?;
                }
                Form::Lines => {
                    if let Some(words) = self.words(record) {
                        let (number, time) = (record.number, table::local_time(record.at));
                        terminal::status(&format!(
                            "{number:>4} {time} {}",
                            terminal::one_line(&words)
                        ));
                    }
                }
            }
        }
        Ok(())
    }

    fn words(&mut self, record: &RunRecord) -> Option<String> {
        Some(match &record.event {
            WorkflowEvent::RunStarted(event) => format!("= workflow {} begins", event.workflow),
            WorkflowEvent::StepStarted(event) => {
                self.begun.insert(event.step.clone(), record.at);
                match event.attempt {
                    1 => format!("> {}", event.step),
                    attempt => format!("> {}: attempt {attempt}", event.step),
                }
            }
            WorkflowEvent::StepFinished(event) => {
                let time = self.begun.remove(&event.step);
                let time = time.map(|begun| {
                    format!(
                        ", {:.1} s",
                        record.at.saturating_duration_since(begun).as_secs_f64()
                    )
                });
                format!(
                    "+ {}{}{}",
                    event.step,
                    time.unwrap_or_default(),
                    value(&event.output)
                )
            }
            WorkflowEvent::StepFailed(event) => {
                let again = event
                    .retry_at
                    .map(|at| format!("; again at {}", table::local_time(at)));
                format!(
                    "! {}: {}{}",
                    event.step,
                    event.message,
                    again.unwrap_or_default()
                )
            }
            WorkflowEvent::StepWaiting(event) => format!("? {} {}", event.step, wait(event)),
            WorkflowEvent::StepSkipped(event) => format!("- {} is skipped", event.step),
            WorkflowEvent::BranchTaken(event) => match &event.to {
                Some(to) => format!("= {} goes to {to}", event.step),
                None => format!("= {} goes nowhere", event.step),
            },
            WorkflowEvent::StepExpanded(event) => match event.count {
                1 => format!("= {} has 1 item", event.step),
                count => format!("= {} has {count} items", event.step),
            },
            WorkflowEvent::ScopeStarted(_) => return None,
            WorkflowEvent::ScopeFinished(event) => {
                format!("+ {}{}", event.scope, value(&event.output))
            }
            WorkflowEvent::Signal(signal) => sent(signal),
            WorkflowEvent::RunCompensating(event) => {
                format!("! what was done is undone: {}", event.reason)
            }
            WorkflowEvent::RunMigrated(_) => "= goes on under another definition".to_owned(),
            WorkflowEvent::RunFinished(_) => "+ the run has finished".to_owned(),
            WorkflowEvent::RunFailed(event) => format!("! the run has failed: {}", event.message),
            WorkflowEvent::RunCancelled(event) => {
                format!("! the run was cancelled: {}", event.reason)
            }
            _ => "= a record of a later version".to_owned(),
        })
    }
}

fn value(value: &StoredValue) -> String {
    match value {
        StoredValue::Value(value) if value.is_null() => String::new(),
        StoredValue::Value(value) => format!(": {}", excerpt(&value.to_string(), VALUE)),
        StoredValue::Ref(_) => String::new(),
    }
}

fn wait(event: &StepWaiting) -> String {
    let object = match &event.wait {
        Wait::Answer { prompt, .. } => format!("asks: {prompt}"),
        Wait::Event { name } => format!("waits for event {name}"),
        _ => "waits".to_owned(),
    };
    match event.until {
        Some(until) => format!("{object} (until {})", table::local(until)),
        None => object,
    }
}

fn sent(signal: &Signal) -> String {
    let by = signal
        .by
        .as_ref()
        .map(|by| format!(" by {by}"))
        .unwrap_or_default();
    let payload = excerpt(&signal.payload.to_string(), VALUE);
    match &signal.to {
        SignalTarget::Answer { step, .. } => format!("< {step} is answered{by}: {payload}"),
        SignalTarget::Event { name } => format!("< event {name}{by}: {payload}"),
        SignalTarget::Cancel => format!("< asked to end{by}: {payload}"),
        _ => format!("< a signal{by}"),
    }
}
