//! A workflow as an agent.

use std::sync::Arc;

use serde_json::{Value, json};
use victor_chat_protocol::{
    Agent, ChatError, ChatInput, ChatResponse, TurnEventKind, TurnOutcome, TurnStarted, TurnStream,
};
use victor_core::{BoxError, Lock, Message, RunId, SessionId, TurnId};
use victor_workflow_protocol::{
    PendingWait, RunOutcome, StartRun, Wait, WorkflowError, WorkflowRunner,
};

/// Messages that approve.
const YES: [&str; 6] = ["yes", "y", "ok", "approve", "approved", "true"];

/// A workflow as an agent: each message is a run of its own, whose input is the object of `message`, the text, and the
/// facts of the message. The answer is the output: a text, the `text` of an object, or JSON.
///
/// A run that asks a person gives the question as its answer, and the next message is taken for the person's: JSON as it
/// is, and a text as `{ "approved": ..., "text": ... }`, where only a plain yes approves. A run that waits for something
/// else is driven on by the next message. A run that fails ends the turn as `failed`, with the reason as the text.
#[derive(Debug)]
pub struct WorkflowAgent {
    runner: Arc<dyn WorkflowRunner>,
    workflow: String,
    session: SessionId,
    /// The run that waits.
    waiting: Arc<Lock<Option<RunId>>>,
}

impl WorkflowAgent {
    /// Makes an agent of the workflow of this name.
    pub fn new(runner: Arc<dyn WorkflowRunner>, workflow: impl Into<String>) -> Self {
        let workflow = workflow.into();
        Self {
            runner,
            session: SessionId::new(workflow.as_str()),
            workflow,
            waiting: Arc::default(),
        }
    }

    /// Has the next message go on with a run that waits, such as one of an earlier process.
    #[must_use]
    pub fn with_run(self, run: RunId) -> Self {
        *self.waiting.lock() = Some(run);
        self
    }

    /// Returns the run that waits for the next message.
    #[must_use]
    pub fn run(&self) -> Option<RunId> {
        *self.waiting.lock()
    }
}

impl Agent for WorkflowAgent {
    fn name(&self) -> &str {
        &self.workflow
    }

    fn stream_chat(&self, input: ChatInput) -> TurnStream {
        let (session, turn) = (self.session.clone(), TurnId::generate());
        let (runner, waiting) = (Arc::clone(&self.runner), Arc::clone(&self.waiting));
        let workflow = self.workflow.clone();
        TurnStream::new(session.clone(), turn, async move |events| {
            let text = input.text().into_owned();
            let mut fields = input.metadata().clone();
            fields.insert("message".into(), text.as_str().into());
            let message = Arc::new(input.into_message());
            events.emit(TurnStarted::new(message.id())).await;
            let open = *waiting.lock();
            let work = async {
                match open {
                    Some(run) => go_on(&*runner, run, &text).await,
                    None => {
                        runner
                            .run(&StartRun::new(workflow, Value::Object(fields)))
                            .await
                    }
                }
            };
            let Some(worked) = events.until_cancelled(work).await else {
                let mut response = ChatResponse::ended(session, turn, TurnOutcome::Cancelled);
                response.messages = vec![message];
                return Ok(response);
            };
            let (run, outcome) = worked.map_err(failed)?;
            let waits = matches!(outcome, RunOutcome::Waiting { .. } | RunOutcome::Running);
            *waiting.lock() = waits.then_some(run);
            let (kind, text) = answer(&outcome);
            events.emit(TurnEventKind::text(text.as_str())).await;
            let mut response = ChatResponse::new(session, turn, Message::assistant(text).into());
            response.outcome = kind;
            response.messages.insert(0, message);
            Ok(response)
        })
    }
}

/// Answers the first question of a run, if it asks one, and drives it.
async fn go_on(
    runner: &dyn WorkflowRunner,
    run: RunId,
    text: &str,
) -> Result<(RunId, RunOutcome), WorkflowError> {
    let pending = runner.pending(run).await?;
    let asks = |wait: &&PendingWait| matches!(wait.wait, Wait::Answer { .. });
    if let Some(wait) = pending.iter().find(asks) {
        runner.signal(run, &wait.answer(decision(text))).await?;
    }
    Ok((run, runner.drive(run).await?))
}

/// The answer of a person who has written this.
fn decision(text: &str) -> Value {
    let text = text.trim();
    match serde_json::from_str(text) {
        Ok(value @ Value::Object(_)) => value,
        _ => {
            let word = text.trim_end_matches(['.', '!']).to_lowercase();
            json!({ "approved": YES.contains(&word.as_str()), "text": text })
        }
    }
}

/// The way in which a turn ends, and its text.
fn answer(outcome: &RunOutcome) -> (TurnOutcome, String) {
    match outcome {
        RunOutcome::Finished(output) => (TurnOutcome::Completed, said(output)),
        RunOutcome::Failed { message, .. } => ("failed".into(), message.clone()),
        RunOutcome::Cancelled(reason) => (TurnOutcome::Cancelled, reason.clone()),
        RunOutcome::Waiting { pending, .. } => {
            let waits = pending.iter().map(|wait| match &wait.wait {
                Wait::Answer { prompt, show } if show.is_null() => prompt.clone(),
                Wait::Answer { prompt, show } => format!("{prompt}\n{show:#}"),
                Wait::Event { name } => format!("The run waits for the event `{name}`."),
                _ => "The run waits for a time.".into(),
            });
            (TurnOutcome::Completed, waits.collect::<Vec<_>>().join("\n"))
        }
        _ => (TurnOutcome::Completed, "The run goes on.".into()),
    }
}

fn said(output: &Value) -> String {
    let text = output.as_str().or_else(|| output.get("text")?.as_str());
    text.map_or_else(|| output.to_string(), str::to_owned)
}

fn failed(error: WorkflowError) -> ChatError {
    ChatError::Setup {
        coordinator: "workflow",
        source: BoxError::from(error),
    }
}
