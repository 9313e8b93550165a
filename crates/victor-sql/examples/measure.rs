//! Measures the stores: `cargo run --release -p victor-sql --example measure`, with the address of an empty PostgreSQL
//! database (and `--features postgres`) to measure that one instead of a file in a temporary folder.

use std::time::{Duration, Instant};

use sqlx::{Connection, SqliteConnection};
use victor_checkpoint_protocol::{Checkpoint, CheckpointCause, CheckpointStore, History};
use victor_core::{Message, SessionId, TurnId};
use victor_session_protocol::{
    OpenTurn, SessionCommit, SessionInfo, SessionQuery, SessionStore, TranscriptEntry, TurnChange,
};
use victor_sql::{Database, SqlCheckpointStore, SqlSessionStore};

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// How often each thing is done; the median counts.
const TIMES: usize = 300;

#[tokio::main]
async fn main() -> Outcome<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("measure.db").display().to_string();
    let address = std::env::args().nth(1).unwrap_or(file);
    let database = Database::open(&address).await?;
    commits(&database.session_store(), &address).await?;
    lists(&database.session_store()).await?;
    checkpoints(&database.checkpoint_store()).await
}

/// A step of a turn beside a bare insert of as many bytes.
async fn commits(store: &SqlSessionStore, address: &str) -> Outcome<()> {
    let session = SessionId::new("commits");
    let mut version = 0;
    let mut steps = Vec::new();
    for _ in 0..TIMES {
        let entries = step();
        let turn = OpenTurn::new(session.clone(), TurnId::generate(), "x".repeat(500));
        let commit = SessionCommit::new(entries, TurnChange::Open(turn));
        let started = Instant::now();
        version = store.commit(&session, version, &commit).await?;
        steps.push(started.elapsed());
    }
    tell("commit of a step", &mut steps);
    let bytes = serde_json::to_string(&step())?.len() + 500;
    tell(
        "bare insert of as many bytes",
        &mut bare(address, bytes).await?,
    );
    Ok(())
}

/// What a step adds: an answer with a call, and its result.
fn step() -> Vec<TranscriptEntry> {
    let texts = ["I look that up. ".repeat(10), "fn main() {}\n".repeat(100)];
    texts
        .map(|text| TranscriptEntry::new(None, Message::assistant(text)))
        .into()
}

async fn bare(address: &str, bytes: usize) -> Outcome<Vec<Duration>> {
    let text = "x".repeat(bytes);
    let mut inserts = Vec::new();
    macro_rules! measure {
        ($connection:expr) => {{
            let mut connection = $connection;
            sqlx::raw_sql("CREATE TABLE bare (text TEXT)")
                .execute(&mut connection)
                .await?;
            for _ in 0..TIMES {
                let insert = sqlx::query("INSERT INTO bare (text) VALUES ($1)").bind(&text);
                let started = Instant::now();
                insert.execute(&mut connection).await?;
                inserts.push(started.elapsed());
            }
        }};
    }
    #[cfg(feature = "postgres")]
    if address.starts_with("postgres") {
        measure!(sqlx::PgConnection::connect(address).await?);
        return Ok(inserts);
    }
    let mut connection = SqliteConnection::connect(&format!("sqlite:{address}")).await?;
    sqlx::raw_sql("PRAGMA synchronous = NORMAL")
        .execute(&mut connection)
        .await?;
    measure!(connection);
    Ok(inserts)
}

async fn lists(store: &SqlSessionStore) -> Outcome<()> {
    let mut made = 1;
    for count in [100, 100_000] {
        while made < count {
            store
                .create(&SessionInfo::new(SessionId::new(format!("session {made}"))))
                .await?;
            made += 1;
        }
        let query = SessionQuery::first(20);
        let page = store.find(&query).await?;
        let next = query.after(page.last().ok_or("no sessions")?);
        let (mut pages, mut infos, mut loads) = (Vec::new(), Vec::new(), Vec::new());
        for number in 0..TIMES {
            let started = Instant::now();
            store.find(&next).await?;
            pages.push(started.elapsed());
            let id = SessionId::new(format!("session {}", number % 99 + 1));
            let started = Instant::now();
            store.info(&id).await?;
            infos.push(started.elapsed());
            let started = Instant::now();
            store.load(&id, 0).await?;
            loads.push(started.elapsed());
        }
        tell(&format!("a page of 20 among {count} sessions"), &mut pages);
        tell(&format!("what is known of one among {count}"), &mut infos);
        tell(&format!("opening one among {count}"), &mut loads);
    }
    Ok(())
}

async fn checkpoints(store: &SqlCheckpointStore) -> Outcome<()> {
    let session = SessionId::new("checkpoints");
    for count in [10, 10_000] {
        let mut history = History::default();
        let first = format!("{count} messages");
        let mut links = vec![history.push(Message::user(first))];
        links.extend((1..count).map(|n| history.push(Message::user(format!("{n} ").repeat(50)))));
        let checkpoint = Checkpoint::new(session.clone(), history, CheckpointCause::Manual);
        let started = Instant::now();
        store.save(&checkpoint, &links).await?;
        tell(
            &format!("first checkpoint of {count} messages"),
            &mut [started.elapsed()],
        );
        let mut saves = Vec::new();
        for _ in 0..TIMES {
            let links = [history.push(Message::user("One more"))];
            let checkpoint = Checkpoint::new(session.clone(), history, CheckpointCause::Manual);
            let started = Instant::now();
            store.save(&checkpoint, &links).await?;
            saves.push(started.elapsed());
        }
        tell(&format!("checkpoint of one more at {count}"), &mut saves);
        let mut reads = Vec::new();
        for _ in 0..5 {
            let started = Instant::now();
            store.messages(&history).await?;
            reads.push(started.elapsed());
        }
        tell(&format!("reading {} messages", history.len), &mut reads);
    }
    let ids: Vec<_> = store
        .list(&session)
        .await?
        .iter()
        .map(|found| found.id)
        .collect();
    let started = Instant::now();
    store.delete(&ids).await?;
    tell(
        &format!("deleting {} checkpoints", ids.len()),
        &mut [started.elapsed()],
    );
    Ok(())
}

#[expect(clippy::print_stdout, reason = "a measure is to be read")]
fn tell(what: &str, times: &mut [Duration]) {
    times.sort();
    println!("{what}: {:?}", times[times.len() / 2]);
}
