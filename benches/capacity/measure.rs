//! What a turn costs: processor time, transactions, and what is written.

use std::fs;
use std::sync::Arc;
use std::time::Duration;

use sqlx::{Connection, PgConnection, Row};
use tokio::task::JoinSet;
use victor_orchestrator::AgentOrchestrator;
use victor_sql::Database;
use victor_turn_log::TurnRecorder;

use benches::{Add, InstantModel, QUESTION};

use crate::Costs;
use crate::server::Server;

const SESSIONS: u32 = 100;
const TURNS_OF_EACH: u32 = 20;
/// Time after which the server has counted what was done.
const COUNTED: Duration = Duration::from_secs(2);

/// The counters of the process and of the server.
struct Counters {
    process_us: f64,
    server_us: f64,
    transactions: f64,
    wal_bytes: f64,
    stored_bytes: f64,
}

pub(crate) fn measure() -> Result<Costs, String> {
    let server = Server::get().ok_or("PostgreSQL is not installed")?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    runtime.block_on(run(&server.address("postgres")))
}

async fn run(address: &str) -> Result<Costs, String> {
    let database = Database::open(address)
        .await
        .map_err(|error| error.to_string())?;
    let recorder = TurnRecorder::new(database.turn_log());
    let model = InstantModel {
        calls_tool: true,
        more_pieces: 50,
    };
    let orchestrator = AgentOrchestrator::builder()
        .provider(Arc::new(model))
        .model("instant")
        .session_store(database.session_store())
        .receipt_store(database.receipt_store())
        .turn_observer(recorder.clone())
        .tool(Arc::new(Add::default()))
        .build()
        .map_err(|error| error.to_string())?;
    // Statements are prepared and connections open.
    talk(&orchestrator, "warm", 1).await?;
    recorder.flush().await;
    let before = Counters::read(address)
        .await
        .map_err(|error| error.to_string())?;
    talk(&orchestrator, "measured", TURNS_OF_EACH).await?;
    recorder.flush().await;
    let after = Counters::read(address)
        .await
        .map_err(|error| error.to_string())?;
    let turns = SESSIONS * TURNS_OF_EACH;
    let of_turn =
        |counter: fn(&Counters) -> f64| (counter(&after) - counter(&before)) / f64::from(turns);
    Ok(Costs {
        turns,
        process_us: of_turn(|counters| counters.process_us),
        server_us: of_turn(|counters| counters.server_us),
        transactions: of_turn(|counters| counters.transactions),
        wal_bytes: of_turn(|counters| counters.wal_bytes),
        stored_bytes: of_turn(|counters| counters.stored_bytes),
    })
}

/// Has all sessions talk, eight of them at a time.
async fn talk(orchestrator: &AgentOrchestrator, name: &str, turns: u32) -> Result<(), String> {
    let mut talking = JoinSet::new();
    for number in 0..SESSIONS {
        if talking.len() == 8 {
            joined(talking.join_next().await)?;
        }
        let session = orchestrator.session(format!("{name} {number}"));
        talking.spawn(async move {
            for _ in 0..turns {
                let answer = session.chat(QUESTION).await;
                answer.map_err(|error| error.report())?;
            }
            Ok(())
        });
    }
    while !talking.is_empty() {
        joined(talking.join_next().await)?;
    }
    Ok(())
}

fn joined(done: Option<Result<Result<(), String>, tokio::task::JoinError>>) -> Result<(), String> {
    done.map_or(Ok(()), |done| done.map_err(|error| error.to_string())?)
}

impl Counters {
    async fn read(address: &str) -> Result<Self, sqlx::Error> {
        tokio::time::sleep(COUNTED).await;
        let mut connection = PgConnection::connect(address).await?;
        let row = sqlx::query(
            "SELECT (SELECT sum(xact_commit)::float8 FROM pg_stat_database WHERE datname = current_database()), \
             pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::float8, pg_database_size(current_database())::float8, \
             (SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer')",
        )
        .fetch_one(&mut connection)
        .await?;
        let server = parent(row.try_get(3)?).unwrap_or_default();
        Ok(Self {
            process_us: used(std::process::id(), false),
            server_us: of_family(server),
            transactions: row.try_get(0)?,
            wal_bytes: row.try_get(1)?,
            stored_bytes: row.try_get(2)?,
        })
    }
}

/// The fields of a process behind its name (`proc(5)`).
fn fields(process: u32) -> Vec<u64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    let (_, fields) = stat.rsplit_once(") ").unwrap_or_default();
    let fields = fields.split_ascii_whitespace();
    fields
        .map(|field| field.parse().unwrap_or_default())
        .collect()
}

fn parent(process: i32) -> Option<u32> {
    let parent = fields(process.unsigned_abs()).get(1).copied()?;
    u32::try_from(parent).ok()
}

/// The processor time of a process in microseconds, and that of its children which have ended. A tick is 10 ms.
fn used(process: u32, with_children: bool) -> f64 {
    let fields = fields(process);
    let last = if with_children { 15 } else { 13 };
    let ticks: u64 = fields.get(11..last).unwrap_or_default().iter().sum();
    ticks as f64 * 10_000.0
}

/// The processor time of a server and of the processes that it has started.
fn of_family(server: u32) -> f64 {
    let children = fs::read_dir("/proc").into_iter().flatten().flatten();
    let children = children.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let children = children.filter(|child| fields(*child).get(1) == Some(&u64::from(server)));
    used(server, true) + children.map(|child| used(child, false)).sum::<f64>()
}
