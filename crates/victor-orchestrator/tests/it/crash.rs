//! A process that talks with tools is killed again and again, at any moment; the next one goes on.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use victor_core::{Messages, Part, SessionId, ToolCall, ToolSpec, Usage};
use victor_orchestrator::chat::TurnOutcome;
use victor_orchestrator::core::ModelId;
use victor_orchestrator::provider::{
    Capabilities, ChatProvider, ChatRequest, Completion, CompletionEvent, CompletionStream,
    ProviderError,
};
use victor_orchestrator::session::SessionStore as _;
use victor_orchestrator::tool::{Tool, ToolContext, ToolError, ToolOutput};
use victor_orchestrator::{AgentOrchestrator, RecoveredTurn, RecoveryPolicy, Session};
use victor_sql::Database;

/// How often the process is killed.
const KILLS: u32 = 300;

/// Names the folder to the process that is to be killed.
const FOLDER: &str = "VICTOR_CRASH_FOLDER";

/// How many turns the process works before it ends by itself; without end if absent.
const TURNS: &str = "VICTOR_CRASH_TURNS";

/// Calls two tools, then one, then answers, whatever process it is asked in.
#[derive(Debug)]
pub(crate) struct Model;

#[async_trait]
impl ChatProvider for Model {
    fn name(&self) -> &str {
        "by heart"
    }

    async fn chat(&self, request: &ChatRequest) -> Result<Completion, ProviderError> {
        tokio::time::sleep(Duration::from_millis(1)).await;
        let messages = request.context.messages();
        let of_turn = messages
            .iter()
            .rev()
            .take_while(|message| *message.role() != victor_core::Role::User);
        let results: usize = of_turn.map(|message| message.tool_results().count()).sum();
        let call = |id: &str| {
            Part::from(ToolCall::new(
                id,
                "append",
                json!({ "n": messages.len() }).to_string(),
            ))
        };
        let parts = match results {
            0 => vec![call("a"), call("b")],
            2 => vec![Part::text("and once more"), call("c")],
            _ => vec![Part::text("done")],
        };
        Ok(Completion::new("m".into(), parts, Usage::new(10, 1)))
    }

    async fn stream_chat(&self, request: &ChatRequest) -> Result<CompletionStream, ProviderError> {
        let completion = self.chat(request).await?;
        Ok(CompletionStream::new(crate::once(Ok(
            CompletionEvent::finished(completion),
        ))))
    }

    fn capabilities(&self, _: &ModelId) -> Capabilities {
        Capabilities::default()
    }
}

/// Appends the key of each call to a file.
#[derive(Debug)]
pub(crate) struct Append {
    pub(crate) spec: ToolSpec,
    pub(crate) file: PathBuf,
}

#[async_trait]
impl Tool for Append {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(&self, cx: &ToolContext, _: Value) -> Result<ToolOutput, ToolError> {
        tokio::time::sleep(Duration::from_millis(1)).await;
        append(&self.file, &cx.idempotency_key);
        Ok("appended".into())
    }
}

/// Appends a line at once, which is there whatever happens to the process.
pub(crate) fn append(file: &Path, line: &str) {
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(file)
        .unwrap();
    file.write_all(format!("{line}\n").as_bytes()).unwrap();
}

pub(crate) fn lines(file: &Path) -> Vec<String> {
    let text = fs::read_to_string(file).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

struct Place {
    keys: PathBuf,
    told: PathBuf,
    database: PathBuf,
}

impl Place {
    fn of(folder: &Path) -> Self {
        Self {
            keys: folder.join("keys"),
            told: folder.join("told"),
            database: folder.join("victor.db"),
        }
    }

    async fn open(&self) -> Session {
        let database = Database::open(self.database.to_str().unwrap())
            .await
            .unwrap();
        let schema = json!({ "type": "object", "properties": { "n": { "type": "integer" } } });
        let tool = Append {
            spec: ToolSpec::new("append", "Appends", schema),
            file: self.keys.clone(),
        };
        let orchestrator = AgentOrchestrator::builder()
            .provider(Arc::new(Model))
            .model("m")
            .session_store(database.session_store())
            .receipt_store(database.receipt_store())
            .checkpoint_store(database.checkpoint_store())
            .tool(Arc::new(tool))
            .build()
            .unwrap();
        orchestrator.session("s")
    }
}

/// What the process does that is killed. Without a folder it is nothing but the other half of the test below.
#[tokio::test]
async fn the_process_that_is_killed() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    let turns = std::env::var(TURNS)
        .ok()
        .and_then(|turns| turns.parse().ok())
        .unwrap_or(u32::MAX);
    let place = Place::of(Path::new(&folder));
    let session = place.open().await;
    writeln!(std::io::stdout(), "ready").unwrap();
    for recovered in session
        .orchestrator()
        .recover(RecoveryPolicy::Resume)
        .await
        .unwrap()
    {
        let RecoveredTurn::Ended(response) = recovered.result else {
            panic!("a turn was not taken up: {:?}", recovered.result)
        };
        assert_eq!(response.outcome, TurnOutcome::Completed);
        append(&place.told, &response.turn.to_string());
    }
    for _ in 0..turns {
        let response = session.chat("append").await.unwrap();
        assert_eq!(response.outcome, TurnOutcome::Completed);
        append(&place.told, &response.turn.to_string());
    }
}

fn start(folder: &Path, turns: Option<u32>) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args([
            "crash::the_process_that_is_killed",
            "--exact",
            "--nocapture",
            "--test-threads=1",
        ])
        .env(FOLDER, folder)
        .stdout(Stdio::piped());
    if let Some(turns) = turns {
        command.env(TURNS, turns.to_string());
    }
    command.spawn().unwrap()
}

#[test]
fn a_process_that_is_killed_at_any_moment_loses_nothing_and_does_nothing_twice() {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::of(folder.path());
    let mut random = 0x2545_f491_4f6c_dd1d_u64;
    for _ in 0..KILLS {
        let mut child = start(folder.path(), None);
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        while !line.contains("ready") {
            line.clear();
            assert_ne!(
                output.read_line(&mut line).unwrap(),
                0,
                "the process ended by itself"
            );
        }
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        std::thread::park_timeout(Duration::from_micros(random % 50_000));
        child.kill().unwrap();
        let status = child.wait().unwrap();
        assert!(
            status.code().is_none(),
            "the process failed before it was killed: {status}"
        );
    }
    let status = start(folder.path(), Some(2)).wait().unwrap();
    assert!(status.success());

    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let entries = runtime.block_on(async {
        let database = Database::open(place.database.to_str().unwrap())
            .await
            .unwrap();
        let store = database.session_store();
        assert!(
            store.open_turns().await.unwrap().is_empty(),
            "every turn has come to its end"
        );
        store.load(&SessionId::new("s"), 0).await.unwrap()
    });
    let messages: Messages = entries.iter().map(|entry| entry.message.clone()).collect();
    messages.validate().unwrap();

    // What was told is there.
    let turns: Vec<_> = entries
        .iter()
        .filter_map(|entry| entry.turn)
        .map(|turn| turn.to_string())
        .collect();
    let told = lines(&place.told);
    assert!(told.len() > 20, "{} turns", told.len());
    assert!(told.iter().all(|turn| turns.contains(turn)));

    // Nothing was done twice, and what is said to be done was.
    let mut times: BTreeMap<String, u32> = BTreeMap::new();
    for key in lines(&place.keys) {
        *times.entry(key).or_default() += 1;
    }
    assert!(times.values().all(|times| *times == 1), "{times:?}");
    let calls: BTreeMap<_, _> = messages
        .iter()
        .flat_map(|message| message.tool_calls())
        .map(|call| (call.id.clone(), call.idempotency_key.clone()))
        .collect();
    assert!(!calls.is_empty());
    let mut interrupted = 0;
    let mut keys_of_turn = Vec::new();
    for message in &messages {
        keys_of_turn.extend(
            message
                .tool_calls()
                .map(|call| call.idempotency_key.clone()),
        );
        for result in message.tool_results() {
            let key = keys_of_turn.remove(0);
            if result.is_error() {
                interrupted += 1;
            } else {
                assert_eq!(times.get(&key), Some(&1), "call {key} is said to have run");
            }
        }
    }
    assert!(interrupted > 0, "no call was ever killed while it ran");
}
