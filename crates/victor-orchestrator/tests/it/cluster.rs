//! Several processes on a PostgreSQL server: one at a time is killed or stopped at random, and the server is restarted.
//! Every message is answered once and in order, no tool runs twice, and no session stays locked for longer than a lease.
//!
//! It takes 10 seconds, or as many as `VICTOR_CLUSTER_SECONDS` says; `cargo xtask cluster` runs the whole minute and prints
//! the figures.

#[path = "../../../victor-sql/tests/it/server.rs"]
mod server;

use std::collections::{BTreeMap, HashMap};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use victor_core::{Effect, Messages, Part, Role, SessionId, ToolCall, ToolSpec, Usage};
use victor_orchestrator::AgentOrchestrator;
use victor_orchestrator::chat::{ChatErrorKind, ChatInput, TurnOutcome};
use victor_orchestrator::coordinators::session::{SessionCoordinator, SessionOptions};
use victor_orchestrator::core::ModelId;
use victor_orchestrator::provider::{
    Capabilities, ChatProvider, ChatRequest, Completion, CompletionEvent, CompletionStream,
    ProviderError,
};
use victor_orchestrator::session::SessionStore as _;
use victor_sql::{Database, DatabaseOptions};
use victor_turn_log::TurnRecorder;

use self::server::Server;
use crate::crash::{Append, append, lines};

const PROCESSES: usize = 4;
const SESSIONS: usize = 200;
/// Number of messages that are under way at a time.
const UNDER_WAY: usize = 40;
/// Duration of a lease.
const LEASE: Duration = Duration::from_secs(2);
/// Time between two deaths.
const DEATHS: Duration = Duration::from_secs(1);

const SECONDS: &str = "VICTOR_CLUSTER_SECONDS";
const ADDRESS: &str = "VICTOR_CLUSTER_ADDRESS";
const KEYS: &str = "VICTOR_CLUSTER_KEYS";

/// Calls a tool, then says which message it has answered.
#[derive(Debug)]
struct Model;

#[async_trait]
impl ChatProvider for Model {
    fn name(&self) -> &str {
        "by heart"
    }

    async fn chat(&self, request: &ChatRequest) -> Result<Completion, ProviderError> {
        tokio::time::sleep(Duration::from_millis(5)).await;
        let messages = request.context.messages();
        let is_asked = |message: &&Arc<victor_core::Message>| *message.role() == Role::User;
        let question = messages.iter().rev().find(is_asked);
        let text = question
            .map(|message| message.text().into_owned())
            .unwrap_or_default();
        let last = messages
            .last()
            .map(|message| message.tool_results().count());
        let part = match last {
            Some(results) if results > 0 => Part::text(format!("answer to {text}")),
            _ => ToolCall::new("a", "append", json!({ "n": 1 }).to_string()).into(),
        };
        Ok(Completion::new("m".into(), vec![part], Usage::new(10, 1)))
    }

    async fn stream_chat(&self, request: &ChatRequest) -> Result<CompletionStream, ProviderError> {
        let completion = self.chat(request).await?;
        let events = CompletionEvent::finished(completion);
        Ok(CompletionStream::new(crate::once(Ok(events))))
    }

    fn capabilities(&self, _: &ModelId) -> Capabilities {
        Capabilities::default()
    }
}

async fn open(address: &str, keys: &Path) -> AgentOrchestrator {
    let options = DatabaseOptions::default().with_acquire_timeout(Duration::from_secs(20));
    let database = loop {
        // The server may be restarting.
        match Database::open_with(address, &options).await {
            Ok(database) => break database,
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    };
    let options = SessionOptions::default().with_lease_timeout(LEASE);
    let sessions = SessionCoordinator::with_options(database.session_store(), options);
    let schema = json!({ "type": "object", "properties": { "n": { "type": "integer" } } });
    let tool = Append {
        spec: ToolSpec::new("append", "Appends", schema).with_effect(Effect::Write),
        file: keys.to_owned(),
    };
    AgentOrchestrator::builder()
        .provider(Arc::new(Model))
        .model("m")
        .session_coordinator(Arc::new(sessions))
        .receipt_store(database.receipt_store())
        .turn_observer(TurnRecorder::new(database.turn_log()))
        .tool(Arc::new(tool))
        .build()
        .unwrap()
}

/// Answers the messages that come on standard input. Without an address it is nothing but the other half of the test.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_of_the_cluster() {
    let Ok(address) = std::env::var(ADDRESS) else {
        return;
    };
    let keys = std::env::var_os(KEYS).unwrap();
    let orchestrator = open(&address, Path::new(&keys)).await;
    let (sender, mut messages) = tokio::sync::mpsc::channel(1_000);
    std::thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    });
    while let Some(line) = messages.recv().await {
        let (session, text) = line.split_once('\t').unwrap();
        let (session, text) = (orchestrator.session(session), text.to_owned());
        tokio::spawn(async move {
            let response = loop {
                match session.chat(ChatInput::from(&text).with_key(&text)).await {
                    Ok(response) => break response,
                    // It is sent again, under the same key.
                    Err(error) => {
                        let kind = error.kind();
                        let passes =
                            matches!(kind, ChatErrorKind::Conflict | ChatErrorKind::Unavailable);
                        if !passes {
                            say(&format!("failed\t{text}\t{}", error.report()));
                            return;
                        }
                        say(&format!("again\t{text}\t{}", error.report()));
                        tokio::time::sleep(Duration::from_millis(50)).await;
                    }
                }
            };
            assert_eq!(response.outcome, TurnOutcome::Completed);
            let word = if response.repeated {
                "repeated"
            } else {
                "done"
            };
            say(&format!("{word}\t{text}\t{}", response.content()));
        });
    }
}

fn say(line: &str) {
    let mut output = std::io::stdout().lock();
    // Whoever reads it may be gone.
    let _ = writeln!(output, "\n{}", line.replace('\n', " ")).and_then(|()| output.flush());
}

/// A process of the cluster.
struct Process {
    child: Child,
    input: ChildStdin,
    number: usize,
}

impl Process {
    fn start(address: &str, keys: &Path, number: usize, heard: &Sender<(usize, String)>) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "cluster::a_process_of_the_cluster",
                "--exact",
                "--nocapture",
            ])
            .env(ADDRESS, address)
            .env(KEYS, keys)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let (input, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let heard = heard.clone();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if heard.send((number, line)).is_err() {
                    return;
                }
            }
        });
        Self {
            child,
            input,
            number,
        }
    }

    /// Sends a message. A process that has died takes none.
    fn send(&mut self, session: usize, text: &str) {
        drop(writeln!(self.input, "s{session}\t{text}"));
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }
}

/// A message that is under way.
struct UnderWay {
    session: usize,
    /// The processes that were asked for an answer.
    asked: Vec<usize>,
    began: Instant,
    /// Time at which a process that was asked died.
    bereft: Option<Instant>,
}

#[derive(Debug, Default)]
struct Figures {
    kills: usize,
    stops: usize,
    sent_again: usize,
    tried_again: usize,
    repeated: usize,
    latencies: Vec<Duration>,
    recoveries: Vec<Duration>,
    locked: Vec<String>,
}

struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap_or(usize::MAX) % limit
    }
}

struct Cluster {
    server: Server,
    address: String,
    folder: tempfile::TempDir,
    random: Random,
    processes: Vec<Process>,
    started: usize,
    heard: Receiver<(usize, String)>,
    speakers: Sender<(usize, String)>,
    /// Number of messages of each session.
    sent: Vec<usize>,
    idle: Vec<usize>,
    under_way: HashMap<String, UnderWay>,
    dead: HashMap<u32, Instant>,
    figures: Figures,
}

impl Cluster {
    fn new(server: Server) -> Self {
        let (speakers, heard) = channel();
        let mut cluster = Self {
            address: server.address("postgres"),
            server,
            folder: tempfile::tempdir().unwrap(),
            random: Random(0x2545_f491_4f6c_dd1d),
            processes: Vec::new(),
            started: 0,
            heard,
            speakers,
            sent: vec![0; SESSIONS],
            idle: (0..SESSIONS).collect(),
            under_way: HashMap::new(),
            dead: HashMap::new(),
            figures: Figures::default(),
        };
        for _ in 0..PROCESSES {
            cluster.start();
        }
        cluster
    }

    fn start(&mut self) {
        self.started += 1;
        let keys = self.folder.path().join("keys");
        let process = Process::start(&self.address, &keys, self.started, &self.speakers);
        self.processes.push(process);
    }

    /// Sends messages to sessions that wait for none, some of them to two processes.
    fn send(&mut self) {
        while self.under_way.len() < UNDER_WAY && !self.idle.is_empty() {
            let session = self.random.below(self.idle.len());
            let session = self.idle.swap_remove(session);
            let text = format!("s{session} m{}", self.sent[session]);
            self.sent[session] += 1;
            let mut asked = Vec::new();
            for _ in 0..1 + usize::from(self.random.below(20) == 0) {
                let process = self.random.below(self.processes.len());
                self.processes[process].send(session, &text);
                asked.push(self.processes[process].number);
            }
            let message = UnderWay {
                session,
                asked,
                began: Instant::now(),
                bereft: None,
            };
            self.under_way.insert(text, message);
        }
    }

    /// Hears what the processes say, for so long.
    fn hear(&mut self, time: Duration) {
        let end = Instant::now() + time;
        while let Some(left) = end.checked_duration_since(Instant::now()) {
            let Ok((_, line)) = self.heard.recv_timeout(left) else {
                return;
            };
            let mut words = line.split('\t');
            let (word, text, answer) = (words.next(), words.next(), words.next());
            let (Some(word), Some(text), Some(answer)) = (word, text, answer) else {
                continue;
            };
            match word {
                "again" => self.figures.tried_again += 1,
                "done" | "repeated" => {
                    self.figures.repeated += usize::from(word == "repeated");
                    assert_eq!(answer, format!("answer to {text}"));
                    if let Some(message) = self.under_way.remove(text) {
                        self.figures.latencies.push(message.began.elapsed());
                        self.figures
                            .recoveries
                            .extend(message.bereft.map(|at| at.elapsed()));
                        self.idle.push(message.session);
                    }
                }
                "failed" => panic!("{line}"),
                _ => {}
            }
        }
    }

    fn kill(&mut self) {
        let victim = self.random.below(self.processes.len());
        let mut victim = self.processes.swap_remove(victim);
        self.figures.kills += 1;
        victim.child.kill().unwrap();
        victim.child.wait().unwrap();
        self.dead.insert(victim.child.id(), Instant::now());
        self.start();
        self.send_again(victim.number);
    }

    /// What a process was asked that gives no answer any more is asked another one.
    fn send_again(&mut self, dead: usize) {
        let bereft = self
            .under_way
            .iter()
            .filter(|(_, message)| message.asked.contains(&dead));
        let texts: Vec<String> = bereft.map(|(text, _)| text.clone()).collect();
        for text in texts {
            let process = self.random.below(self.processes.len());
            let process = &mut self.processes[process];
            if let Some(message) = self.under_way.get_mut(&text) {
                message.bereft.get_or_insert_with(Instant::now);
                message.asked.push(process.number);
                process.send(message.session, &text);
                self.figures.sent_again += 1;
            }
        }
    }

    /// Stops a process for longer than its leases last, and has others asked meanwhile.
    fn stop(&mut self) {
        let victim = self.random.below(self.processes.len());
        let number = self.processes[victim].number;
        self.figures.stops += 1;
        self.processes[victim].signal(Signal::STOP);
        self.send_again(number);
        let end = Instant::now() + LEASE + LEASE / 2;
        while Instant::now() < end {
            self.send();
            self.hear(Duration::from_millis(50));
        }
        self.processes[victim].signal(Signal::CONT);
    }

    fn restart(&mut self) {
        self.server.stop("INT");
        self.hear(Duration::from_millis(500));
        self.server.start_again();
    }
}

fn seconds() -> u64 {
    let seconds = std::env::var(SECONDS).ok();
    seconds.map_or(10, |seconds| seconds.parse().unwrap())
}

#[test]
fn a_cluster_that_loses_processes_and_its_server_answers_everything_once() {
    let Some(server) = Server::alone() else {
        return;
    };
    let mut cluster = Cluster::new(server);
    let runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = { runtime }.worker_threads(1).enable_all().build().unwrap();
    let (began, length) = (Instant::now(), Duration::from_secs(seconds()));
    let (mut next, mut round, mut is_restarted) = (began + DEATHS, 0, false);
    while began.elapsed() < length {
        cluster.send();
        cluster.hear(Duration::from_millis(50));
        cluster.look_for_locks(&runtime);
        if !is_restarted && began.elapsed() > length / 2 {
            is_restarted = true;
            cluster.restart();
        }
        if Instant::now() > next {
            next += DEATHS;
            round += 1;
            match round % 8 {
                3 => cluster.stop(),
                _ => cluster.kill(),
            }
        }
    }
    let end = Instant::now();
    while !cluster.under_way.is_empty() {
        let waits: Vec<_> = cluster.under_way.keys().collect();
        assert!(
            end.elapsed() < Duration::from_secs(60),
            "without an answer: {waits:?}"
        );
        cluster.hear(Duration::from_millis(50));
        cluster.look_for_locks(&runtime);
    }
    cluster.finish(&runtime, began.elapsed());
}

impl Cluster {
    /// Looks for sessions that a process holds which has died for longer than its leases last.
    fn look_for_locks(&mut self, runtime: &tokio::runtime::Runtime) {
        let dead: Vec<u32> = self
            .dead
            .iter()
            .filter(|(_, at)| at.elapsed() > LEASE + Duration::from_millis(500))
            .map(|(process, _)| *process)
            .collect();
        if dead.is_empty() {
            return;
        }
        let _entered = runtime.enter();
        let held = runtime.block_on(async {
            let database = Database::open(&self.address).await.ok()?;
            let store = database.session_store();
            let mut held = Vec::new();
            for turn in store.open_turns().await.ok()? {
                let standing = store.standing(&turn.session).await.ok()??;
                held.extend(standing.lease.filter(|lease| !lease.has_run_out()));
            }
            database.close().await;
            Some(held)
        });
        for lease in held.into_iter().flatten() {
            let name = &lease.owner.name;
            if dead
                .iter()
                .any(|process| *name == format!("process {process}"))
            {
                self.figures.locked.push(name.clone());
            }
        }
    }

    /// Ends the processes, and checks what is there.
    fn finish(mut self, runtime: &tokio::runtime::Runtime, time: Duration) {
        for mut process in self.processes.drain(..) {
            drop(process.input);
            process.child.wait().unwrap();
        }
        let database = runtime.block_on(Database::open(&self.address)).unwrap();
        let store = database.session_store();
        let open = runtime.block_on(store.open_turns()).unwrap();
        assert!(open.is_empty(), "every turn has come to its end: {open:?}");
        let mut keys = lines(&self.folder.path().join("keys"));
        let done = keys.len();
        keys.sort();
        keys.dedup();
        assert_eq!(keys.len(), done, "a tool has run twice");
        let mut interrupted = 0;
        for (session, sent) in self.sent.iter().enumerate().filter(|(_, sent)| **sent > 0) {
            let id = SessionId::new(format!("s{session}"));
            let entries = runtime.block_on(store.load(&id, 0)).unwrap();
            let messages: Messages = entries.iter().map(|entry| entry.message.clone()).collect();
            messages.validate().unwrap();
            let mut turns: BTreeMap<_, usize> = BTreeMap::new();
            let mut questions = Vec::new();
            let mut answers = Vec::new();
            for entry in &entries {
                *turns.entry(entry.turn).or_default() += 1;
                let message = &entry.message;
                let failed = message.tool_results().filter(|result| result.is_error());
                interrupted += failed.count();
                match message.role() {
                    Role::User => questions.push(message.text().into_owned()),
                    Role::Assistant if message.tool_calls().next().is_none() => {
                        answers.push(message.text().into_owned());
                    }
                    _ => {}
                }
            }
            let expected: Vec<_> = (0..*sent)
                .map(|number| format!("s{session} m{number}"))
                .collect();
            assert_eq!(questions, expected, "each message once and in order");
            let expected: Vec<_> = expected
                .iter()
                .map(|text| format!("answer to {text}"))
                .collect();
            assert_eq!(answers, expected, "each answer once and in order");
            assert!(turns.values().all(|count| *count == 4), "{turns:?}");
        }
        let figures = &mut self.figures;
        assert_eq!(
            figures.locked,
            Vec::<String>::new(),
            "locked for longer than a lease"
        );
        let sent: usize = self.sent.iter().sum();
        assert!(figures.kills > 0 && sent > 50 && done + interrupted >= sent);
        report(figures, time, sent, done, interrupted);
    }
}

fn report(figures: &mut Figures, time: Duration, sent: usize, done: usize, interrupted: usize) {
    let part = |times: &mut Vec<Duration>, part: usize| {
        times.sort();
        let place = (times.len() * part / 1_000).min(times.len().saturating_sub(1));
        times.get(place).map_or(0, Duration::as_millis)
    };
    let text = format!(
        "{{\"seconds\":{},\"processes\":{PROCESSES},\"sessions\":{SESSIONS},\"kills\":{},\"stops\":{},\"server_restarts\":1,\
         \"messages\":{sent},\"answered_once\":{sent},\"lost\":0,\"doubled\":0,\"tool_runs\":{done},\"tool_runs_doubled\":0,\
         \"tool_calls_cut_off\":{interrupted},\"sent_again\":{},\"tried_again\":{},\"told_again\":{},\
         \"latency_ms\":{{\"p50\":{},\"p99\":{},\"max\":{}}},\"recovery_ms\":{{\"p50\":{},\"p99\":{},\"max\":{}}},\
         \"locked_beyond_lease\":{}}}",
        time.as_secs(),
        figures.kills,
        figures.stops,
        figures.sent_again,
        figures.tried_again,
        figures.repeated,
        part(&mut figures.latencies, 500),
        part(&mut figures.latencies, 990),
        part(&mut figures.latencies, 1_000),
        part(&mut figures.recoveries, 500),
        part(&mut figures.recoveries, 990),
        part(&mut figures.recoveries, 1_000),
        figures.locked.len(),
    );
    if let Some(file) = std::env::var_os("VICTOR_CLUSTER_REPORT") {
        append(Path::new(&file), &text);
    }
}
