//! A small world for tool calls: tools of every kind that write down when they run, a model with a script, and a person
//! who decides.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Value, json};
use victor_core::{
    Effect, Messages, Part, SessionId, ToolCall, ToolCallId, ToolSpec, Usage, text_of,
};
use victor_orchestrator::chat::{Approval, ChatResponse, TurnEventKind, TurnOutcome, TurnStream};
use victor_orchestrator::config::Settings;
use victor_orchestrator::coordinators::tool::RulePolicy;
use victor_orchestrator::mode::SwitchedBy;
use victor_orchestrator::provider::Completion;
use victor_orchestrator::session::InMemorySessionStore;
use victor_orchestrator::tool::{
    ApprovalScope, Tool, ToolContext, ToolError, ToolLimits, ToolOutput,
};
use victor_orchestrator::{AgentOrchestrator, AgentOrchestratorBuilder};
use victor_testkit::ScriptedModel;

/// What is given in a scenario beside the model's answers.
#[derive(Debug, Clone, Default)]
pub(super) struct Given {
    mode: Option<&'static str>,
    settings: Settings,
    policy: Option<Policy>,
    decisions: &'static str,
    cancel_after: Option<&'static str>,
    switch_before_decision: Option<&'static str>,
    redefine: bool,
    restart: bool,
}

/// Nothing but the tools.
pub(super) fn case() -> Given {
    Given::default()
}

impl Given {
    /// The session is in this mode.
    pub(super) fn mode(self, mode: &'static str) -> Self {
        Self {
            mode: Some(mode),
            ..self
        }
    }

    /// These settings.
    pub(super) fn set(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        change(&mut self.settings);
        self
    }

    /// A person is asked about calls above this effect, and decides so about each in turn: `yes`, `no`, `same`, `tool`.
    pub(super) fn asks_above(self, effect: Effect, decisions: &'static str) -> Self {
        Self {
            policy: Some(Policy::new(effect)),
            decisions,
            ..self
        }
    }

    /// Calls with this `n` are denied by policy.
    pub(super) fn denies(mut self, n: u32) -> Self {
        let policy = self
            .policy
            .take()
            .unwrap_or(Policy::new(Effect::Destructive));
        self.policy = Some(Policy {
            forbidden: Some(n),
            ..policy
        });
        self
    }

    /// The turn is cancelled when this is written down.
    pub(super) fn cancel_after(self, entry: &'static str) -> Self {
        Self {
            cancel_after: Some(entry),
            ..self
        }
    }

    /// The mode is switched while the person thinks.
    pub(super) fn switch_before_decision(self, mode: &'static str) -> Self {
        Self {
            switch_before_decision: Some(mode),
            ..self
        }
    }

    /// The tool `write` becomes another one while the person thinks.
    pub(super) fn redefine_before_decision(self) -> Self {
        Self {
            redefine: true,
            ..self
        }
    }

    /// The person decides in another process.
    pub(super) fn restart_before_decision(self) -> Self {
        Self {
            restart: true,
            ..self
        }
    }
}

/// What is decided about a call, by its effect and its arguments.
#[derive(Debug, Clone)]
struct Policy {
    above: Effect,
    forbidden: Option<u32>,
}

impl Policy {
    fn new(above: Effect) -> Self {
        Self {
            above,
            forbidden: None,
        }
    }

    fn rules(&self) -> RulePolicy {
        let mut rules = vec![json!({ "decision": "allow", "max_effect": self.above })];
        if let Some(n) = self.forbidden {
            let arguments = json!([{ "at": "/n", "equals": n }]);
            rules.insert(
                0,
                json!({ "decision": "deny", "arguments": arguments, "reason": "forbidden" }),
            );
        }
        serde_json::from_value(json!({ "default": "ask", "rules": rules })).unwrap()
    }
}

/// What is written down: `+a` when call `a` begins, `-a` when it ends.
pub(super) type Log = Arc<Mutex<Vec<String>>>;

/// A tool of one kind.
#[derive(Debug)]
struct Probe {
    spec: ToolSpec,
    limits: ToolLimits,
    times: AtomicU32,
    log: Log,
}

impl Probe {
    fn tool(name: &str, effect: Effect, limits: ToolLimits, log: &Log) -> Arc<dyn Tool> {
        let schema = json!({
            "type": "object",
            "properties": { "n": { "type": "integer" } },
            "required": if name == "strict" { json!(["n"]) } else { json!([]) },
        });
        Arc::new(Self {
            spec: ToolSpec::new(name, format!("the tool {name}"), schema).with_effect(effect),
            limits,
            times: AtomicU32::new(0),
            log: log.clone(),
        })
    }
}

#[async_trait]
impl Tool for Probe {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    fn limits(&self) -> ToolLimits {
        self.limits.clone()
    }

    async fn call(&self, cx: &ToolContext, _arguments: Value) -> Result<ToolOutput, ToolError> {
        let write =
            |sign: char, call: &ToolCallId| self.log.lock().unwrap().push(format!("{sign}{call}"));
        write('+', &cx.call);
        let first = self.times.fetch_add(1, Ordering::Relaxed) == 0;
        let seconds = |seconds| tokio::time::sleep(Duration::from_secs(seconds));
        let output = match self.spec.name.as_str() {
            "long" | "alone" | "one" => {
                seconds(2).await;
                Ok("after a while".into())
            }
            "hangs" => std::future::pending().await,
            "alive" => {
                for _ in 0..30 {
                    seconds(10).await;
                    cx.progress("still at it");
                }
                Ok("at last".into())
            }
            "flaky" | "flaky_write" if first => Err(ToolError::failed("it slipped")),
            "busy" if first => Err(ToolError::unavailable("come back later")),
            "broken" => Err(ToolError::failed("it is broken")),
            "misled" => Err(ToolError::InvalidArguments("they make no sense".into())),
            "gone" => Err(ToolError::NotFound("what was asked for".into())),
            "panics" => panic!("bug"),
            "huge" => Ok("0123456789".repeat(20_000).into()),
            _ => Ok("fine".into()),
        };
        write('-', &cx.call);
        output
    }
}

fn tools(log: &Log) -> Vec<Arc<dyn Tool>> {
    use Effect::{Destructive, Idempotent, ReadOnly, Write};
    let plain = ToolLimits::default;
    let tool = |name: &str, effect, limits| Probe::tool(name, effect, limits, log);
    vec![
        tool("read", ReadOnly, plain()),
        tool("put", Idempotent, plain()),
        tool("write", Write, plain()),
        tool("remove", Destructive, plain()),
        tool("strict", ReadOnly, plain()),
        tool("long", ReadOnly, plain()),
        tool("alone", Write, plain().sequential()),
        tool("one", ReadOnly, plain().with_max_concurrent(1)),
        tool(
            "cached",
            ReadOnly,
            plain().with_cache_for(Duration::from_secs(60)),
        ),
        tool("hangs", Write, plain()),
        tool("alive", ReadOnly, plain()),
        tool("flaky", ReadOnly, plain()),
        tool("flaky_write", Write, plain()),
        tool("busy", Write, plain()),
        tool("broken", Write, plain()),
        tool("misled", ReadOnly, plain()),
        tool("gone", ReadOnly, plain()),
        tool("panics", ReadOnly, plain()),
        tool("huge", ReadOnly, plain()),
    ]
}

/// Reads answers: `say ...`, or calls as `id:tool` or `id:tool:arguments`, with blanks between them.
fn script(answers: &[&str]) -> ScriptedModel {
    let answer = |model: ScriptedModel, answer: &&str| match answer.strip_prefix("say ") {
        Some(text) => model.says(text),
        None => {
            let calls = answer.split(' ').map(|call| {
                let mut fields = call.splitn(3, ':');
                let mut field = || fields.next().unwrap_or_default();
                let (id, name, arguments) = (field(), field(), field());
                let arguments = if arguments.is_empty() {
                    "{}"
                } else {
                    arguments
                };
                Part::ToolCall(ToolCall::new(id, name, arguments))
            });
            model.completes(Completion::new(
                "scripted".into(),
                calls.collect(),
                Usage::new(10, 5),
            ))
        }
    };
    answers.iter().fold(ScriptedModel::new(), answer)
}

struct World {
    given: Given,
    log: Log,
    store: Arc<InMemorySessionStore>,
    model: Arc<ScriptedModel>,
    orchestrator: AgentOrchestrator,
}

impl World {
    fn new(given: &Given, answers: &[&str]) -> Self {
        let (log, store) = (Log::default(), Arc::<InMemorySessionStore>::default());
        let model = Arc::new(script(answers));
        let orchestrator = build(given, &log, &store, &model);
        let given = given.clone();
        Self {
            given,
            log,
            store,
            model,
            orchestrator,
        }
    }

    /// Watches a turn to its end, and cancels it when it is to be.
    async fn watch(&self, mut turn: TurnStream) -> ChatResponse {
        let handle = turn.cancel_handle();
        let mut cancelled = false;
        loop {
            let wanted = self.given.cancel_after.filter(|_| !cancelled);
            let reached = async {
                match wanted {
                    Some(entry) => {
                        while !self.log.lock().unwrap().iter().any(|own| own == entry) {
                            tokio::time::sleep(Duration::from_millis(100)).await;
                        }
                    }
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                () = reached => {
                    cancelled = true;
                    handle.cancel();
                }
                event = turn.next() => {
                    let event = event.expect("the last event tells the end").expect("the turn does not fail");
                    if let TurnEventKind::TurnFinished(finished) = event.kind {
                        return *finished.response;
                    }
                }
            }
        }
    }

    async fn run(&mut self) -> ChatResponse {
        let mut decisions = self.given.decisions.split(' ');
        let mut response = self.watch(self.orchestrator.stream_chat("go")).await;
        while response.outcome == TurnOutcome::AwaitingApproval {
            let suspended = response.suspended.expect("it waits");
            let stored = serde_json::to_string(&suspended).unwrap();
            if self.given.restart {
                self.orchestrator = build(&self.given, &self.log, &self.store, &self.model);
            }
            if let Some(mode) = self.given.switch_before_decision {
                let session = self.orchestrator.session_id();
                self.orchestrator
                    .switch_mode_by(session, mode, SwitchedBy::Person)
                    .unwrap();
            }
            if std::mem::take(&mut self.given.redefine) {
                let tools = self.orchestrator.tool_coordinator();
                assert!(tools.unregister("write"));
                let limits = ToolLimits::default();
                tools
                    .register(Probe::tool("write", Effect::Destructive, limits, &self.log))
                    .unwrap();
            }
            let decide = |call: &ToolCallId| match decisions.next() {
                Some("yes") => Approval::approve(call.clone()),
                Some("same") => Approval::approve_for(call.clone(), ApprovalScope::Arguments),
                Some("tool") => Approval::approve_for(call.clone(), ApprovalScope::Tool),
                Some("no") => Approval::deny(call.clone(), "the person says no"),
                other => panic!("nobody expected a question about {call}: {other:?}"),
            };
            let approvals: Vec<_> = suspended
                .approvals
                .iter()
                .map(|asked| &asked.call.id)
                .map(decide)
                .collect();
            let turn = serde_json::from_str(&stored).unwrap();
            response = self.watch(self.orchestrator.resume(turn, approvals)).await;
        }
        assert_eq!(
            decisions.next().unwrap_or_default(),
            "",
            "a decision was not asked for"
        );
        response
    }
}

fn build(
    given: &Given,
    log: &Log,
    store: &Arc<InMemorySessionStore>,
    model: &Arc<ScriptedModel>,
) -> AgentOrchestrator {
    let mut builder = AgentOrchestrator::builder()
        .provider(model.clone())
        .model("scripted")
        .session_store(store.clone())
        .settings(given.settings.clone())
        .tools(tools(log))
        .agent_tool("helper", "an agent that writes", helper(log));
    if let Some(policy) = &given.policy {
        builder = builder.approval_policy(Arc::new(policy.rules()));
    }
    let orchestrator = builder.build().unwrap();
    if let Some(mode) = given.mode {
        orchestrator
            .switch_mode(orchestrator.session_id(), mode)
            .unwrap();
    }
    orchestrator
}

/// An agent that is a tool: it writes, and says how that went.
fn helper(log: &Log) -> AgentOrchestratorBuilder {
    let model = script(&["x:write", "say that is all"]);
    AgentOrchestrator::builder()
        .provider(Arc::new(model))
        .model("scripted")
        .tools(tools(log))
}

/// A scenario: the answers of the model, and the outcome that is expected.
#[must_use = "nothing is checked until `check` is called"]
pub(super) struct Scenario {
    given: Given,
    answers: Vec<&'static str>,
    results: &'static str,
    ran: &'static str,
    ends: &'static str,
}

impl Given {
    /// Begins a scenario with the answers of the model, in their order.
    pub(super) fn answers(self, answers: impl IntoIterator<Item = &'static str>) -> Scenario {
        Scenario {
            given: self,
            answers: answers.into_iter().collect(),
            results: "",
            ran: "",
            ends: "completed",
        }
    }
}

impl Scenario {
    /// Expects these results of the calls, answer by answer.
    pub(super) fn results(self, results: &'static str) -> Self {
        Self { results, ..self }
    }

    /// Expects these beginnings and ends of calls, in this order.
    pub(super) fn ran(self, ran: &'static str) -> Self {
        Self { ran, ..self }
    }

    /// Expects this outcome of the turn.
    pub(super) fn ends(self, ends: &'static str) -> Self {
        Self { ends, ..self }
    }

    /// Runs the scenario.
    #[track_caller]
    pub(super) fn check(self) {
        let Self {
            given,
            answers,
            results,
            ran,
            ends,
        } = self;
        check(&given, &answers, results, ran, ends);
    }
}

#[track_caller]
fn check(given: &Given, answers: &[&str], results: &str, ran: &str, end: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    let mut world = World::new(given, answers);
    let response = runtime.block_on(world.run());
    let history: Messages = response.messages.iter().cloned().collect();
    history
        .validate()
        .expect("whatever happens, the conversation is valid");
    let transcript = runtime
        .block_on(world.orchestrator.session("default").transcript())
        .unwrap();
    let stored = transcript.iter().map(|entry| entry.message.id());
    assert!(
        stored.eq(history.iter().map(|message| message.id())),
        "what is told is what is stored"
    );

    let batches = response
        .messages
        .iter()
        .filter(|message| message.tool_results().next().is_some());
    let mut expected = results.split(" / ");
    for batch in batches {
        let wanted: Vec<&str> = expected.next().unwrap_or_default().split(' ').collect();
        let found: Vec<_> = batch.tool_results().collect();
        let shown: Vec<_> = found
            .iter()
            .map(|result| {
                format!(
                    "{}={} ({})",
                    result.call_id,
                    result.outcome,
                    text_of(&result.content)
                        .chars()
                        .take(300)
                        .collect::<String>()
                )
            })
            .collect();
        assert_eq!(found.len(), wanted.len(), "{shown:#?}");
        for (result, wanted) in found.iter().zip(wanted) {
            let (head, needle) = wanted.split_once('~').unwrap_or((wanted, ""));
            assert_eq!(
                format!("{}={}", result.call_id, result.outcome),
                head,
                "{shown:#?}"
            );
            let needle = needle.replace('+', " ");
            assert!(
                result.text().contains(&needle),
                "`{needle}` is not said: {shown:#?}"
            );
        }
    }
    assert_eq!(
        expected.next().unwrap_or_default(),
        "",
        "there are fewer answers with calls"
    );
    assert_eq!(
        world.log.lock().unwrap().join(" "),
        ran,
        "when the calls ran"
    );
    assert_eq!(response.outcome.as_str(), end);
    assert_eq!(SessionId::default(), response.session);
}
