//! A server of two dialects that fails in every way, and counts what it has told.
//!
//! Whether and how a request fails is a hash of the seed, of what it asks for and of how often that was asked for, so
//! that every run is the same but for the order in which the sessions come.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::{BuildHasher as _, BuildHasherDefault, DefaultHasher, Hash};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use victor_testkit::{ApiRequest, FakeApi, Reply};

const SEED: u64 = 16;

/// The longest silence that a client is to bear. Long, since a busy machine must not be taken for a stall.
pub(super) const STALL: Duration = Duration::from_secs(2);

/// A number that is the same in every run.
pub(super) fn random(what: impl Hash) -> u64 {
    BuildHasherDefault::<DefaultHasher>::default().hash_one((SEED, what))
}

/// The attempts of a session as the server has seen them, and the tokens that it has told.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Counts {
    /// Requests that it did not begin to answer.
    pub(super) refused: u64,
    /// Answers that ended before it told their tokens.
    pub(super) cut_off: u64,
    /// Answers of which it has told tokens, and those tokens.
    pub(super) reported: u64,
    pub(super) input: u64,
    pub(super) output: u64,
}

#[derive(Debug)]
pub(super) struct ChaosServer {
    api: FakeApi,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Debug, Default)]
struct Seen {
    /// How often the same was asked for.
    asked: HashMap<(String, String, bool), u64>,
    counts: BTreeMap<String, Counts>,
    /// The tool calls that were sent whole, and can be run.
    calls: BTreeSet<String>,
    requests: u64,
}

impl ChaosServer {
    pub(super) async fn start() -> Self {
        let seen = Arc::<Mutex<Seen>>::default();
        let shared = seen.clone();
        let api = FakeApi::start(move |request| shared.lock().unwrap().answer(request)).await;
        Self {
            api: api.unwrap(),
            seen,
        }
    }

    pub(super) fn url(&self) -> &str {
        self.api.url()
    }

    pub(super) fn counts(&self) -> BTreeMap<String, Counts> {
        self.seen.lock().unwrap().counts.clone()
    }

    pub(super) fn calls(&self) -> BTreeSet<String> {
        self.seen.lock().unwrap().calls.clone()
    }
}

/// An answer that is to be given, or to be broken.
struct Answer {
    is_anthropic: bool,
    /// The events before the one that says why the model stops.
    events: Vec<Value>,
    /// The events from that one on.
    end: Vec<Value>,
    input: u64,
}

/// The tokens of every answer.
const OUTPUT: u64 = 5;

impl Seen {
    fn answer(&mut self, request: &ApiRequest) -> Reply {
        let body = &request.body;
        // The last message of the person names the session and the turn.
        let Some((_, rest)) = body.rsplit_once("[chaos ") else {
            // The client went away before it had asked.
            return Reply::unsent();
        };
        let (named, rest) = rest.split_once(']').unwrap();
        let (session, turn) = named.split_once(' ').unwrap();
        let has_result = rest.contains("tool_call_id") || rest.contains("tool_use_id");
        let key = (session.to_owned(), turn.to_owned(), has_result);
        let times = self.asked.entry(key).or_default();
        *times += 1;
        let dice = (session, turn, has_result, *times);
        self.requests += 1;

        let is_anthropic = request.path.ends_with("/messages");
        let input = 10 + body.len() as u64 / 80;
        let fault = random((dice, "fault")) % 100;
        let calls: Vec<_> = match has_result || random((dice, "calls")) % 4 == 0 {
            true => Vec::new(),
            false => (0..1 + random((dice, "two")) % 2)
                .map(|number| format!("call_{session}_{turn}_{}_{number}", self.requests))
                .collect(),
        };
        let mut answer = Answer::new(is_anthropic, input);
        match &calls[..] {
            [] => answer.say("It is noted."),
            calls => calls.iter().for_each(|id| match fault {
                20 | 21 => answer.call(id, "note", "{\"text\": "),
                22 | 23 => answer.call(id, "memo", &json!({ "text": id }).to_string()),
                _ => answer.call(id, "note", &json!({ "text": id }).to_string()),
            }),
        }
        answer.stop(!calls.is_empty());
        let counts = self.counts.entry(session.to_owned()).or_default();

        let refusal = |status: u16, kind: &str, code: &str| {
            let error =
                json!({"type": "error", "error": {"type": kind, "code": code, "message": code}});
            Reply::new(status, "application/json", error.to_string())
        };
        let refused = match fault {
            0 | 1 => Some(
                refusal(429, "rate_limit_error", "slow_down").with_header("retry-after-ms", "3"),
            ),
            2 => Some(
                refusal(429, "rate_limit_error", "slow_down").with_header("retry-after", "0.01"),
            ),
            3 | 4 => Some(refusal(503, "overloaded_error", "busy")),
            5 => Some(
                refusal(529, "overloaded_error", "busy")
                    .with_header("retry-after", "Wed, 21 Oct 2015 07:28:00 GMT"),
            ),
            6 => Some(refusal(429, "insufficient_quota", "insufficient_quota")),
            7 => Some(refusal(401, "authentication_error", "invalid_api_key")),
            8 => Some(refusal(400, "invalid_request_error", "no_such_field")),
            _ => None,
        };
        if let Some(refused) = refused {
            counts.refused += 1;
            return refused;
        }
        // All but the first event of Anthropic's answers come without a count.
        let cut = random((dice, "cut")) as usize % (answer.events.len() + 1);
        // Few, since each takes its time.
        let stalls = random((dice, "stalls")) % 4 == 0;
        let told = is_anthropic && cut > 0;
        match fault {
            9..=19 if !told || (fault == 9 && stalls) || fault > 17 => counts.cut_off += 1,
            9..=19 => {
                counts.reported += 1;
                counts.input += input;
                counts.output += 1;
            }
            _ => {
                counts.reported += 1;
                counts.input += input;
                counts.output += OUTPUT;
            }
        }
        let head = answer.text(&answer.events[..cut]);
        match fault {
            9 if stalls => Reply::events(head).stalled(),
            9..=11 => Reply::events(head).broken(),
            12 | 13 => Reply::events(head),
            14 | 15 => Reply::events(format!("{head}data: {{\"oops\n\n")),
            16 | 17 => Reply::events(head + &answer.error()),
            18 | 19 => Reply::unsent(),
            fault => {
                if !(20..24).contains(&fault) {
                    self.calls.extend(calls);
                }
                let whole = answer.text(&answer.events) + &answer.text(&answer.end);
                let pieces = [whole.len() / 3, whole.len() / 2];
                Reply::events(whole).cut_at(&pieces)
            }
        }
    }
}

impl Answer {
    fn new(is_anthropic: bool, input: u64) -> Self {
        let first = match is_anthropic {
            true => {
                json!({"type": "message_start", "message": {"id": "msg_1", "model": "m", "role": "assistant",
                "content": [], "usage": {"input_tokens": input, "output_tokens": 1}}})
            }
            false => Self::choice(&json!({"role": "assistant", "content": ""}), &Value::Null),
        };
        Self {
            is_anthropic,
            events: vec![first],
            end: Vec::new(),
            input,
        }
    }

    fn choice(delta: &Value, finish: &Value) -> Value {
        json!({"id": "c", "object": "chat.completion.chunk", "model": "m",
            "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})
    }

    /// A block of Anthropic's form.
    fn block(&mut self, block: &Value, delta: &Value) {
        let index = self.events.len() / 3;
        self.events.extend([
            json!({"type": "content_block_start", "index": index, "content_block": block}),
            json!({"type": "content_block_delta", "index": index, "delta": delta}),
            json!({"type": "content_block_stop", "index": index}),
        ]);
    }

    fn say(&mut self, text: &str) {
        match self.is_anthropic {
            true => self.block(
                &json!({"type": "text", "text": ""}),
                &json!({"type": "text_delta", "text": text}),
            ),
            false => self
                .events
                .push(Self::choice(&json!({ "content": text }), &Value::Null)),
        }
    }

    fn call(&mut self, id: &str, name: &str, arguments: &str) {
        match self.is_anthropic {
            true => self.block(
                &json!({"type": "tool_use", "id": id, "name": name, "input": {}}),
                &json!({"type": "input_json_delta", "partial_json": arguments}),
            ),
            false => {
                let call = json!({"index": self.events.len() - 1, "id": id, "type": "function",
                    "function": {"name": name, "arguments": arguments}});
                self.events
                    .push(Self::choice(&json!({"tool_calls": [call]}), &Value::Null));
            }
        }
    }

    fn stop(&mut self, calls: bool) {
        let (input, output) = (self.input, OUTPUT);
        self.end = match self.is_anthropic {
            true => vec![
                json!({"type": "message_delta", "delta": {"stop_reason": if calls { "tool_use" } else { "end_turn" }},
                    "usage": {"output_tokens": output}}),
                json!({"type": "message_stop"}),
            ],
            false => vec![
                Self::choice(
                    &json!({}),
                    &json!(if calls { "tool_calls" } else { "stop" }),
                ),
                json!({"id": "c", "object": "chat.completion.chunk", "model": "m", "choices": [],
                    "usage": {"prompt_tokens": input, "completion_tokens": output, "total_tokens": input + output}}),
            ],
        };
    }

    fn error(&self) -> String {
        let error = json!({"type": "error", "error": {"type": "api_error", "message": "it broke"}});
        self.text(&[error])
    }

    fn text(&self, events: &[Value]) -> String {
        let line = |event: &Value| {
            let kind = event["type"]
                .as_str()
                .filter(|_| self.is_anthropic)
                .map(|kind| format!("event: {kind}\n"));
            format!("{}data: {event}\n\n", kind.unwrap_or_default())
        };
        let mut text: String = events.iter().map(line).collect();
        if !self.is_anthropic
            && events
                .last()
                .is_some_and(|event| event["usage"].is_object())
        {
            text += "data: [DONE]\n\n";
        }
        text
    }
}
