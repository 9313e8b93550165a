//! `victor eval`: runs an agent on the cases of a dataset, and tells whether it became better.

mod evaluators;
mod judge;
mod labels;
mod runs;
mod workspace;

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow};
use clap::{Args, Subcommand, ValueEnum};
use victor_evaluation::protocol::{
    Dataset, EvalCase, EvaluationPlan, EvaluationRun, EvaluationRunner as _, RunOptions, TrialState,
};
use victor_evaluation::{
    Comparison, EvaluationCoordinator, Gate, GateDecision, JsonlLog, Summary, report,
};
use victor_evaluation_formats::read_dataset;
use victor_orchestrator::chat::Agent;
use victor_orchestrator::provider::NanoDollars;
use victor_text::json_escaped;

use self::evaluators::Choice;
use self::judge::JudgeArgs;
use self::labels::LabelArgs;
use self::runs::Runs;
use self::workspace::Workspaces;
use crate::agent::AgentArgs;
use crate::data::DataArgs;
use crate::exit::{Exit, Failure};
use crate::interrupt::Interrupts;
use crate::{session_lookup, table, terminal};

/// The level of the intervals.
const LEVEL: f64 = 0.95;

/// The number of trials without an answer whose reason is shown.
const SHOWN_FAILURES: usize = 5;

const MORE: &str = "\
Datasets: .jsonl, .json, .csv and .yaml, also those of inspect-ai, pydantic-evals and promptfoo.
Evaluators: exact, contains, json, numeric[=TOLERANCE], regex=PATTERN, schema=FILE, path=JSONPATH,
trajectory=strict|unordered|subset|superset, cost=DOLLARS, latency=SECONDS, similarity=LEAST (of words), files,
judge=RUBRIC (a model says whether the answer fulfils it), pairwise=RUBRIC (a model compares it with the expected one).
A rubric is a text, or @FILE.

Where cases have files, or their files are looked at, each trial works in a folder of its own, which begins with the files
of the case and of --workspace.

With --record and --replay, trials run one after the other.
A run that is interrupted goes on with the same --name, and asks for no trial twice.
The exit code is 1 if a gate (--min-pass, --no-worse-than) is not passed: also if the run is too small to tell.

Example:
  victor eval run questions.jsonl --evaluator contains --repeats 3 --min-pass 0.9";

/// Run an agent on the cases of a dataset, and compare runs
#[derive(Debug, Args)]
pub(crate) struct EvalCommand {
    #[command(subcommand)]
    action: Action,

    #[command(flatten)]
    data: DataArgs,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Run an agent on every case, and judge its answers
    #[command(after_help = MORE)]
    Run(Box<RunArgs>),
    /// Compare two runs, case by case
    Compare {
        /// The run before: its name, or its file
        before: String,
        /// The run after: its name, or its file
        after: String,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Show a run again
    Report {
        /// The run: its name, or its file
        run: String,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Say as a person how good the answer of a trial is, from 0 to 1, so that a judge can be held against it
    Label(LabelArgs),
    /// Hold an evaluator, such as a judge, against the labels of people
    Calibrate {
        /// The run: its name, or its file
        run: String,
        /// The evaluator. Defaults to all that have labels
        #[arg(long, value_name = "NAME")]
        evaluator: Option<String>,
    },
    /// List the runs
    List,
}

#[derive(Debug, Args)]
struct RunArgs {
    /// The file with the cases
    dataset: PathBuf,

    /// Judge by this; may be repeated
    #[arg(
        long = "evaluator",
        value_name = "NAME[=VALUE]",
        default_value = "contains"
    )]
    evaluators: Vec<Choice>,

    /// The name of the run; the name of the dataset and a word by chance without this flag
    #[arg(long, value_name = "NAME", value_parser = runs::name)]
    name: Option<String>,

    /// Run only cases with this tag; may be repeated
    #[arg(long, value_name = "TAG")]
    tag: Vec<String>,

    /// Number of trials of each case
    #[arg(long, value_name = "N", default_value_t = 1)]
    repeats: u32,

    /// Number of trials at once
    #[arg(long, value_name = "N", default_value_t = 4)]
    concurrency: usize,

    /// Number of further attempts at a trial after an error that may pass
    #[arg(long, value_name = "N", default_value_t = 1)]
    retries: u32,

    /// The folder whose files each trial finds, copied for each
    #[arg(long, value_name = "DIR")]
    workspace: Option<PathBuf>,

    /// Time limit of a trial, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    case_timeout: u64,

    /// Time limit of the run, in seconds: trials that have not begun by then are not made
    #[arg(long, value_name = "SECONDS")]
    deadline: Option<u64>,

    /// Most tokens of a trial, which ends with the turn in which they are reached
    #[arg(long, value_name = "TOKENS")]
    case_tokens: Option<u64>,

    /// Most money for a trial, in dollars, which ends with the turn in which it is reached
    #[arg(long, value_name = "DOLLARS", value_parser = dollars)]
    case_budget: Option<NanoDollars>,

    /// Most money for the run, in dollars: when it is spent, no further trial begins
    #[arg(long, value_name = "DOLLARS", value_parser = dollars)]
    run_budget: Option<NanoDollars>,

    /// Pass only if this share of trials passes, from 0 to 1: the lower bound of its interval counts
    #[arg(long, value_name = "SHARE", value_parser = share)]
    min_pass: Option<f64>,

    /// Pass only if the run is not worse than this one by more than --margin: its name, or its file
    #[arg(long, value_name = "RUN")]
    no_worse_than: Option<String>,

    /// The difference of scores that is permitted by --no-worse-than
    #[arg(long, value_name = "SHARE", default_value_t = 0.05, value_parser = share)]
    margin: f64,

    #[command(flatten)]
    judge: JudgeArgs,

    #[command(flatten)]
    output: OutputArgs,

    #[command(flatten)]
    agent: AgentArgs,
}

#[derive(Debug, Args)]
struct OutputArgs {
    /// The form of the report
    #[arg(long, value_enum, default_value_t = Form::Table)]
    format: Form,

    /// Write the report to this file and not to the terminal
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    Table,
    Json,
    Markdown,
    Junit,
    Html,
    /// The log of inspect-ai, which `inspect view` opens
    Inspect,
}

fn share(text: &str) -> Result<f64, String> {
    let share = text
        .parse()
        .ok()
        .filter(|share| (0.0..=1.0).contains(share));
    share.ok_or_else(|| "write a share from 0 to 1, such as 0.9".to_owned())
}

fn dollars(text: &str) -> Result<NanoDollars, String> {
    let amount = text.parse().ok().and_then(NanoDollars::from_dollars);
    amount.ok_or_else(|| "write an amount in dollars, such as 0.5".to_owned())
}

pub(crate) fn run(command: EvalCommand) -> Result<Exit, Failure> {
    let runs = Runs::new(&command.data)?;
    match command.action {
        Action::Run(args) => {
            let runtime = tokio::runtime::Runtime::new()?;
            runtime.block_on(make(args.into(), &runs, &command.data))
        }
        Action::Compare {
            before,
            after,
            output,
        } => {
            let (before, after) = (runs.read(&before)?, runs.read(&after)?);
            let comparisons = compare(&before, &after)?;
            output.show(&after, &comparisons)?;
            Ok(Exit::Answered)
        }
        Action::Report { run, output } => {
            output.show(&runs.read(&run)?, &[])?;
            Ok(Exit::Answered)
        }
        Action::Label(args) => {
            args.label(&runs)?;
            Ok(Exit::Answered)
        }
        Action::Calibrate { run, evaluator } => {
            labels::calibrate(&runs.read(&run)?, evaluator.as_deref())?;
            Ok(Exit::Answered)
        }
        Action::List => {
            list(&runs)?;
            Ok(Exit::Answered)
        }
    }
}

async fn make(args: Arc<RunArgs>, runs: &Runs, data: &DataArgs) -> Result<Exit, Failure> {
    let mut dataset = read_dataset(&args.dataset).map_err(Failure::usage)?;
    if !args.tag.is_empty() {
        dataset = dataset.filter(|case| case.tags.iter().any(|tag| args.tag.contains(tag)));
    }
    if dataset.cases().is_empty() {
        return Err(Failure::usage(anyhow!(
            "`{}` has no case to run",
            args.dataset.display()
        )));
    }
    // A run that cannot be compared is not paid for.
    let before = args
        .no_worse_than
        .as_deref()
        .map(|run| runs.read(run))
        .transpose()?;
    let name = match &args.name {
        Some(name) => name.clone(),
        None => runs::default_name(dataset.name(), &session_lookup::new_name()),
    };
    let judge = match args.evaluators.iter().any(Choice::asks_a_model) {
        true => Some(args.judge.open(args.agent.provider()).await?),
        false => None,
    };
    let evaluators = args.evaluators.iter();
    let evaluators: Vec<_> = evaluators
        .map(|choice| choice.evaluator(judge.as_ref()))
        .collect::<Result<_, _>>()
        .map_err(Failure::usage)?;
    let _interrupts = Interrupts::listen()?;
    let agent = Arc::new(args.agent.open(data, false).await?);
    let size = cases(&dataset, args.repeats);
    terminal::status(&format!("run {name}: {size}, by {}", agent.about));
    if let Some(judge) = &judge {
        let (model, provider) = (&judge.model, judge.provider.name());
        terminal::status(&format!(
            "judged by {model} of {provider}, {} votes",
            judge.votes
        ));
    }
    let plan = if args.is_isolated(&dataset) {
        let subject = Workspaces::new(args.clone(), agent.clone());
        EvaluationPlan::new(&name, dataset, subject)
    } else {
        let orchestrator = agent.orchestrator.clone();
        let subject = move |_: &EvalCase| -> Arc<dyn Agent> {
            Arc::new(orchestrator.session(&*session_lookup::new_name()))
        };
        EvaluationPlan::new(&name, dataset, subject)
    };
    let log = JsonlLog::new(runs.log(&name)?);
    let plan = plan.options(args.options()).log(log);
    let plan = evaluators.into_iter().fold(plan, EvaluationPlan::evaluator);
    let run = EvaluationCoordinator::new().run(plan).await;
    agent.orchestrator.shutdown().await;
    let run = run.context("the run did not end")?;
    runs.write(&run)?;
    if let Some(remark) = agent.recording.finish().context("the recording failed")? {
        terminal::status(&remark);
    }
    tell_failures(&run);
    let comparisons = match &before {
        Some(before) => compare(before, &run)?,
        None => Vec::new(),
    };
    args.output.show(&run, &comparisons)?;
    Ok(args.decide(&run, &comparisons))
}

/// Says why trials have no answer.
fn tell_failures(run: &EvaluationRun) {
    let trials = run.trials.iter().map(|record| &record.trial);
    let failures: Vec<_> = trials
        .filter(|trial| trial.state != TrialState::Completed)
        .collect();
    for trial in failures.iter().take(SHOWN_FAILURES) {
        let reason = trial.reason.as_deref().unwrap_or_default();
        terminal::status(&format!("case `{}`, {}: {reason}", trial.case, trial.state));
    }
    if let more @ 1.. = failures.len().saturating_sub(SHOWN_FAILURES) {
        terminal::status(&format!(
            "and {more} more; the report as JSON or HTML has them"
        ));
    }
}

fn cases(dataset: &Dataset, repeats: u32) -> String {
    let count = dataset.cases().len();
    let cases = if count == 1 {
        "1 case".to_owned()
    } else {
        format!("{count} cases")
    };
    if repeats == 1 {
        cases
    } else {
        format!("{cases}, {repeats} times each")
    }
}

impl RunArgs {
    /// Whether each trial works in a folder of its own.
    fn is_isolated(&self, dataset: &Dataset) -> bool {
        self.workspace.is_some()
            || self.evaluators.iter().any(Choice::looks_at_files)
            || dataset.cases().iter().any(|case| !case.files.is_empty())
    }

    fn options(&self) -> RunOptions {
        RunOptions::default()
            .with_repeats(self.repeats)
            .with_concurrency(match self.agent.is_recorded() {
                true => 1, // a recording has its calls in order
                false => self.concurrency,
            })
            .with_retries(self.retries)
            .with_case_timeout(Duration::from_secs(self.case_timeout))
            .with_case_tokens(self.case_tokens)
            .with_case_cost(self.case_budget)
            .with_deadline(self.deadline.map(Duration::from_secs))
            .with_run_cost(self.run_budget)
    }

    /// Decides by the gates, and says how.
    fn decide(&self, run: &EvaluationRun, comparisons: &[Comparison]) -> Exit {
        let mut exit = Exit::Answered;
        let mut decide = |gate: String, decision: GateDecision| {
            terminal::status(&format!("{gate}: {decision}"));
            if decision != GateDecision::Passed {
                exit = Exit::Failed;
            }
        };
        if let Some(least) = self.min_pass {
            for evaluator in &Summary::of(run, LEVEL).evaluators {
                let gate = format!("at least {least} pass by {}", evaluator.name);
                decide(gate, Gate::MinPass(least).decide(evaluator));
            }
        }
        for comparison in comparisons {
            let (before, evaluator) = (&comparison.before, &comparison.evaluator);
            let gate = format!("no worse than {before} by {evaluator}");
            decide(
                gate,
                Gate::NoWorseBy(self.margin).decide_difference(comparison),
            );
        }
        exit
    }
}

/// Compares two runs by every evaluator that both have.
fn compare(before: &EvaluationRun, after: &EvaluationRun) -> Result<Vec<Comparison>, Failure> {
    let shared: Vec<&String> = after
        .evaluators
        .iter()
        .filter(|name| before.evaluators.contains(name))
        .collect();
    if shared.is_empty() {
        return Err(Failure::usage(anyhow!(
            "the runs `{}` and `{}` have no evaluator in common: {} and {}",
            before.name,
            after.name,
            before.evaluators.join(", "),
            after.evaluators.join(", ")
        )));
    }
    let compared = shared
        .into_iter()
        .map(|name| Comparison::of(before, after, name, LEVEL));
    Ok(compared.collect::<Result<_, _>>()?)
}

fn list(runs: &Runs) -> Result<(), Failure> {
    let mut rows = Vec::new();
    for name in runs.names()? {
        let run = runs.read(&name)?;
        let summary = Summary::of(&run, LEVEL);
        let rates = summary
            .evaluators
            .iter()
            .map(|evaluator| match evaluator.pass_rate {
                Some(rate) => format!("{} {:.1} %", evaluator.name, rate * 100.0),
                None => format!("{} -", evaluator.name),
            });
        let trials = format!("{} trials", run.trials.len());
        rows.push([
            name,
            table::local(run.started),
            run.dataset,
            trials,
            rates.collect::<Vec<_>>().join(", "),
        ]);
    }
    if rows.is_empty() {
        terminal::status("there are no runs: begin one with `victor eval run DATASET`");
        return Ok(());
    }
    writeln!(io::stdout().lock(), "{}", table::table(&rows, &[]))?;
    Ok(())
}

impl OutputArgs {
    fn show(&self, run: &EvaluationRun, comparisons: &[Comparison]) -> Result<(), Failure> {
        let text = match self.format {
            Form::Table => {
                terminal::printable(&report::text(&Summary::of(run, LEVEL), comparisons))
                    .into_owned()
            }
            Form::Markdown => report::markdown(&Summary::of(run, LEVEL), comparisons),
            Form::Junit => report::junit(run),
            Form::Html => report::html(run, comparisons, LEVEL),
            Form::Inspect => {
                let log = report::inspect_log(run, &asked(run)?, "victor", LEVEL);
                json_escaped(&log.to_string()).into_owned() + "\n"
            }
            Form::Json => {
                let report = serde_json::json!({ "summary": Summary::of(run, LEVEL), "comparisons": comparisons });
                json_escaped(&report.to_string()).into_owned() + "\n"
            }
        };
        match &self.output {
            Some(path) => write(path, &text)?,
            None => io::stdout().lock().write_all(text.as_bytes())?,
        }
        Ok(())
    }
}

/// The cases of a run, as far as it tells: what was asked, and not what was expected.
fn asked(run: &EvaluationRun) -> Result<Dataset, Failure> {
    let mut cases: Vec<EvalCase> = Vec::new();
    for trial in run.trials.iter().map(|record| &record.trial) {
        if cases.last().is_none_or(|case| case.id != trial.case) {
            let mut inputs = trial.turns.iter().map(|turn| turn.input.as_str());
            let case = EvalCase::new(&trial.case, inputs.next().unwrap_or_default());
            cases.push(inputs.fold(case, EvalCase::then));
        }
    }
    Dataset::new(&run.dataset, cases).map_err(Failure::usage)
}

fn write(path: &Path, text: &str) -> Result<(), Failure> {
    std::fs::write(path, text)
        .with_context(|| format!("`{}` cannot be written", path.display()))?;
    terminal::status(&format!("the report is in {}", path.display()));
    Ok(())
}
