//! `victor worker`: works on what other processes have left.

mod backlog;
mod crew;

use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use clap::builder::RangedU64ValueParser;
use victor_orchestrator::core::Coordinator as _;
use victor_orchestrator::workflow::WorkflowRunner as _;
use victor_workflow::WorkflowCoordinator;
use victor_workflow_steps::{AGENT, AgentHandler, TOOL, ToolHandler};

use self::backlog::Backlog;
use self::crew::{Crew, Ended};
use crate::agent::AgentArgs;
use crate::data::DataArgs;
use crate::exit::{Exit, Failure};
use crate::interrupt::{GRACE, Interrupts};
use crate::terminal;

const MORE: &str = "\
Any number of workers may share a database: each turn and each run is worked on by one of them, and what a worker leaves
that ends, in whatever way, another one takes up. No person is asked: calls that need an approval wait for one, unless
--yes allows them or a person has approved them for the folder.

SIGTERM and Ctrl-C end it in order: it takes nothing new, ends the turns that run, and parks the runs of workflows. What
has not ended after --grace seconds is left to another worker. A second signal ends it at once.

Exit codes:
    0  it has ended in order
    1  something went wrong
    2  the command line is wrong
  130  it was ended before what it worked on had ended (129, 131 and 143 for the other signals)

Example:
  VICTOR_DATABASE=postgres://victor@db/agents victor worker --jobs 8";

/// Work on interrupted turns and on runs of workflows, until it is told to end
#[derive(Debug, Args)]
#[command(after_help = MORE)]
pub(crate) struct WorkerArgs {
    /// Number of turns and runs that it works on at a time
    #[arg(long, value_name = "COUNT", default_value_t = 4, value_parser = RangedU64ValueParser::<usize>::new().range(1..=1_000))]
    jobs: usize,

    /// Time between two looks for work, in seconds. On PostgreSQL a run that has work to do is told of at once
    #[arg(long, value_name = "SECONDS", default_value_t = 5, value_parser = clap::value_parser!(u64).range(1..=3_600))]
    interval: u64,

    /// Time that turns have to end when it is told to end, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(0..=3_600))]
    grace: u64,

    /// End when there is nothing to do
    #[arg(long)]
    once: bool,

    #[command(flatten)]
    agent: AgentArgs,

    #[command(flatten)]
    data: DataArgs,
}

pub(crate) fn run(args: &WorkerArgs) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let exit = runtime.block_on(work(args));
    if let Ok(exit @ (Exit::HungUp | Exit::Interrupted | Exit::Quit | Exit::Terminated)) = exit {
        // A turn that is dropped counts as cancelled, and one whose process has ended is taken up.
        exit.now();
    }
    runtime.shutdown_timeout(GRACE);
    exit
}

async fn work(args: &WorkerArgs) -> Result<Exit, Failure> {
    let interrupts = Interrupts::listen()?;
    // Where conversations cannot be kept, there is nothing to work on.
    let database = args.data.database().await?;
    let agent = args.agent.open(&args.data, false).await?;
    let orchestrator = &agent.orchestrator;
    let journal = database.workflow_journal();
    let runner = Arc::new(WorkflowCoordinator::builder(journal.clone()).build());
    runner.add_handler(AGENT, Arc::new(AgentHandler::new(orchestrator.clone())));
    let tools = Arc::clone(orchestrator.tool_coordinator());
    runner.add_handler(TOOL, Arc::new(ToolHandler::new(tools)));
    let guard = interrupts.during_work();
    terminal::status(&format!(
        "worker (process {}): {}",
        std::process::id(),
        agent.about
    ));

    let backlog = Backlog::new(orchestrator.clone(), runner.clone(), journal);
    let interval = Duration::from_secs(args.interval);
    let mut crew = Crew::new(backlog, args.jobs, interval);
    tokio::select! {
        () = crew.work(args.once) => {}
        () = guard.dropped() => terminal::status("worker: told to end; what it works on ends first"),
    }
    // Runs stop at their next record and are given back, and turns come to their end.
    runner.shutdown().await;
    let grace = Duration::from_secs(args.grace);
    if crew.end(grace).await == Ended::InPart {
        terminal::status("worker: not everything has ended; another worker goes on with the rest");
        return Ok(guard.signal().unwrap_or(Exit::Interrupted));
    }
    drop(guard);
    agent.services.close(orchestrator).await;
    database.close().await;
    terminal::status("worker: ended");
    Ok(Exit::Answered)
}
