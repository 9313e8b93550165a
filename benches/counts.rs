//! Counts what does not depend on how busy the machine is: allocations and bytes.
//!
//! `counts` prints a JSON object of everything that it counts. `counts jobs` prints the names of jobs whose
//! instructions can be counted from outside, and `counts run JOB TIMES` runs one of them.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program talks through these"
)]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::pin::pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::task::{self, Waker};

use allocation_counter::{AllocationInfo, measure};
use async_trait::async_trait;
use tokio::runtime::Runtime;
use victor_checkpoint::CheckpointCoordinator;
use victor_checkpoint_protocol::{CheckpointCause, CheckpointDraft, CheckpointManager};
use victor_core::{Context, Message, SessionId, TurnId};
use victor_orchestrator::Session;
use victor_orchestrator::analytics::AnalyticsEvent;
use victor_orchestrator::config::ConfigLoader as _;
use victor_orchestrator::coordinators::config::{ConfigCoordinator, StaticConfigProvider};
use victor_orchestrator::coordinators::provider::ProviderCoordinator;
use victor_orchestrator::prompt::{
    Contribution, PromptBuilder, PromptContext, PromptContributor, PromptError, Stability,
};
use victor_orchestrator::provider::{ChatProvider, ChatRequest, ProviderRouter};
use victor_orchestrator::session::{SessionStore, TranscriptEntry};

use victor_workflow::WorkflowCoordinator;
use victor_workflow::protocol::{StartRun, WorkflowRunner as _};

use benches::{
    ByteModel, DatabaseFile, InstantModel, QUESTION, history, openai, orchestrator,
    orchestrator_with_exporters, request, route_of_one, route_of_ten, routed_request, runtime,
    warm_session,
};

/// How often something is counted; what holds is the median, since maps and lists grow now and then.
const ROUNDS: usize = 33;

/// How many sessions are looked at to learn what one takes, and how many turns each has.
const SESSIONS: usize = 10_000;
const TURNS: usize = 5;

/// How many messages the conversation has of which a checkpoint is made after each.
const CHECKPOINTS: usize = 1_000;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let runtime = runtime();
    match arguments[..] {
        [] => {
            let counts = serde_json::to_string_pretty(&counts(&runtime));
            println!("{}", counts.expect("names and numbers"));
        }
        ["jobs"] => JOBS.iter().for_each(|job| println!("{job}")),
        ["run", job, times] if JOBS.contains(&job) => {
            let mut job = Job::new(&runtime, job);
            for _ in 0..times.parse::<usize>().unwrap_or_default() {
                job.run(&runtime);
            }
        }
        _ => {
            eprintln!("usage: counts [jobs | run JOB TIMES]");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

/// What can be run again and again.
const JOBS: [&str; 19] = [
    "turn/10",
    "turn/10000",
    "turn_dead/10",
    "track/0",
    "track/3",
    "tool_call/10",
    "stream/1",
    "stream/101",
    "body/1000",
    "body/10000",
    "session/0",
    "router/0",
    "router/1",
    "router/10",
    "config/1",
    "prompt/0",
    "prompt/10",
    "workflow/100",
    "workflow/1000",
];

/// One of [`JOBS`], ready to run.
enum Job {
    Turn(Session),
    /// An event that is tracked.
    Track(victor_orchestrator::AgentOrchestrator, SessionId),
    Body(Box<benches::Growing>),
    /// A session that is heard of for the first time.
    Session(victor_orchestrator::AgentOrchestrator, usize),
    /// The prompt of a session in which nothing has changed.
    Prompt(Arc<dyn PromptBuilder>, PromptContext),
    /// A call by a router, or of the bare provider without one.
    Router(Box<ChatRequest>, Option<Box<ProviderCoordinator>>),
    /// The configuration of a session that a provider has answered for.
    Config(Box<ConfigCoordinator>, SessionId),
    /// A run of so many steps that each call a handler, one after the other.
    Workflow(Box<WorkflowCoordinator>),
}

impl Job {
    fn new(runtime: &Runtime, name: &str) -> Self {
        let (kind, size) = name.split_once('/').expect("a kind and a size");
        let size = size.parse().expect("a number");
        let instant = InstantModel::default();
        let (model, context) = match kind {
            "body" => return Self::Body(Box::new(request(openai(), size))),
            "session" => return Self::Session(orchestrator(instant), 0),
            "workflow" => return Self::Workflow(Box::new(benches::steps_in_a_row(size))),
            "track" => {
                let session = SessionId::new("tracked");
                return Self::Track(orchestrator_with_exporters(instant, size), session);
            }
            "turn_dead" => {
                let orchestrator = orchestrator_with_exporters(instant, 3);
                let history = history(size);
                return Self::Turn(runtime.block_on(warm_session(&orchestrator, name, &history)));
            }
            "config" => {
                let provider = StaticConfigProvider::new("bench").set("max_tool_calls", 5);
                let config = ConfigCoordinator::new([Arc::new(provider)]);
                return Self::Config(Box::new(config), SessionId::new("s"));
            }
            "prompt" => {
                let prompt = orchestrator(instant).prompt_coordinator().clone();
                for _ in 0..size {
                    prompt.add_contributor(Arc::new(Stable));
                }
                let mut context = PromptContext::from_iter([("session_id", "s"), ("model", "m")]);
                context.insert("task", "review");
                runtime.block_on(prompt.build_system_prompt(&context));
                return Self::Prompt(prompt, context.with_message(QUESTION));
            }
            "router" => {
                let router = match size {
                    0 => None,
                    1 => Some(Box::new(route_of_one())),
                    _ => Some(Box::new(route_of_ten())),
                };
                return Self::Router(Box::new(routed_request()), router);
            }
            "stream" => {
                let orchestrator = orchestrator(ByteModel::new(size));
                let context = Context::default();
                return Self::Turn(runtime.block_on(warm_session(&orchestrator, name, &context)));
            }
            kind => (
                InstantModel {
                    calls_tool: kind == "tool_call",
                    ..instant
                },
                history(size),
            ),
        };
        Self::Turn(runtime.block_on(warm_session(&orchestrator(model), name, &context)))
    }

    fn run(&mut self, runtime: &Runtime) {
        match self {
            Self::Turn(session) => {
                let turn = runtime.block_on(session.chat(QUESTION));
                black_box(turn.expect("an answer"));
            }
            Self::Track(orchestrator, session) => {
                let event = AnalyticsEvent::new("feedback");
                orchestrator
                    .analytics_coordinator()
                    .track_event(session, event);
            }
            Self::Body(growing) => {
                black_box(growing.next_body());
            }
            Self::Prompt(prompt, context) => {
                black_box(runtime.block_on(prompt.build_system_prompt(context)));
            }
            Self::Router(request, router) => {
                let request = request.as_ref().clone();
                let answer = runtime.block_on(async {
                    let stream = match router {
                        Some(router) => router.stream_chat(request),
                        None => InstantModel::default().stream_chat(&request).await?,
                    };
                    stream.completion().await
                });
                black_box(answer.expect("an answer"));
            }
            Self::Workflow(runner) => {
                let request = StartRun::new(benches::STEPS_IN_A_ROW, serde_json::Value::Null);
                let run = runtime.block_on(runner.run(&request));
                black_box(run.expect("an outcome"));
            }
            Self::Config(config, session) => {
                let loading = pin!(config.load_config(session));
                let loaded = loading.poll(&mut task::Context::from_waker(Waker::noop()));
                assert!(black_box(loaded).is_ready());
            }
            Self::Session(orchestrator, number) => {
                *number += 1;
                let session = orchestrator.session(number.to_string());
                black_box(runtime.block_on(session.chat(QUESTION)).expect("an answer"));
            }
        }
    }
}

/// Says the same in a session.
#[derive(Debug)]
struct Stable;

#[async_trait]
impl PromptContributor for Stable {
    fn name(&self) -> &str {
        "stable"
    }

    async fn get_contribution(&self, _: &PromptContext) -> Result<Contribution, PromptError> {
        Ok(Contribution::from("Be kind.").with_stability(Stability::Session))
    }
}

fn counts(runtime: &Runtime) -> BTreeMap<String, f64> {
    let mut counts = BTreeMap::new();
    for name in JOBS {
        let mut job = Job::new(runtime, name);
        let rounds: Vec<AllocationInfo> =
            (0..ROUNDS).map(|_| measure(|| job.run(runtime))).collect();
        // Each by itself: a round with as many allocations as the median may have grown a list by thousands of bytes.
        let median = |of: fn(&AllocationInfo) -> u64| {
            let mut values: Vec<u64> = rounds.iter().map(of).collect();
            values.sort_unstable();
            number(values[ROUNDS / 2])
        };
        let allocations = median(|round| round.count_total);
        counts.insert(format!("allocations/{name}"), allocations);
        let bytes = median(|round| round.bytes_total);
        counts.insert(format!("allocated_bytes/{name}"), bytes);
    }
    counts.insert("bytes/idle_session".into(), idle_session(runtime));
    counts.extend(runtime.block_on(conversation()));
    counts
}

/// What SQLite takes for a conversation: for its transcript, and for a checkpoint after each message. A quarter of the
/// messages are results of up to 15,500 characters, and a message has 2,375 on average.
async fn conversation() -> BTreeMap<String, f64> {
    let [empty, transcripts, states] = [
        DatabaseFile::new().await,
        DatabaseFile::new().await,
        DatabaseFile::new().await,
    ];
    let empty = empty.weigh().await;
    let store = transcripts.database.session_store();
    let checkpoints = CheckpointCoordinator::new(states.database.checkpoint_store());
    let (session, turn) = (SessionId::generate(), TurnId::generate());
    let mut context = Context::default();
    for n in 0..CHECKPOINTS {
        let length = [200, 300, 500 + n * 7_919 % 15_000, 1_000][n % 4];
        let message = Arc::new(Message::user("x".repeat(length)));
        context.push(Arc::clone(&message));
        let entry = TranscriptEntry::new(Some(turn), message);
        let appended = store.append(&session, n as u64, &[entry]).await;
        appended.expect("it is written");
        let cause = CheckpointCause::Manual;
        let draft = CheckpointDraft::new(session.clone(), context.clone(), cause);
        let checkpoint = checkpoints.create_checkpoint(draft).await;
        checkpoint.expect("it is written");
    }
    let mut counts = BTreeMap::new();
    for (name, file) in [("transcript", transcripts), ("checkpoints", states)] {
        let size = file.weigh().await;
        let rows = number(size.rows - empty.rows);
        let file = number(size.file - empty.file);
        counts.insert(format!("bytes/{name}_rows"), rows);
        counts.insert(format!("bytes/{name}_file"), file);
    }
    counts
}

/// What a session takes that nobody works on, besides its messages and their entries in the transcript.
fn idle_session(runtime: &Runtime) -> f64 {
    let orchestrator = orchestrator(InstantModel::default());
    runtime.block_on(async { drop(orchestrator.session("warm").chat(QUESTION).await) });
    let all = measure(|| {
        runtime.block_on(async {
            for number in 0..SESSIONS {
                let session = orchestrator.session(number.to_string());
                for _ in 0..TURNS {
                    session.chat(QUESTION).await.expect("an answer");
                }
            }
        });
    });
    let context = orchestrator.session("7").context();
    assert_eq!(context.messages().len(), 2 * TURNS);
    let mut copies = Vec::new();
    let messages = measure(|| {
        copies.reserve_exact(2 * TURNS);
        let copy = |message: &Arc<Message>| TranscriptEntry::new(None, Message::clone(message));
        copies.extend(context.messages().iter().map(copy));
    });
    number(all.bytes_current.unsigned_abs()) / number(SESSIONS as u64)
        - number(messages.bytes_current.unsigned_abs())
}

#[expect(clippy::cast_precision_loss, reason = "counts are small")]
fn number(count: u64) -> f64 {
    count as f64
}
