//! `victor workflow run` and `resume`: works on a run until it has ended or only waits.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::anyhow;
use serde_json::Value;
use tokio::time::Instant;
use victor_core::UnknownName;
use victor_orchestrator::core::{Coordinator as _, RunId, Timestamp};
use victor_orchestrator::workflow::{
    JournalError, RunOutcome, StartRun, Step, StepAction, Workflow, WorkflowError,
    WorkflowRunner as _,
};
use victor_workflow_steps::{AGENT, AgentHandler, TOOL, ToolHandler};

use super::answer::{Reply, ask, question};
use super::definition::DefinitionFile;
use super::opened::Opened;
use super::progress::{Form, Progress};
use super::show::tell;
use super::{DriveArgs, ResumeArgs, RunArgs};
use crate::agent::Agent;
use crate::data::DataArgs;
use crate::exit::{Exit, Failure};
use crate::interrupt::Interrupts;
use crate::terminal;

/// The most records that are read at once.
const PAGE: usize = 200;
/// The time between two looks at what others do.
const LOOK: Duration = Duration::from_millis(500);

pub(super) async fn run(args: RunArgs, data: &DataArgs) -> Result<Exit, Failure> {
    let interrupts = Interrupts::listen()?;
    let workflow = DefinitionFile::read(&args.file)?.workflow()?;
    let input = args.input.value()?;
    let opened = Opened::open(data).await?;
    let mut work = Work::open(opened, args.drive, data, &[&workflow], interrupts).await?;
    let started = work.start(&workflow, input, args.id).await;
    work.close(started).await
}

pub(super) async fn resume(args: ResumeArgs, data: &DataArgs) -> Result<Exit, Failure> {
    let interrupts = Interrupts::listen()?;
    let opened = Opened::open(data).await?;
    let run = opened.find(&args.run).await?;
    if run.status.has_ended() {
        let outcome = opened.runner.outcome(run.id).await?;
        terminal::status(&format!("run {} has ended", run.id));
        return tell(run.id, &outcome, args.drive.form());
    }
    let workflow = opened.definition(&run).await?;
    let target = match &args.migrate {
        Some(path) => Some(DefinitionFile::read(path)?.workflow()?),
        None => None,
    };
    let definitions: Vec<_> = [&workflow].into_iter().chain(&target).collect();
    let mut work = Work::open(opened, args.drive, data, &definitions, interrupts).await?;
    let resumed = async {
        if let Some(target) = target {
            if target.name != run.workflow {
                let error = anyhow!(
                    "run `{}` is one of workflow `{}`, and the file has `{}`",
                    run.id,
                    run.workflow,
                    target.name
                );
                return Err(Failure::usage(error));
            }
            work.opened.runner.register(target)?;
            let renamed = args.rename.into_iter().map(|(old, new)| (old, Some(new)));
            let forgotten = args.forget.into_iter().map(|step| (step, None));
            let steps: BTreeMap<_, _> = renamed.chain(forgotten).collect();
            work.opened.runner.migrate(run.id, &steps).await?;
        }
        work.say(&format!(
            "run {} of workflow {} goes on",
            run.id, run.workflow
        ));
        work.until_done(run.id, run.records, Taken::Fail).await
    };
    let resumed = resumed.await;
    work.close(resumed).await
}

impl DriveArgs {
    fn form(&self) -> Form {
        match (self.json, self.quiet) {
            (true, _) => Form::Json,
            (false, true) => Form::Nothing,
            (false, false) => Form::Lines,
        }
    }
}

/// A runner with all that steps need.
struct Work {
    opened: Opened,
    agent: Agent,
    wait: bool,
    form: Form,
    interrupts: Interrupts,
}

impl Work {
    /// Opens the agent and the tools for definitions. Fails before anything runs if a tool that they name is not there.
    async fn open(
        opened: Opened,
        mut args: DriveArgs,
        data: &DataArgs,
        definitions: &[&Workflow],
        interrupts: Interrupts,
    ) -> Result<Self, Failure> {
        let mut needs = Needs::default();
        definitions.iter().for_each(|workflow| needs.add(workflow));
        if !needs.agent {
            args.agent.use_no_model();
        }
        let agent = args.agent.open(data, false).await?;
        let tools = agent.orchestrator.tool_coordinator();
        let specs = tools.specs();
        let unknown = needs
            .tools
            .iter()
            .find(|name| specs.iter().all(|spec| spec.name != **name));
        if let Some(name) = unknown {
            let error =
                UnknownName::new("tool", name.as_str(), specs.iter().map(|spec| &*spec.name));
            let hint = "--allow-write, --allow-commands, --allow-fetch and --mcp offer more";
            return Err(Failure::usage(anyhow!("{error}; {hint}")));
        }
        opened.runner.add_handler(
            AGENT,
            Arc::new(AgentHandler::new(agent.orchestrator.clone())),
        );
        opened
            .runner
            .add_handler(TOOL, Arc::new(ToolHandler::new(Arc::clone(tools))));
        let form = args.form();
        let work = Self {
            opened,
            wait: args.wait,
            form,
            agent,
            interrupts,
        };
        if needs.agent {
            work.say(&work.agent.about);
        }
        Ok(work)
    }

    /// Tells a person something.
    fn say(&self, text: &str) {
        if self.form == Form::Lines {
            terminal::status(text);
        }
    }

    async fn start(
        &mut self,
        workflow: &Workflow,
        input: Value,
        name: Option<String>,
    ) -> Result<Exit, Failure> {
        let hash = self.opened.runner.register(workflow.clone())?;
        let mut request = StartRun::new(&workflow.name, input);
        request.key = name;
        let run = self.opened.runner.start(&request).await?;
        if run.records > 1 {
            let older = if run.definition == hash {
                ""
            } else {
                ", under the definition that it began under"
            };
            self.say(&format!(
                "run {} has begun before and goes on{older}",
                run.id
            ));
        } else {
            self.say(&format!("run {} of workflow {}", run.id, run.workflow));
        }
        let next = if run.records > 1 { run.records } else { 0 };
        self.until_done(run.id, next, Taken::Follow).await
    }

    /// Works on a run until it has ended or only waits.
    async fn until_done(&mut self, run: RunId, next: u64, taken: Taken) -> Result<Exit, Failure> {
        let mut progress = Progress::new(self.form, next);
        loop {
            let outcome = match self.drive(run, &mut progress).await? {
                Driven::Outcome(outcome) => outcome,
                Driven::Stopped(exit) => return Ok(exit),
                Driven::Held(error) => match taken {
                    Taken::Fail => {
                        let hint = format!("`victor workflow show {run}` follows it");
                        return Err(anyhow!("{error}; {hint}").into());
                    }
                    Taken::Follow => match self.followed(run, &mut progress).await? {
                        Some(exit) => return Ok(exit),
                        None => continue,
                    },
                },
            };
            let RunOutcome::Waiting { pending, wake_at } = &outcome else {
                return tell(run, &outcome, self.form);
            };
            let mut is_answered = false;
            for wait in pending.iter().filter(|wait| question(wait).is_some()) {
                match tokio::task::block_in_place(|| ask(wait)) {
                    Some(Reply::Answer(answer)) => {
                        is_answered = true;
                        match self.opened.runner.signal(run, &wait.answer(answer)).await {
                            Ok(_) => {}
                            Err(WorkflowError::NotWaiting { .. }) => {
                                terminal::print(
                                    "somebody else has answered before; that answer counts",
                                );
                            }
                            Err(error) => return Err(error.into()),
                        }
                    }
                    Some(Reply::Stop) => {
                        self.parked(run);
                        return Ok(Exit::Interrupted);
                    }
                    Some(Reply::Later) | None => {}
                }
            }
            if is_answered {
                continue;
            }
            if !self.wait {
                return tell(run, &outcome, self.form);
            }
            self.say("waiting; Ctrl-C leaves the run as it is");
            if let Some(exit) = self.until_due(run, *wake_at).await? {
                self.parked(run);
                return Ok(exit);
            }
        }
    }

    /// Drives a run and prints its records meanwhile.
    async fn drive(&self, run: RunId, progress: &mut Progress) -> Result<Driven, Failure> {
        let guard = self.interrupts.during_call();
        let runner = &self.opened.runner;
        let mut drive = std::pin::pin!(runner.drive(run));
        let mut is_stopped = false;
        let outcome = loop {
            tokio::select! {
                outcome = &mut drive => break outcome,
                records = runner.follow(run, progress.next, PAGE), if !is_stopped => progress.print(&records?)?,
                () = guard.dropped(), if !is_stopped => {
                    is_stopped = true;
                    // Drops the calls that run, and gives the run back.
                    runner.shutdown().await;
                }
            }
        };
        let outcome = match outcome {
            Err(WorkflowError::ShutDown) => {
                self.parked(run);
                return Ok(Driven::Stopped(guard.signal().unwrap_or(Exit::Interrupted)));
            }
            Err(WorkflowError::Journal(error @ JournalError::Held { .. })) => {
                return Ok(Driven::Held(error));
            }
            outcome => outcome?,
        };
        loop {
            let records = self
                .opened
                .journal
                .records(run, progress.next, PAGE)
                .await?;
            if records.is_empty() {
                return Ok(Driven::Outcome(outcome));
            }
            progress.print(&records)?;
        }
    }

    /// Prints the records of a run that another process works on, until that is over. Returns the signal that has come
    /// instead: the run goes on without this process.
    async fn followed(&self, run: RunId, progress: &mut Progress) -> Result<Option<Exit>, Failure> {
        let guard = self.interrupts.during_call();
        let journal = &self.opened.journal;
        loop {
            progress.print(&journal.records(run, progress.next, PAGE).await?)?;
            let holder = journal.info(run).await?.and_then(|info| info.holder);
            if holder.is_none() {
                return Ok(None);
            }
            tokio::select! {
                () = guard.dropped() => return Ok(Some(guard.signal().unwrap_or(Exit::Interrupted))),
                () = tokio::time::sleep(LOOK) => {}
            }
        }
    }

    /// Waits until a run that waits can go on. Returns the signal that has come instead.
    async fn until_due(
        &self,
        run: RunId,
        wake_at: Option<Timestamp>,
    ) -> Result<Option<Exit>, Failure> {
        let guard = self.interrupts.during_call();
        let before = self
            .opened
            .journal
            .info(run)
            .await?
            .map(|info| info.records);
        let end = wake_at.map(|at| Instant::now() + at.saturating_duration_since(Timestamp::now()));
        loop {
            let look = Instant::now() + LOOK;
            tokio::select! {
                () = guard.dropped() => return Ok(Some(guard.signal().unwrap_or(Exit::Interrupted))),
                () = tokio::time::sleep_until(end.map_or(look, |end| end.min(look))) => {}
            }
            let is_due = end.is_some_and(|end| Instant::now() >= end);
            let info = self.opened.journal.info(run).await?;
            if is_due || info.map(|info| info.records) != before {
                return Ok(None);
            }
        }
    }

    fn parked(&self, run: RunId) {
        terminal::status(&format!(
            "run {run} is parked: `victor workflow resume {run}` goes on with it"
        ));
    }

    /// Closes what was opened.
    async fn close(self, exit: Result<Exit, Failure>) -> Result<Exit, Failure> {
        self.opened.runner.shutdown().await;
        let agent = self.agent;
        agent.services.close(&agent.orchestrator).await;
        let exit = exit?;
        if let Some(remark) = agent.recording.finish()?
            && self.form == Form::Lines
        {
            terminal::status(&remark);
        }
        Ok(exit)
    }
}

/// The answer to another process that has taken a run first.
#[derive(Debug, Clone, Copy)]
enum Taken {
    /// A new run is anybody's: a worker may be faster, and its work is followed.
    Follow,
    Fail,
}

/// The end of a drive.
enum Driven {
    Outcome(RunOutcome),
    /// Another process works on the run.
    Held(JournalError),
    /// A signal has come.
    Stopped(Exit),
}

/// The needs of the steps of definitions.
#[derive(Debug, Default)]
struct Needs {
    /// Whether a step has a turn of an agent.
    agent: bool,
    tools: Vec<String>,
}

impl Needs {
    fn add(&mut self, workflow: &Workflow) {
        self.add_steps(&workflow.steps);
        for body in workflow.workflows.values() {
            self.add_steps(&body.steps);
        }
    }

    fn add_steps(&mut self, steps: &[Step]) {
        for step in steps {
            match &step.action {
                StepAction::Agent(_) => self.agent = true,
                // A name with a hole in it is known when the step runs.
                StepAction::Tool(tool) if !tool.name.contains("{{") => {
                    self.tools.push(tool.name.clone());
                }
                StepAction::Map(map) => self.add_steps(&map.steps),
                StepAction::Loop(repeat) => self.add_steps(&repeat.steps),
                _ => {}
            }
        }
    }
}
