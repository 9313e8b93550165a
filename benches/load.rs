//! Ten thousand conversations at once with a model API on this machine, by Victor and by a bare HTTP client.
//!
//! `load` prints a JSON object of what it measured. It starts a server in a process of its own that streams every
//! answer in pieces, as a model does, and has 10,000 clients ask it one after the other question each, all at once:
//! first in a loop that sends the same bytes with `reqwest` and reads the answers without looking at them, then through
//! Victor, and so on in turn. `--quick` does it with fewer rounds.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program talks through these"
)]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, sleep_until};
use victor_core::ModelId;
use victor_http::Bytes;
use victor_openai::{OpenAiProvider, Server};
use victor_orchestrator::provider::{
    Capabilities, ChatProvider, ChatRequest, CompletionStream, ProviderError,
};

use benches::{ByteModel, QUESTION, orchestrator};

/// How many converse at once. Each needs one open file here and one in the server.
const CLIENTS: usize = 10_000;

/// How many questions each asks in a round.
const QUESTIONS: usize = 3;

/// In how many pieces the server answers, and how long it takes: as a model that is quick.
const PIECES: usize = 20;
const ANSWER_TIME: Duration = Duration::from_secs(4);

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["serve"] => runtime.block_on(serve()),
        [] => runtime.block_on(measure(3)),
        ["--quick"] => runtime.block_on(measure(1)),
        _ => {
            eprintln!("usage: load [--quick]");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

/// Measures both, in turn, and prints the medians of the ratios.
async fn measure(rounds: usize) {
    let (mut server, url) = start_server();
    let bodies = bodies(&url).await;
    let mut ratios = Vec::new();
    for round in 1..=rounds {
        let bare = bare(&url, &bodies).await;
        eprintln!("round {round} of {rounds}: bare   {bare}");
        let victor = victor(&url).await;
        eprintln!("round {round} of {rounds}: victor {victor}");
        ratios.push((bare, victor));
    }
    server.kill().expect("the server runs");
    let median = |of: &dyn Fn(&Load, &Load) -> f64| {
        let mut values: Vec<f64> = ratios
            .iter()
            .map(|(bare, victor)| of(bare, victor))
            .collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    let measures = BTreeMap::from([
        ("load/bare_per_second", median(&|bare, _| bare.per_second)),
        ("load/per_second", median(&|_, victor| victor.per_second)),
        (
            "load/throughput",
            median(&|bare, victor| victor.per_second / bare.per_second),
        ),
        (
            "load/p99",
            median(&|bare, victor| victor.p99.as_secs_f64() / bare.p99.as_secs_f64()),
        ),
        (
            "load/cpu",
            median(&|bare, victor| victor.cpu.as_secs_f64() / bare.cpu.as_secs_f64()),
        ),
    ]);
    println!(
        "{}",
        serde_json::to_string_pretty(&measures).expect("names and numbers")
    );
}

/// What came of one round.
struct Load {
    per_second: f64,
    p99: Duration,
    /// How long this process computed.
    cpu: Duration,
}

impl std::fmt::Display for Load {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{:.0} answers a second, p99 {:.2?}, {:.2?} of computing",
            self.per_second, self.p99, self.cpu
        )
    }
}

/// Has all clients ask their questions, spread over the time of one answer, and measures how long every answer took.
async fn load<A, F>(clients: impl ExactSizeIterator<Item = A>) -> Load
where
    A: FnMut(usize) -> F + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let (began, cpu) = (Instant::now(), cpu_time());
    let mut tasks = JoinSet::new();
    let count = u32::try_from(clients.len()).unwrap_or(u32::MAX);
    for (number, mut ask) in (0_u32..).zip(clients) {
        tasks.spawn(async move {
            sleep(ANSWER_TIME * number / count).await;
            let mut times = Vec::with_capacity(QUESTIONS);
            for question in 0..QUESTIONS {
                let began = Instant::now();
                ask(question).await;
                times.push(began.elapsed());
            }
            times
        });
    }
    let mut times: Vec<Duration> = tasks.join_all().await.into_iter().flatten().collect();
    let took = began.elapsed();
    times.sort();
    #[expect(clippy::cast_precision_loss, reason = "there are some thousands")]
    let answers = times.len() as f64;
    Load {
        per_second: answers / took.as_secs_f64(),
        p99: times[times.len() * 99 / 100],
        cpu: cpu_time() - cpu,
    }
}

/// The load by a loop that sends the same bytes and reads the answers without looking at them.
async fn bare(url: &str, bodies: &Arc<[Bytes]>) -> Load {
    let client = reqwest::Client::builder()
        .no_proxy()
        .build()
        .expect("a client");
    let url = format!("{url}/v1/chat/completions");
    let ask = |_| {
        let (client, url, bodies) = (client.clone(), url.clone(), bodies.clone());
        move |question: usize| {
            let request = client
                .post(&url)
                .header("content-type", "application/json")
                .body(bodies[question].clone());
            async move {
                let mut response = request.send().await.expect("an answer");
                while response.chunk().await.expect("a piece").is_some() {}
            }
        }
    };
    load((0..CLIENTS).map(ask)).await
}

/// The load by conversations of one orchestrator.
async fn victor(url: &str) -> Load {
    let orchestrator = orchestrator(provider(url));
    let ask = |client: usize| {
        let session = orchestrator.session(format!("client {client}"));
        move |_: usize| {
            let session = session.clone();
            async move {
                let answer = session.chat(QUESTION).await.expect("an answer");
                assert!(answer.content().ends_with(&format!("word{}", PIECES - 1)));
            }
        }
    };
    load((0..CLIENTS).map(ask)).await
}

fn provider(url: &str) -> OpenAiProvider {
    let builder = OpenAiProvider::builder()
        .server(Server::OLLAMA)
        .base_url(format!("{url}/v1"));
    builder.build().expect("nothing is missing")
}

/// What Victor sends for the questions of one conversation.
async fn bodies(url: &str) -> Arc<[Bytes]> {
    let copied = Arc::<Mutex<Vec<Bytes>>>::default();
    let session = orchestrator(Copying(provider(url), copied.clone())).session("copied");
    for _ in 0..QUESTIONS {
        session.chat(QUESTION).await.expect("an answer");
    }
    let copied = copied.lock().unwrap_or_else(PoisonError::into_inner);
    copied.iter().cloned().collect()
}

/// A provider that keeps what it sends.
#[derive(Debug)]
struct Copying(OpenAiProvider, Arc<Mutex<Vec<Bytes>>>);

#[async_trait]
impl ChatProvider for Copying {
    fn name(&self) -> &str {
        self.0.name()
    }

    async fn stream_chat(&self, request: &ChatRequest) -> Result<CompletionStream, ProviderError> {
        let body = self.0.request_body(request, true)?.to_bytes();
        let copied = || self.1.lock().unwrap_or_else(PoisonError::into_inner);
        copied().push(body);
        self.0.stream_chat(request).await
    }

    fn capabilities(&self, model: &ModelId) -> Capabilities {
        self.0.capabilities(model)
    }
}

/// How long all threads of this process have computed; unknown, and none, where there is no `/proc`.
fn cpu_time() -> Duration {
    // Behind the name of the program, which ends with a bracket, the 12th and 13th fields are ticks of 10 ms.
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace();
    let ticks = fields
        .skip(11)
        .take(2)
        .filter_map(|field| field.parse::<u64>().ok());
    Duration::from_millis(10 * ticks.sum::<u64>())
}

/// Starts the server in a process of its own, so that its open files do not count here.
fn start_server() -> (Child, String) {
    let program = std::env::current_exe().expect("this program");
    let mut command = Command::new(program);
    let mut server = command
        .arg("serve")
        .stdout(Stdio::piped())
        .spawn()
        .expect("the server starts");
    let mut url = String::new();
    let stdout = server.stdout.take().expect("it is piped");
    BufReader::new(stdout)
        .read_line(&mut url)
        .expect("the server says where it is");
    (server, url.trim().to_owned())
}

/// Answers every request with the same stream of pieces, until it is killed.
async fn serve() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    println!("http://{}", listener.local_addr().expect("an address"));
    let model = ByteModel::new(PIECES);
    let events = std::str::from_utf8(model.bytes()).expect("events are text");
    let chunk = |event: &str| format!("{:x}\r\n{event}\r\n", event.len()).into_bytes();
    let mut pieces: Vec<Vec<u8>> = events.split_inclusive("\n\n").map(chunk).collect();
    pieces.push(b"0\r\n\r\n".to_vec());
    let pieces: Arc<[Vec<u8>]> = pieces.into();
    loop {
        if let Ok((connection, _)) = listener.accept().await {
            tokio::spawn(answer(connection, pieces.clone()));
        }
    }
}

/// Answers the requests of one connection, one after the other, until it is closed.
async fn answer(mut connection: TcpStream, pieces: Arc<[Vec<u8>]>) -> Option<()> {
    const HEAD: &[u8] =
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
    connection.set_nodelay(true).ok()?;
    let mut read = Vec::new();
    loop {
        let whole = loop {
            if let Some(length) = request_length(&read).filter(|length| *length <= read.len()) {
                break length;
            }
            if connection.read_buf(&mut read).await.ok()? == 0 {
                return None;
            }
        };
        read.drain(..whole);
        let began = tokio::time::Instant::now();
        connection.write_all(HEAD).await.ok()?;
        for (number, piece) in (1_u32..).zip(pieces.iter()) {
            let count = u32::try_from(pieces.len()).unwrap_or(u32::MAX);
            sleep_until(began + ANSWER_TIME * number / count).await;
            connection.write_all(piece).await.ok()?;
        }
    }
}

/// How long the request is that begins here, once its head is whole.
fn request_length(read: &[u8]) -> Option<usize> {
    let head = read.windows(4).position(|end| end == b"\r\n\r\n")? + 4;
    let text = std::str::from_utf8(&read[..head])
        .ok()?
        .to_ascii_lowercase();
    let length = text
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"))?;
    Some(head + length.trim().parse::<usize>().ok()?)
}
