//! `victor workflow`: checks, draws and runs workflows, and shows their runs.

mod answer;
mod definition;
mod drive;
mod input;
mod list;
mod opened;
mod progress;
mod send;
mod show;
mod verify;

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use victor_orchestrator::workflow::Workflow;

use crate::agent::AgentArgs;
use crate::data::DataArgs;
use crate::exit::{Exit, Failure};

use self::definition::DefinitionFile;

const MORE: &str = "\
Exit codes:
    0  the run has finished, or all is well
    1  the run has failed or was cancelled; a history does not fit; something went wrong
    2  the command line or a definition is wrong; nothing has run
    3  the run waits: for an answer, an event or a time
  130  interrupted by Ctrl-C; the run is parked (129, 131 and 143 for the other signals)

A run that waits or was interrupted goes on with `victor workflow resume RUN`, exactly where it was.
The language of definitions is described in docs/workflows.md.

Example:
  victor workflow check release.yaml
  victor workflow run release.yaml --input name=victor";

/// Run workflows that survive: check and draw a definition, run it, and see its runs
#[derive(Debug, Args)]
#[command(after_help = MORE)]
pub(crate) struct WorkflowCommand {
    #[command(subcommand)]
    action: Action,

    #[command(flatten)]
    data: DataArgs,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Check definitions, and print each fault with its line and column
    Check {
        /// The files, YAML or JSON; `-` for standard input
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Draw a definition
    Graph {
        /// The file, YAML or JSON; `-` for standard input
        file: PathBuf,

        /// The form of the drawing
        #[arg(long, value_enum)]
        format: Option<Drawing>,

        /// Write to this file and not to standard output; `.svg` means --format svg
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Print the JSON Schema of definitions, for editors
    Schema,
    /// Start a run of a definition, and work on it until it has ended or only waits
    Run(Box<RunArgs>),
    /// Go on with a run that waits or was interrupted
    Resume(Box<ResumeArgs>),
    /// List runs that have not ended, those of older definitions included
    List(list::ListArgs),
    /// Show a run, and follow it while a process works on it
    Show(show::ShowArgs),
    /// Answer a question of a run, and leave it parked
    Answer(send::AnswerArgs),
    /// Send an event to a run, and leave it parked
    Event(send::EventArgs),
    /// Have a run end, and undo what it has done
    Cancel(send::CancelArgs),
    /// Replay the histories of runs against an edited definition, without running anything
    Verify(verify::VerifyArgs),
}

#[derive(Debug, Args)]
struct RunArgs {
    /// The file, YAML or JSON; `-` for standard input
    file: PathBuf,

    #[command(flatten)]
    input: input::InputArgs,

    /// The name of the run: if the workflow has a run of this name, go on with that one
    #[arg(long, value_name = "NAME")]
    id: Option<String>,

    #[command(flatten)]
    drive: DriveArgs,
}

#[derive(Debug, Args)]
struct ResumeArgs {
    /// The run: its identifier or the beginning of it, or the name that it was given
    run: String,

    /// Have it go on under this definition and not under the one that it began under
    #[arg(long, value_name = "FILE")]
    migrate: Option<PathBuf>,

    /// A step of the old definition that has another name now; may be repeated
    #[arg(long, value_name = "OLD=NEW", requires = "migrate", value_parser = renaming)]
    rename: Vec<(String, String)>,

    /// A step of the old definition whose work is to be forgotten; may be repeated
    #[arg(long, value_name = "STEP", requires = "migrate")]
    forget: Vec<String>,

    #[command(flatten)]
    drive: DriveArgs,
}

/// The flags for working on a run.
#[derive(Debug, Args)]
struct DriveArgs {
    /// Stay while the run only waits, until it has ended
    #[arg(long)]
    wait: bool,

    /// Print every record of the run as a line of JSON, and the outcome as the last one
    #[arg(long)]
    json: bool,

    /// Print the output and errors only
    #[arg(long, short)]
    quiet: bool,

    #[command(flatten)]
    agent: AgentArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Drawing {
    /// A flowchart for Markdown
    Mermaid,
    /// A picture
    Svg,
}

fn renaming(text: &str) -> Result<(String, String), String> {
    let names = text
        .split_once('=')
        .filter(|(old, new)| !old.is_empty() && !new.is_empty());
    let names = names.map(|(old, new)| (old.to_owned(), new.to_owned()));
    names.ok_or_else(|| "write the old and the new name, such as review=inspect".to_owned())
}

pub(crate) fn run(command: WorkflowCommand) -> Result<Exit, Failure> {
    let WorkflowCommand { action, data } = command;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let exit = runtime.block_on(async {
        match action {
            Action::Check { files } => definition::check(&files),
            Action::Graph {
                file,
                format,
                output,
            } => graph(&file, format, output),
            Action::Schema => {
                let schema = serde_json::to_string_pretty(&Workflow::json_schema())?;
                writeln!(io::stdout().lock(), "{schema}")?;
                Ok(Exit::Answered)
            }
            Action::Run(args) => drive::run(*args, &data).await,
            Action::Resume(args) => drive::resume(*args, &data).await,
            Action::List(args) => list::run(&args, &data).await,
            Action::Show(args) => show::run(&args, &data).await,
            Action::Answer(args) => send::answer(&args, &data).await,
            Action::Event(args) => send::event(&args, &data).await,
            Action::Cancel(args) => send::cancel(&args, &data).await,
            Action::Verify(args) => verify::run(&args, &data).await,
        }
    });
    // A tool that still runs in a thread of its own cannot be stopped; do not wait for it.
    runtime.shutdown_timeout(crate::interrupt::GRACE);
    exit
}

fn graph(file: &Path, format: Option<Drawing>, output: Option<PathBuf>) -> Result<Exit, Failure> {
    let is_svg = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "svg");
    let format = match format {
        Some(format) => format,
        None if output.as_ref().is_some_and(is_svg) => Drawing::Svg,
        None => Drawing::Mermaid,
    };
    let workflow = DefinitionFile::read(file)?.workflow()?;
    let text = match format {
        Drawing::Mermaid => victor_workflow_graph::mermaid(&workflow),
        Drawing::Svg => victor_workflow_graph::svg(&workflow),
    };
    match output {
        Some(path) => std::fs::write(&path, text).map_err(|error| {
            anyhow::anyhow!(error).context(format!("`{}` cannot be written", path.display()))
        })?,
        None => io::stdout().lock().write_all(text.as_bytes())?,
    }
    Ok(Exit::Answered)
}
