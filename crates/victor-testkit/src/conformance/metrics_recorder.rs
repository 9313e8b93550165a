//! The laws of metrics recorders.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use victor_chat_protocol::{
    ChatResponse, ModelCallFinished, ToolCallFinished, TurnEvent, TurnEventKind, TurnFinished,
    TurnOutcome, TurnStarted,
};
use victor_core::{
    Coordinator, Health, Lock, MessageId, ModelId, Problems, SessionId, StopReason, ToolCall,
    ToolOutcome, ToolResult, TurnId, Usage,
};
use victor_metrics_protocol::{
    MetricKey, MetricValue, MetricsExportError, MetricsExporter, MetricsRecorder, MetricsSnapshot,
};
use victor_provider_protocol::{
    LedgerEntry, LedgerError, LedgerQuery, LedgerReader, LedgerTotal, NanoDollars,
};

use super::puppet::{Act, ends, perform};
use super::{drop_at_polls, guarded, life};
use crate::Puppet;

/// A number of label sets or sessions that is too high for a recorder of the suite.
const MANY: u64 = 5_000;

/// Checks a recorder. `make` makes a new one without exporters, which keeps fewer than 5,000 sets of labels of a name
/// apart, and fewer than 5,000 sessions.
///
/// The laws: the same key gives the same instrument, and another kind of instrument under its name harms nothing; a
/// snapshot has all that was written, in the order of keys; labels without end take bounded memory and lose no count;
/// events are counted in total and for their session alike; a reset forgets a session and nothing of the total;
/// ledgers and coordinators that are added twice count once, and no coordinator is kept alive; an exporter that fails,
/// panics or hangs is felt by no other and shown in health; a shutdown gives every exporter a last snapshot and ends
/// it once.
///
/// Some of the suite's exporters never answer, so the clock of tokio should be paused.
///
/// # Panics
///
/// A law is broken, or there is no tokio runtime with a clock.
pub async fn metrics_recorder<R: MetricsRecorder>(make: impl Fn() -> R) {
    let recorder = make();
    life::begins(&recorder).await;
    check_instruments(&recorder);
    check_bounds(&make());
    check_events(&make());
    check_sessions(&make());
    check_sources(&make());
    check_exporters(&make()).await;
    check_drops(&make()).await;
    check_shutdown(&make()).await;
    life::ends(&recorder).await;
}

fn snapshot<R: MetricsRecorder>(recorder: &R) -> MetricsSnapshot {
    guarded(|| recorder.snapshot())
}

/// The sum of all counters.
fn counted(snapshot: &MetricsSnapshot) -> u64 {
    let values = snapshot.metrics.iter().map(|metric| match &metric.value {
        MetricValue::Counter(counter) => counter.value,
        _ => 0,
    });
    values.sum()
}

fn check_instruments<R: MetricsRecorder>(recorder: &R) {
    let key = MetricKey::new("victor_suite_total").with("of", "suite");
    for count in [2, 3] {
        guarded(|| recorder.counter(&key)).add(count);
    }
    let level = MetricKey::new("victor_suite_level");
    guarded(|| recorder.gauge(&level)).set(-7);
    let values = MetricKey::new("victor_suite_us");
    guarded(|| recorder.histogram(&values)).record(1_000);
    let read = snapshot(recorder);
    let found = (read.get(&key), read.get(&level), read.get(&values));
    let is_right = matches!(
        found,
        (Some(MetricValue::Counter(counter)), Some(MetricValue::Gauge(gauge)), Some(MetricValue::Histogram(histogram)))
            if counter.value == 5 && gauge.value == -7 && histogram.count == 1
    );
    law!(
        is_right,
        "a snapshot has what was written into instruments of the same key",
        "{found:?}"
    );
    let keys: Vec<_> = read.metrics.iter().map(|metric| &metric.key).collect();
    law!(
        keys.is_sorted(),
        "a snapshot is in the order of keys",
        "{keys:?}"
    );

    guarded(|| recorder.gauge(&key)).set(1);
    guarded(|| recorder.histogram(&MetricKey::new("victor_suite_total"))).record(1);
    let found = snapshot(recorder).get(&key).cloned();
    law!(
        matches!(&found, Some(MetricValue::Counter(counter)) if counter.value == 5),
        "a name is of one kind",
        "{found:?}"
    );
    life::shows_problem(
        recorder,
        "victor_suite_total",
        "is asked for as another kind",
    );
}

fn check_bounds<R: MetricsRecorder>(recorder: &R) {
    let name = "victor_suite_total";
    for number in 0..MANY {
        let key = MetricKey::new(name).with("number", number.to_string());
        guarded(|| recorder.counter(&key)).add(1);
    }
    let read = snapshot(recorder);
    let sets = read.named(name).count() as u64;
    law!(
        sets < MANY,
        "labels without end take bounded memory",
        "{sets} sets are kept"
    );
    law!(
        read.total(name) == MANY,
        "labels that are too many are counted together",
        "{} of {MANY}",
        read.total(name)
    );
    let others = MetricKey::new(name).with("number", MetricKey::OVERFLOW);
    law!(
        read.get(&others).is_some(),
        "labels that are too many are counted together",
        "there is no {others}"
    );
    for number in 0..MANY {
        let session = SessionId::new(number.to_string());
        turn(&session, &format!("tool {number}"))
            .for_each(|event| guarded(|| recorder.record_turn_event(&event)));
    }
    let read = snapshot(recorder);
    let measurements = read.metrics.len() as u64;
    law!(
        measurements < 2 * MANY,
        "labels without end take bounded memory",
        "{measurements} measurements"
    );
    let first = guarded(|| recorder.session_snapshot(&SessionId::new("0")));
    law!(first.is_none(), "sessions without end take bounded memory");
}

/// The events of a turn with a model call and a tool call.
fn turn(session: &SessionId, tool: &str) -> impl Iterator<Item = TurnEvent> + use<> {
    let (session, turn) = (session.clone(), TurnId::generate());
    let call = ToolCall::new("c", tool, "{}");
    let result = ToolResult::new(&call, ToolOutcome::Success, "done");
    let model = ModelId::new("acme-1");
    let response = ChatResponse::ended(session.clone(), turn, TurnOutcome::Completed);
    let kinds: [TurnEventKind; 4] = [
        TurnStarted::new(MessageId::from_u128(1)).into(),
        ModelCallFinished::new(1, model, StopReason::EndTurn, Usage::new(3, 4))
            .with_elapsed_us(2_000)
            .with_first_token_us(Some(1_000))
            .into(),
        ToolCallFinished::new(result).with_elapsed_us(500).into(),
        TurnFinished::new(Box::new(response))
            .with_elapsed_us(3_000)
            .into(),
    ];
    (0..)
        .zip(kinds)
        .map(move |(sequence, kind)| TurnEvent::new(session.clone(), turn, sequence, kind))
}

fn check_events<R: MetricsRecorder>(recorder: &R) {
    let before = counted(&snapshot(recorder));
    let sessions = ["one", "two", "two"].map(SessionId::new);
    for session in &sessions {
        for event in turn(session, "read") {
            guarded(|| recorder.record_turn_event(&event));
        }
    }
    let text = TurnEvent::new(
        "one".into(),
        TurnId::generate(),
        0,
        TurnEventKind::text("hi"),
    );
    guarded(|| recorder.record_turn_event(&text));
    let total = snapshot(recorder);
    law!(
        counted(&total) > before,
        "events are counted",
        "{before} before and after"
    );
    let of = |name: &str| guarded(|| recorder.session_snapshot(&SessionId::new(name)));
    let (Some(one), Some(two)) = (of("one"), of("two")) else {
        panic!("law broken: events are counted for their session");
    };
    law!(
        2 * counted(&one) == counted(&two),
        "a session has what it did and nothing of others",
        "{one:?}\n{two:?}"
    );
    law!(
        of("three").is_none(),
        "a session that did nothing has nothing"
    );
    let mut sums = BTreeMap::<_, u64>::new();
    for metric in one.metrics.iter().chain(&two.metrics) {
        if let MetricValue::Counter(counter) = &metric.value {
            *sums.entry(&metric.key.name).or_default() += counter.value;
        }
    }
    for (name, sum) in sums {
        law!(
            total.total(name) == sum,
            "the total is the sum of the sessions",
            "{name}: {} and {sum}",
            total.total(name)
        );
    }
    let values = |snapshot: &MetricsSnapshot| {
        let counts = snapshot.metrics.iter().map(|metric| match &metric.value {
            MetricValue::Histogram(histogram) => histogram.count,
            _ => 0,
        });
        counts.sum::<u64>()
    };
    law!(
        values(&total) == values(&one) + values(&two),
        "the total is the sum of the sessions",
        "{} values",
        values(&total)
    );
}

fn check_sessions<R: MetricsRecorder>(recorder: &R) {
    let session = SessionId::new("one");
    turn(&session, "read").for_each(|event| guarded(|| recorder.record_turn_event(&event)));
    let before = counted(&snapshot(recorder));
    guarded(|| recorder.reset(&session));
    law!(
        guarded(|| recorder.session_snapshot(&session)).is_none(),
        "a reset forgets the session"
    );
    law!(
        counted(&snapshot(recorder)) == before,
        "a reset forgets nothing of the total"
    );
}

fn check_sources<R: MetricsRecorder>(recorder: &R) {
    let before = counted(&snapshot(recorder));
    let ledger: Arc<dyn LedgerReader> = Arc::new(OneAttempt);
    guarded(|| recorder.watch_ledger(ledger.clone()));
    let once = counted(&snapshot(recorder));
    law!(once > before, "a ledger is part of the snapshot");
    guarded(|| recorder.watch_ledger(ledger.clone()));
    law!(
        counted(&snapshot(recorder)) == once,
        "a ledger that is added twice counts once"
    );

    let problems = Failing::default();
    problems.0.report("database", "connection refused");
    problems.0.report("database", "connection refused");
    problems.0.clear("database");
    let failing: Arc<dyn Coordinator> = Arc::new(problems);
    for _ in 0..2 {
        guarded(|| recorder.watch_coordinator(&failing));
    }
    let faults = counted(&snapshot(recorder)) - once;
    law!(
        faults == 2,
        "every failure that a coordinator has contained is counted, once",
        "{faults} of 2"
    );
    let weak = Arc::downgrade(&failing);
    drop(failing);
    law!(
        weak.upgrade().is_none(),
        "a coordinator is not kept alive by being watched"
    );
    snapshot(recorder);
}

/// A coordinator that has contained failures.
#[derive(Debug, Default)]
struct Failing(Problems);

#[async_trait]
impl Coordinator for Failing {
    fn name(&self) -> &str {
        "failing"
    }

    fn health(&self) -> Health {
        self.0.health("failing")
    }
}

/// A ledger with one attempt of the session "ledger".
#[derive(Debug)]
struct OneAttempt;

#[async_trait]
impl LedgerReader for OneAttempt {
    fn total(&self) -> LedgerTotal {
        let mut entry = LedgerEntry::begin("main", "acme", "acme-1".into(), 1);
        entry.usage = Usage::new(3, 4);
        entry.cost = Some(NanoDollars::from_nanos(5));
        let mut total = LedgerTotal::default();
        total += &entry;
        total
    }

    fn by_model(&self) -> BTreeMap<(Arc<str>, ModelId), LedgerTotal> {
        BTreeMap::from([(("main".into(), "acme-1".into()), self.total())])
    }

    fn session(&self, session: &SessionId) -> LedgerTotal {
        match session.as_str() {
            "ledger" => self.total(),
            _ => LedgerTotal::default(),
        }
    }

    fn turn(&self, _: TurnId) -> Option<LedgerTotal> {
        None
    }

    async fn entries(&self, _: &LedgerQuery) -> Result<Vec<LedgerEntry>, LedgerError> {
        Ok(Vec::new())
    }
}

/// An exporter that the suite steers.
#[derive(Debug)]
struct Sink {
    name: &'static str,
    puppet: Puppet<Act>,
    /// The sums of all counters that arrived.
    arrived: Lock<Vec<u64>>,
    ended: Lock<usize>,
}

impl Sink {
    fn add<R: MetricsRecorder>(recorder: &R, name: &'static str) -> Arc<Self> {
        let sink = Arc::new(Self {
            name,
            puppet: Puppet::new(Act::Works),
            arrived: Lock::default(),
            ended: Lock::default(),
        });
        guarded(|| recorder.add_exporter(sink.clone()));
        sink
    }

    fn arrived(&self) -> usize {
        self.arrived.lock().len()
    }
}

#[async_trait]
impl MetricsExporter for Sink {
    fn name(&self) -> &str {
        self.name
    }

    async fn export(&self, snapshot: &MetricsSnapshot) -> Result<(), MetricsExportError> {
        match perform(&self.puppet).await {
            Act::Fails => Err(MetricsExportError::new("no luck")),
            _ => {
                self.arrived.lock().push(counted(snapshot));
                Ok(())
            }
        }
    }

    async fn shutdown(&self) {
        *self.ended.lock() += 1;
    }
}

async fn check_exporters<R: MetricsRecorder>(recorder: &R) {
    let (good, bad) = (Sink::add(recorder, "good"), Sink::add(recorder, "bad"));
    for (number, (act, why)) in [
        (Act::Works, "works"),
        (Act::Fails, "fails"),
        (Act::Panics, "panics"),
        (Act::Hangs, "hangs"),
    ]
    .into_iter()
    .enumerate()
    {
        bad.puppet.becomes(act);
        ends(recorder.export_metrics()).await;
        law!(
            good.arrived() == number + 1,
            "an exporter is not felt by others",
            "one that {why}: {} of {} arrived",
            good.arrived(),
            number + 1
        );
        match act {
            Act::Works => life::is_well(recorder),
            _ => {
                life::shows_problem(recorder, "bad", why);
                life::counts_faults(recorder, "bad", why);
            }
        }
    }
    bad.puppet.becomes(Act::Works);
    ends(recorder.export_metrics()).await;
    life::is_well(recorder);
    law!(
        bad.arrived() == 2 && bad.puppet.running() == 0,
        "an exporter that failed is given the next snapshot",
        "{} arrived",
        bad.arrived()
    );
}

async fn check_drops<R: MetricsRecorder>(recorder: &R) {
    let sink = Sink::add(recorder, "sink");
    drop_at_polls(
        async || recorder.export_metrics().await,
        async |_| {
            let before = sink.arrived();
            ends(recorder.export_metrics()).await;
            law!(
                sink.arrived() == before + 1,
                "an export that was dropped harms no later one"
            );
        },
    )
    .await;
}

async fn check_shutdown<R: MetricsRecorder>(recorder: &R) {
    let (good, hanging) = (Sink::add(recorder, "good"), Sink::add(recorder, "hanging"));
    hanging.puppet.becomes(Act::Hangs);
    guarded(|| recorder.counter(&MetricKey::new("victor_suite_total"))).add(7);
    life::ends(recorder).await;
    let last = good.arrived.lock().last().copied();
    law!(
        last.is_some_and(|counted| counted >= 7),
        "a shutdown gives every exporter a last snapshot",
        "{last:?}"
    );
    let ended = *good.ended.lock();
    law!(
        ended == 1,
        "a shutdown ends every exporter once",
        "{ended} times"
    );
    let arrived = good.arrived();
    ends(recorder.export_metrics()).await;
    law!(
        good.arrived() == arrived,
        "an exporter that was ended is given nothing"
    );
}
