//! Victor beside other agent frameworks: what each of them adds to a model that answers at once.
//!
//! ```sh
//! cd benches/peers
//! cargo run --release              # two minutes; `-- --quick` takes half of one
//! ```
//!
//! Every framework does the same jobs through the API that its documentation shows, with a model in the same process
//! that implements its own trait for models. What comes of a job is checked each time, but not timed; neither is what
//! only prepares it.
//!
//! - *turn*: one message, one answer, by the number of messages before it, of 200 characters each.
//! - *tool*: the model asks for a tool, is given its result and answers.
//! - *stream*: an answer of 100 pieces, read to the end; Swiftide hands them to a hook.
//! - *body*: 1,000 messages become the JSON of a request to OpenAI's Chat Completions.
//!
//! How it is kept fair:
//!
//! - Agents and orchestrators are built once and used for all turns. Swiftide's agent is one conversation, so there a
//!   new one is made for each turn, untimed; reading the answer, which `query` does not return, is not timed either.
//! - No framework is given a system prompt.
//! - A history is copied where the framework's own API does so, and not otherwise.
//! - Victor checks the messages that are new to it. In the first row all of a history are, before every turn; in the
//!   second, *ongoing*, the last turn was Victor's own. The others keep nothing between turns that would matter.
//! - Where the types of a request are not public, a body is timed with the call it is made in (Victor) or not at all
//!   (Swiftide).
//! - All are built into one program, and with it into the same features of shared dependencies, such as maps of
//!   `serde_json` that keep their order.
//!
//! This is a workspace of its own, and not built by the checks: other frameworks' dependencies have no place in ours.

mod bench;
mod rig_042;
mod rig_044;
mod swiftide;
mod victor;

use std::time::Duration;

use bench::Bench;

/// The lengths of history before a turn.
const TURNS: [usize; 4] = [0, 10, 100, 1_000];

/// The lengths of history before a turn with a tool call.
const TOOLS: [usize; 2] = [0, 1_000];

/// The messages of a request's body.
const BODY: usize = 1_000;

/// The pieces of a streamed answer.
const PIECES: usize = 100;

const QUESTION: &str = "What are two and two?";
const ANSWER: &str = "Four.";
const PIECE: &str = "four ";

/// The tool, and how it is called.
const ADD: &str = "add";
const ADDS: &str = "Adds two numbers.";
const ARGUMENTS: &str = r#"{"a":2,"b":2}"#;

/// What the model does when it is asked.
#[derive(Debug, Clone, Copy)]
enum Script {
    /// Answers.
    Answer,
    /// Asks for the tool, and answers once there is a result.
    Tool,
    /// Answers in pieces.
    Pieces,
}

impl Script {
    /// How many messages a turn adds: those of the user and the assistant, and what the tool was asked and said.
    fn added(self) -> usize {
        if let Script::Tool = self { 4 } else { 2 }
    }
}

/// The arguments of the tool, where a framework reads them.
#[derive(serde::Deserialize)]
struct Numbers {
    a: i64,
    b: i64,
}

/// What a framework took for the jobs.
struct Row {
    name: &'static str,
    turns: [Duration; 4],
    tools: [Duration; 2],
    stream: Option<Duration>,
    body: Option<Duration>,
}

impl Row {
    /// Takes the time of a turn by what the model does and the length of the history.
    fn new(
        name: &'static str,
        turn: impl Fn(Script, usize) -> Duration,
        stream: Option<Duration>,
        body: Option<Duration>,
    ) -> Self {
        let turns = TURNS.map(|length| turn(Script::Answer, length));
        let tools = TOOLS.map(|length| turn(Script::Tool, length));
        Self {
            name,
            turns,
            tools,
            stream,
            body,
        }
    }

    fn cells(&self) -> impl Iterator<Item = Option<Duration>> {
        let timed = self.turns.into_iter().chain(self.tools);
        timed.map(Some).chain([self.stream, self.body])
    }
}

/// The arguments of the tool.
fn schema() -> serde_json::Value {
    serde_json::json!({
        "type": "object",
        "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
        "required": ["a", "b"],
    })
}

/// The text of a message of a history.
fn text(n: usize) -> String {
    format!(
        "{n:<4}{}",
        "Two and two are four, said the carpenter. ".repeat(5)
    )[..200]
        .to_owned()
}

/// A history of messages of a framework's own, of the user and the assistant in turns.
fn history<M>(
    length: usize,
    user: impl Fn(String) -> M,
    assistant: impl Fn(String) -> M,
) -> Vec<M> {
    let message = |n| {
        if n % 2 == 0 {
            user(text(n))
        } else {
            assistant(text(n))
        }
    };
    (0..length).map(message).collect()
}

/// How many messages a request's body has.
fn messages_in(body: &[u8]) -> usize {
    let body: serde_json::Value = serde_json::from_slice(body).expect("JSON");
    body["messages"].as_array().map_or(0, Vec::len)
}

fn main() {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let bench = Bench::new(Duration::from_millis(if quick { 600 } else { 3_500 }));
    let peers = [
        victor::row,
        victor::ongoing,
        rig_042::row,
        rig_044::row,
        swiftide::row,
    ];
    let rows = peers.map(|row| row(&bench));
    let turns = TURNS.map(|length| format!("turn, {length}"));
    let tools = TOOLS.map(|length| format!("tool, {length}"));
    let others = [format!("stream of {PIECES}"), format!("body, {BODY}")];
    let heads: Vec<_> = turns.into_iter().chain(tools).chain(others).collect();
    println!("Microseconds, and how many times Victor's.\n");
    println!("| | {} |", heads.join(" | "));
    println!("|---|{}", "---:|".repeat(heads.len()));
    for row in &rows {
        let cells = row
            .cells()
            .zip(rows[0].cells())
            .map(|(cell, ours)| match (cell, ours) {
                (Some(cell), Some(ours)) => {
                    let times = cell.as_secs_f64() / ours.as_secs_f64();
                    format!("{:.1} ({times:.1}×)", cell.as_secs_f64() * 1e6)
                }
                _ => "–".to_owned(),
            });
        println!(
            "| {} | {} |",
            row.name,
            cells.collect::<Vec<_>>().join(" | ")
        );
    }
}
