//! Databases of every version that there was. `snapshots/` holds one for each schema, as it was written then: it is
//! never changed, and a new schema gets a new one.

use std::time::Duration;

use serde_json::json;
use victor_analytics_protocol::{
    AnalyticsEvent, AnalyticsExporter, DeadLetter, EventOutbox, EventQuery, EventStore,
};
use victor_chat_protocol::{EventBatch, TurnEvent, TurnEventKind, TurnEventLog};
use victor_checkpoint_protocol::{Checkpoint, CheckpointCause, CheckpointStore, History};
use victor_config_protocol::ConfigProvider;
use victor_core::{Message, RunId, SessionId, ToolCall, ToolOutcome, ToolResult, TurnId, Usage};
use victor_prompt_protocol::{PromptReference, PromptSource};
use victor_provider_protocol::{LedgerEntry, LedgerQuery, LedgerStore, NanoDollars};
use victor_session_protocol::{
    LeaseChange, LeaseClaim, LeaseOwner, OpenTurn, SessionCommit, SessionPatch, SessionQuery,
    SessionStore, TranscriptEntry, TurnChange,
};
use victor_sql::{Database, DatabaseError};
use victor_tool_protocol::{Receipt, ReceiptStore, ResultStore};
use victor_workflow_protocol::checkpoint::ContentHash;
use victor_workflow_protocol::{
    RunCommit, RunInfo, RunQuery, RunStarted, Signal, StoredValue, WorkflowJournal,
};

use crate::home::{Home, on_both};

pub(crate) const VERSIONS: [(&str, &str); 5] = [
    (
        include_str!("snapshots/v1-sqlite.sql"),
        include_str!("snapshots/v1-postgres.sql"),
    ),
    (
        include_str!("snapshots/v2-sqlite.sql"),
        include_str!("snapshots/v2-postgres.sql"),
    ),
    (
        include_str!("snapshots/v3-sqlite.sql"),
        include_str!("snapshots/v3-postgres.sql"),
    ),
    (
        include_str!("snapshots/v4-sqlite.sql"),
        include_str!("snapshots/v4-postgres.sql"),
    ),
    (
        include_str!("snapshots/v5-sqlite.sql"),
        include_str!("snapshots/v5-postgres.sql"),
    ),
];

/// The version of the schema of today, of which there is no snapshot before it is released.
pub(crate) const LATEST: usize = 8;

fn session() -> SessionId {
    SessionId::new("docs-456")
}

fn result() -> ToolResult {
    let call = ToolCall::new("call-1", "answer", "{}");
    ToolResult::new(&call, ToolOutcome::Success, "42")
}

/// Writes something of every kind. The snapshots were made so.
pub(crate) async fn fill(database: &Database) {
    let (store, turn) = (database.session_store(), TurnId::generate());
    let texts = [
        Message::user("Hello"),
        Message::assistant("Hello, 'you'!\n"),
    ];
    let entries = texts
        .clone()
        .map(|message| TranscriptEntry::new(Some(turn), message));
    let open = OpenTurn::new(session(), turn, "here");
    let owner = LeaseOwner::new("owner", "process 4711");
    let claim = LeaseClaim::new(owner, turn, 1, Duration::ZERO);
    let commit = SessionCommit::new(entries.into(), TurnChange::Open(open));
    let commit = commit.with_lease(LeaseChange::Hold(claim));
    store.commit(&session(), 0, &commit).await.unwrap();
    let patch = SessionPatch::default().with_title("Docs").with_tag("work");
    store.update(&session(), &patch).await.unwrap();

    let mut history = History::default();
    let links = texts.map(|message| history.push(message));
    let mut checkpoint = Checkpoint::new(session(), history, CheckpointCause::Manual);
    checkpoint.label = Some("before".into());
    database
        .checkpoint_store()
        .save(&checkpoint, &links)
        .await
        .unwrap();

    let mut events = [AnalyticsEvent::new("turn_finished").with("tokens", 7)];
    events[0].tags = ["tenant".into()].into();
    database.analytics_exporter().export(&events).await.unwrap();
    let outbox = database.event_outbox();
    outbox.register("webhook").await.unwrap();
    outbox.append(&events).await.unwrap();
    let letter = DeadLetter::new("webhook", events[0].clone(), "no event");
    outbox.advance("webhook", 0, &[letter]).await.unwrap();
    let shared = database.event_outbox().shared(Duration::ZERO);
    shared.waiting("webhook", 1).await.unwrap();
    let event = TurnEvent::new(session(), turn, 0, TurnEventKind::text("Hello"));
    let batch = EventBatch::new(session(), turn, 0, vec![event]);
    database.turn_log().append(&[batch]).await.unwrap();
    let config = database.config_provider();
    config.set(None, "temperature", &json!(0.5)).await.unwrap();
    config
        .set(Some(&session()), "model", &json!("m"))
        .await
        .unwrap();
    let results = database.result_store();
    results
        .put(&session(), "call-1", "a\0\u{e4}")
        .await
        .unwrap();
    let receipts = database.receipt_store();
    receipts.begin(&session(), "begun").await.unwrap();
    receipts
        .finish(&session(), "done", &result())
        .await
        .unwrap();

    let mut entry = LedgerEntry::begin("main", "acme", "acme-1".into(), 1);
    entry.session = Some(session());
    entry.tags = vec!["tenant".into()];
    entry.usage = Usage::new(7, 5);
    entry.cost = Some(NanoDollars::from_nanos(42));
    database.ledger_store().write(&[entry]).await.unwrap();

    let prompts = database.prompt_source();
    let first = prompts.publish("review", "Review.").await.unwrap();
    prompts.publish("review", "Review twice.").await.unwrap();
    let label = prompts.set_label("review", "production", &first.version);
    label.await.unwrap();

    let journal = database.workflow_journal();
    let hash = ContentHash::of(b"{}");
    journal.put_definition(hash, "{}").await.unwrap();
    let mut run = RunInfo::new("release", hash);
    run.id = RunId::from_u128(1);
    let input = StoredValue::Ref(ContentHash::of(b"input"));
    let begin = RunStarted::new("release".into(), hash, input);
    let commit = RunCommit::new([begin.into()]).with_value("input");
    journal.create(&run, &commit).await.unwrap();
    let cancel = Signal::cancel("no longer needed");
    journal.signal(run.id, &cancel).await.unwrap();
}

/// Reads all of that, as far as a database had it that was written with this schema.
pub(crate) async fn check(database: &Database, version: usize) {
    let store = database.session_store();
    let entries = store.load(&session(), 0).await.unwrap();
    let texts: Vec<_> = entries
        .iter()
        .map(|entry| entry.message.text().into_owned())
        .collect();
    assert_eq!(texts, ["Hello", "Hello, 'you'!\n"]);
    let mut query = SessionQuery::first(10);
    query.text = Some("DOC".into());
    query.tags = ["work".to_owned()].into();
    let found = store.find(&query).await.unwrap();
    assert_eq!((found.len(), found[0].entries), (1, 2));
    assert_eq!(found[0].title.as_deref(), Some("Docs"));
    let open = store.open_turn(&session()).await.unwrap().unwrap();
    assert_eq!(
        (open.turn, open.state.as_str()),
        (entries[0].turn.unwrap(), "here")
    );
    // The first version had no leases.
    let standing = store.standing(&session()).await.unwrap().unwrap();
    let lease = standing.lease.map(|lease| (lease.owner.name, lease.turn));
    let expected = (standing.fence > 0).then(|| ("process 4711".to_owned(), open.turn));
    assert_eq!((standing.has_open_turn, lease), (true, expected));
    store.append(&session(), 2, &entries[..1]).await.unwrap();

    let checkpoints = database.checkpoint_store();
    let list = checkpoints.list(&session()).await.unwrap();
    assert_eq!((list.len(), list[0].label.as_deref()), (1, Some("before")));
    let messages = checkpoints.messages(&list[0].history).await.unwrap();
    assert_eq!(
        messages
            .iter()
            .map(|message| message.text())
            .collect::<Vec<_>>(),
        texts
    );

    let settings = database
        .config_provider()
        .get_config(&session())
        .await
        .unwrap();
    assert_eq!(json!(settings), json!({ "temperature": 0.5, "model": "m" }));
    let page = database
        .result_store()
        .read(&session(), "call-1", 2, 10)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (page.text.as_str(), page.offset, page.total),
        ("\u{e4}", 2, 4)
    );
    let receipts = database.receipt_store();
    let begun = receipts.begin(&session(), "begun").await.unwrap();
    assert_eq!(begun, Receipt::Begun);
    let done = receipts.begin(&session(), "done").await.unwrap();
    assert_eq!(done, Receipt::Finished(result()));

    let events = database.analytics_exporter();
    let found = events.events(&EventQuery::default()).await.unwrap();
    let tokens = found.iter().map(|event| event.data.get("tokens"));
    assert!(tokens.eq([Some(json!(7))]));
    // Earlier versions had neither tags of events nor an outbox.
    let tagged = EventQuery::default().with_tag(Some("tenant".into()));
    let expected = usize::from(version >= 4);
    assert_eq!(events.events(&tagged).await.unwrap().len(), expected);
    let outbox = database.event_outbox();
    assert_eq!(outbox.waiting("webhook", 9).await.unwrap().len(), expected);
    assert_eq!(outbox.dead_letters().await.unwrap().len(), expected);

    // Earlier versions had no log of turns.
    let log = database.turn_log();
    let logged = log.read(open.turn, 0, 9).await.unwrap();
    assert_eq!(logged.len(), usize::from(version >= 7));

    // Earlier versions had no ledger.
    let query = LedgerQuery::default()
        .with_session(session())
        .with_tag("tenant");
    let entries = database.ledger_store().entries(&query).await.unwrap();
    let found: Vec<_> = entries
        .iter()
        .map(|entry| (entry.usage.total_tokens(), entry.cost.unwrap().as_nanos()))
        .collect();
    assert_eq!(found, if version < 3 { vec![] } else { vec![(12, 42)] });

    // And no prompts.
    let (prompts, review) = (database.prompt_source(), PromptReference::new("review"));
    let prompt = prompts.get_prompt(&review).await.unwrap();
    let found = prompt.map(|prompt| (prompt.version.to_string(), prompt.text));
    let expected = ("review@1 (production)".to_owned(), "Review.".into());
    assert_eq!(found, (version >= 5).then_some(expected));

    // Earlier versions had no workflows.
    let journal = database.workflow_journal();
    let runs = journal.find(&RunQuery::default()).await.unwrap();
    assert_eq!(runs.len(), usize::from(version >= 6));
    for run in runs {
        assert_eq!(journal.records(run.id, 0, 9).await.unwrap().len(), 2);
        let values = journal.values(run.id, &[ContentHash::of(b"input")]).await;
        assert_eq!(&*values.unwrap()[0], "input");
        let definition = journal.definition(run.definition).await.unwrap();
        assert_eq!(definition.as_deref(), Some("{}"));
    }
}

on_both! {
    async fn everything_is_there_after_reopening(home: Home) {
        let database = home.open("new").await;
        fill(&database).await;
        database.close().await;
        check(&home.open("new").await, LATEST).await;
    }

    async fn a_database_of_any_earlier_version_opens(home: Home) {
        for (number, (sqlite, postgres)) in VERSIONS.iter().enumerate() {
            let name = ["one", "two", "three", "four", "five"][number];
            let script = match home {
                Home::Sqlite(_) => sqlite,
                Home::Postgres(..) => postgres,
            };
            home.execute(name, script).await;
            check(&home.open(name).await, number + 1).await;
        }
    }

    async fn a_database_of_a_later_version_is_refused(home: Home) {
        home.open("later").await.close().await;
        home.execute("later", "INSERT INTO victor_schema (version) VALUES (99)").await;
        let error = Database::open(home.address("later").await).await.unwrap_err();
        assert!(matches!(error, DatabaseError::TooNew { found: 99, .. }), "{error:?}");
        assert!(error.to_string().ends_with("use a later version of Victor"), "{error}");
    }

    async fn a_database_that_is_opened_many_times_at_once_is_made_once(home: Home) {
        let address = home.address("once").await;
        let opened: Vec<_> = (0..16)
            .map(|_| tokio::spawn(Database::open(address.clone())))
            .collect();
        for database in opened {
            let store = database.await.unwrap().unwrap().session_store();
            assert!(store.list().await.unwrap().is_empty());
        }
    }

    async fn a_schema_that_fails_half_way_leaves_nothing_behind(home: Home) {
        // Somebody else has a table of this name, which is the last to be made.
        home.execute("half", "CREATE TABLE victor_receipts (mine TEXT)").await;
        let error = Database::open(home.address("half").await).await.unwrap_err();
        assert!(matches!(error, DatabaseError::Other { .. }), "{error:?}");
        home.execute("half", "DROP TABLE victor_receipts").await;
        fill(&home.open("half").await).await;
    }
}
