//! What it costs to keep conversations: checkpoints, the steps of a turn, and one session among many.
//!
//! Run with `cargo bench -p benches --bench storage`. A checkpoint should cost the same in a conversation of any
//! length, and a session should be found as fast among many as among few. SQLite keeps its files in a temporary folder.

use std::cell::Cell;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use criterion::{Bencher, BenchmarkId, Criterion, criterion_group, criterion_main};
use tokio::runtime::Runtime;
use victor_checkpoint::CheckpointCoordinator;
use victor_checkpoint_protocol::{
    CheckpointCause, CheckpointDraft, CheckpointManager, CheckpointStore, InMemoryCheckpointStore,
};
use victor_core::{Context, Message, SessionId, TurnId};
use victor_session_protocol::{
    LeaseChange, LeaseClaim, LeaseOwner, OpenTurn, SessionCommit, SessionQuery, SessionStore,
    TranscriptEntry, TurnChange,
};

use benches::{DatabaseFile, QUESTION, history, runtime};

/// How many messages a conversation becomes longer before it is as long again as it was.
const GROWTH: usize = 64;

/// A checkpoint after one message more.
fn checkpoint(c: &mut Criterion) {
    let runtime = runtime();
    let file = runtime.block_on(DatabaseFile::new());
    let stores: [(&str, Arc<dyn CheckpointStore>); 2] = [
        ("sqlite", file.database.checkpoint_store()),
        ("memory", Arc::new(InMemoryCheckpointStore::default())),
    ];
    let mut group = c.benchmark_group("checkpoint");
    for (name, store) in stores {
        for length in [10, 10_000] {
            let checkpoints = CheckpointCoordinator::new(Arc::clone(&store));
            let session = SessionId::new(length.to_string());
            let create = async |context: Context| {
                let cause = CheckpointCause::Manual;
                let draft = CheckpointDraft::new(session.clone(), context, cause);
                checkpoints
                    .create_checkpoint(draft)
                    .await
                    .expect("it is made")
            };
            let conversation = history(length);
            runtime.block_on(create(conversation.clone()));
            let mut grown = conversation.clone();
            let mut longer = || {
                if grown.messages().len() == length + GROWTH {
                    grown = conversation.clone();
                }
                grown.push(Message::user(QUESTION));
                grown.clone()
            };
            group.bench_function(BenchmarkId::new(name, length), |b| {
                time(b, &runtime, &mut longer, create);
            });
        }
    }
    group.finish();
}

/// What a turn writes before it asks the model again: two messages of 2,400 characters, where it is, and its lease.
/// Beside it the same texts, inserted by one statement into a table that has nothing but them.
fn step(c: &mut Criterion) {
    let runtime = runtime();
    let file = runtime.block_on(DatabaseFile::new());
    let session = SessionId::new("session");
    let text = "What is two and two, and why? ".repeat(80);
    let entry = || TranscriptEntry::new(None, Message::assistant(text.as_str()));
    let entries = [entry(), entry()];
    let turn = OpenTurn::new(session.clone(), TurnId::generate(), "x".repeat(500));
    let texts = [
        serde_json::to_string(&entries[0]).expect("JSON"),
        serde_json::to_string(&entries[1]).expect("JSON"),
        serde_json::to_string(&turn).expect("JSON"),
    ];

    let mut group = c.benchmark_group("step");
    let store = file.database.session_store();
    let owner = LeaseOwner::new("01a22cd6-9075-743c-8aa9-f2410bf080d6", "process 4711");
    let claim = LeaseClaim::new(owner, turn.turn, 1, Duration::from_secs(30));
    let commit = SessionCommit::new(entries.into(), TurnChange::Open(turn))
        .with_lease(LeaseChange::Hold(claim));
    let length = Cell::new(0);
    group.bench_function("commit", |b| {
        time(
            b,
            &runtime,
            || length.get(),
            async |expected| {
                let committed = store.commit(&session, expected, &commit).await;
                length.set(committed.expect("it is written"));
            },
        );
    });

    let pool = runtime.block_on(file.connect());
    let table = sqlx::query("CREATE TABLE bare (text TEXT NOT NULL) STRICT").execute(&pool);
    runtime.block_on(table).expect("a table");
    group.bench_function("bare_insert", |b| {
        time(
            b,
            &runtime,
            || (),
            async |()| {
                let insert = sqlx::query("INSERT INTO bare (text) VALUES ($1), ($2), ($3)");
                let insert = texts.iter().fold(insert, sqlx::query::Query::bind);
                insert.execute(&pool).await.expect("it is written")
            },
        );
    });
    group.finish();
}

/// The first page of all sessions, and what is read to go on with one of them: what is known of it, and its transcript
/// of two messages of 200 characters.
fn sessions(c: &mut Criterion) {
    let runtime = runtime();
    let mut group = c.benchmark_group("sessions");
    for count in [100, 100_000] {
        let file = runtime.block_on(sessions_of(count));
        let store = file.database.session_store();
        let page = SessionQuery::first(50);
        let list = async |()| store.find(&page).await.expect("a page");
        assert_eq!(runtime.block_on(list(())).len(), 50);
        group.bench_function(BenchmarkId::new("list", count), |b| {
            time(b, &runtime, || (), list);
        });

        let open = async |id: SessionId| {
            let info = store.info(&id).await.expect("it is read");
            let transcript = store.load(&id, 0).await.expect("it is read");
            (info.expect("a session"), transcript)
        };
        let mut number = 0;
        let mut next = || {
            number = (number + 7_919) % count;
            SessionId::new(format!("session {number}"))
        };
        let (info, transcript) = runtime.block_on(open(next()));
        assert_eq!((info.entries, transcript.len()), (2, 2));
        group.bench_function(BenchmarkId::new("open", count), |b| {
            time(b, &runtime, &mut next, open);
        });
    }
    group.finish();
}

/// A database of so many sessions, named by numbers from 0 on. The store writes the first; one by one it would take
/// half a minute for the others, so that they are copied.
async fn sessions_of(count: u32) -> DatabaseFile {
    let file = DatabaseFile::new().await;
    let entries: Vec<_> = history(2)
        .messages()
        .iter()
        .map(|message| TranscriptEntry::new(None, Arc::clone(message)))
        .collect();
    let store = file.database.session_store();
    let first = SessionId::new("session 0");
    store.append(&first, 0, &entries).await.expect("a session");
    let sessions = "
        WITH RECURSIVE copies (number) AS
            (SELECT 1 UNION ALL SELECT number + 1 FROM copies WHERE number + 1 < $1)
        INSERT INTO victor_sessions (id, entries, updated_at, status, title, expires_at, info)
        SELECT 'session ' || number, entries, updated_at - number, status, title, expires_at,
            replace(info, id, 'session ' || number)
        FROM copies, victor_sessions WHERE id = 'session 0'";
    let transcripts = "
        INSERT INTO victor_entries (session, number, entry)
        SELECT key, number, entry
        FROM victor_sessions, (SELECT number, entry FROM victor_entries)
        WHERE id <> 'session 0'";
    let pool = file.connect().await;
    for copies in [sqlx::query(sessions).bind(count), sqlx::query(transcripts)] {
        copies.execute(&pool).await.expect("copies");
    }
    pool.close().await;
    file
}

/// Times the fastest tenth of single runs. A store hands each statement to a thread of its own and waits for it; on a
/// machine that others use, most of the mean would be theirs. What SQLite does only now and then is left out with it.
fn time<I, O>(
    b: &mut Bencher<'_>,
    runtime: &Runtime,
    mut next: impl FnMut() -> I,
    run: impl AsyncFn(I) -> O,
) {
    b.iter_custom(|iterations| {
        let mut times = Vec::new();
        runtime.block_on(async {
            for _ in 0..iterations {
                let input = next();
                let start = Instant::now();
                black_box(run(input).await);
                times.push(start.elapsed());
            }
        });
        times.sort_unstable();
        let fast = times[times.len() / 10];
        Duration::from_secs_f64(fast.as_secs_f64() * iterations as f64)
    });
}

criterion_group!(benches, checkpoint, step, sessions);
criterion_main!(benches);
