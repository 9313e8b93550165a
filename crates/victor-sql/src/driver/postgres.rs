//! PostgreSQL.

use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use sqlx::pool::PoolConnection;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgDatabaseError, PgListener, PgPoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgPool, Postgres};
use tokio::time::{sleep, timeout};

use super::{Lock, Pools};
use crate::error::{Cause, DatabaseError};
use crate::options::DatabaseOptions;
use crate::signals::Signals;

/// After which time without work a connection is asked whether it still lives.
const IDLE: Duration = Duration::from_secs(1);

/// After which time without a notification it is looked whether anybody waits.
const LISTEN: Duration = Duration::from_secs(10);

/// The time in microseconds since 1970, by the server's clock, also where a statement has waited
/// (<https://www.postgresql.org/docs/current/functions-datetime.html>).
pub(crate) const NOW: &str = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint";

/// The oldest version of the server that is used, by its number.
const OLDEST: u32 = 130_000;

/// The codes of a server that has no connection or memory left.
const EXHAUSTED: [&str; 3] = ["53300", "53200", "53400"];

/// The first and the longest pause before it is listened again to a server that cannot be reached.
const PAUSES: (Duration, Duration) = (Duration::from_millis(20), Duration::from_millis(500));

/// The connections to a server.
#[derive(Debug, Clone)]
pub(crate) struct Server {
    pool: PgPool,
    /// One connection, which hears notifications.
    ear: PgPool,
    patience: Duration,
    lost: Arc<Lost>,
}

/// The time at which a connection was last lost or given up, after which those that were idle by then are asked whether
/// they still live.
#[derive(Debug)]
pub(crate) struct Lost {
    start: Instant,
    micros: AtomicU64,
}

impl Lost {
    fn new() -> Self {
        Self {
            start: Instant::now(),
            micros: AtomicU64::new(0),
        }
    }

    pub(crate) fn note(&self) {
        let micros = u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.micros.store(micros, Ordering::Relaxed);
    }

    /// Whether one was lost within this time.
    fn is_within(&self, time: Duration) -> bool {
        let lost = Duration::from_micros(self.micros.load(Ordering::Relaxed));
        !lost.is_zero() && self.start.elapsed().saturating_sub(lost) <= time
    }
}

impl Server {
    /// Takes a connection, and what is told if it is lost.
    pub(crate) async fn acquire(
        &self,
    ) -> Result<(PoolConnection<Postgres>, Arc<Lost>), sqlx::Error> {
        Ok((self.pool.acquire().await?, Arc::clone(&self.lost)))
    }

    /// Time for which a server that restarts is waited for.
    pub(crate) fn patience(&self) -> Duration {
        self.patience
    }

    pub(crate) async fn close(&self) {
        self.ear.close().await;
        self.pool.close().await;
    }

    /// Hears notifications from now on, until nobody has the signals any more.
    pub(crate) fn listen(&self, signals: &Arc<Signals>) {
        if !signals.begin_to_listen() {
            return;
        }
        // Who waits before it listens looks again soon, and so does everybody after the connection was lost.
        tokio::spawn(hear(self.ear.clone(), Arc::downgrade(signals)));
    }
}

/// Wakes those who wait when they are notified.
async fn hear(pool: PgPool, signals: Weak<Signals>) {
    let (first, longest) = PAUSES;
    let mut pause = first;
    while let Some(known) = signals.upgrade() {
        match listen(&pool).await {
            Ok(mut listener) => {
                pause = first;
                known.wake_all();
                drop(known);
                while let Some(heard) = next(&mut listener).await {
                    let Some(signals) = signals.upgrade() else {
                        return;
                    };
                    if let Some(waiter) = heard {
                        signals.wake(&waiter);
                    }
                }
            }
            Err(sqlx::Error::PoolClosed) => return known.end_to_listen(),
            Err(error) => {
                tracing::debug!(%error, "notifications are not heard");
                sleep(pause).await;
                pause = (pause * 2).min(longest);
            }
        }
    }
}

async fn listen(pool: &PgPool) -> Result<PgListener, sqlx::Error> {
    let mut listener = PgListener::connect_with(pool).await?;
    listener.listen("victor").await?;
    Ok(listener)
}

/// Returns the next one who is notified, or nobody after a while; none when the connection is lost.
async fn next(listener: &mut PgListener) -> Option<Option<String>> {
    match timeout(LISTEN, listener.try_recv()).await {
        Ok(Ok(Some(notification))) => Some(Some(notification.payload().to_owned())),
        Ok(_) => None,
        Err(_) => Some(None),
    }
}

/// Parses an address, and returns it without its password, too, to show it.
pub(crate) fn parse(address: &str) -> Result<(PgConnectOptions, String), DatabaseError> {
    let connect = PgConnectOptions::from_str(address).map_err(|error| DatabaseError::Address {
        message: format!("a `postgres://` address that cannot be read: {error}"),
    })?;
    let host = match connect.get_socket() {
        Some(socket) => socket.display().to_string(),
        None => connect.get_host().to_owned(),
    };
    let user = connect.get_username();
    let place = format!(
        "postgres://{user}@{host}:{}/{}",
        connect.get_port(),
        connect.get_database().unwrap_or(user)
    );
    let connect = connect
        .application_name("victor")
        .disable_statement_logging();
    Ok((connect, place))
}

/// Connects to a server.
pub(crate) async fn open(
    connect: PgConnectOptions,
    place: &str,
    options: &DatabaseOptions,
) -> Result<Pools, DatabaseError> {
    // A pool goes on trying for a long time where a server refuses, and does not say why in the end.
    let probe = async {
        let connection = PgConnection::connect_with(&connect).await?;
        let version = connection.server_version_num();
        connection.close().await?;
        Ok(version)
    };
    let version = tokio::time::timeout(options.acquire_timeout, probe)
        .await
        .map_err(|_| DatabaseError::TimedOut {
            place: place.to_owned(),
            cause: sqlx::Error::PoolTimedOut.into(),
        })?
        .map_err(|error| refused(place, error))?;
    check_version(place, version)?;
    let settings = format!(
        "SET statement_timeout = {}; SET lock_timeout = {}; \
         SET idle_in_transaction_session_timeout = {}; SET client_min_messages = warning",
        millis(options.statement_timeout),
        millis(options.lock_timeout),
        // A process that hangs or is cut off gives its locks up before those who wait for them do.
        millis(options.lock_timeout / 2),
    );
    let lost = Arc::new(Lost::new());
    let suspect = Arc::clone(&lost);
    let pool = PgPoolOptions::new()
        .max_connections(options.connections.max(1))
        .acquire_timeout(options.acquire_timeout)
        .test_before_acquire(false)
        .before_acquire(move |connection, meta| {
            let is_suspect = meta.idle_for > IDLE || suspect.is_within(meta.idle_for);
            Box::pin(async move {
                if is_suspect {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
        .after_connect(move |connection, _| {
            let settings = AssertSqlSafe(settings.clone());
            Box::pin(async move {
                sqlx::raw_sql(settings).execute(connection).await?;
                Ok(())
            })
        })
        .connect_lazy_with(connect.clone());
    let ear = PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(options.acquire_timeout)
        .max_lifetime(None)
        .idle_timeout(None)
        .connect_lazy_with(connect);
    Ok(Pools::Postgres(Server {
        pool,
        ear,
        patience: options.acquire_timeout,
        lost,
    }))
}

/// The reason for which a server lets nobody in.
fn refused(place: &str, error: sqlx::Error) -> DatabaseError {
    let error_code = sqlx::error::DatabaseError::code;
    let code = error.as_database_error().and_then(error_code);
    if code.is_some_and(|code| EXHAUSTED.contains(&&*code)) {
        return DatabaseError::new(place, error);
    }
    DatabaseError::Unreachable {
        place: place.to_owned(),
        source: error.into(),
    }
}

/// Checks the number of a server's version. A server that does not tell it is no PostgreSQL and may do.
fn check_version(place: &str, version: Option<u32>) -> Result<(), DatabaseError> {
    match version {
        Some(found) if found < OLDEST => Err(DatabaseError::TooOld {
            place: place.to_owned(),
            found: found / 10_000,
            needed: OLDEST / 10_000,
        }),
        _ => Ok(()),
    }
}

/// In milliseconds as the server takes them: 0 would mean for ever, and there is a largest number.
fn millis(timeout: Duration) -> i32 {
    i32::try_from(timeout.as_millis())
        .unwrap_or(i32::MAX)
        .max(1)
}

/// Takes a lock until the transaction ends. The numbers say "victor" and are there for nobody else.
pub(crate) fn lock(lock: Lock) -> &'static str {
    match lock {
        Lock::Schema => "SELECT pg_advisory_xact_lock(130238414056449)",
        Lock::Building => "SELECT pg_advisory_xact_lock_shared(130238414056450)",
        Lock::Removing => "SELECT pg_advisory_xact_lock(130238414056450)",
        Lock::Outbox => "SELECT pg_advisory_xact_lock(130238414056451)",
    }
}

/// Classifies a code of PostgreSQL (<https://www.postgresql.org/docs/current/errcodes-appendix.html>).
pub(crate) fn cause(error: &PgDatabaseError) -> Cause {
    match error.code() {
        "53100" => Cause::Full,
        "55P03" => Cause::Locked,
        "57014" => Cause::TimedOut,
        "25006" | "42501" => Cause::ReadOnly,
        "XX001" | "XX002" => Cause::Corrupt,
        code if code.starts_with("08") || code.starts_with("57P") => Cause::Disconnected,
        code if EXHAUSTED.contains(&code) => Cause::Exhausted,
        code if code.starts_with("28") || code.starts_with("3D") => Cause::Unreachable,
        _ => Cause::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_is_too_old_is_refused() {
        for version in [None, Some(OLDEST), Some(180_001)] {
            assert!(check_version("place", version).is_ok(), "{version:?}");
        }
        let error = check_version("place", Some(120_022)).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`place` is PostgreSQL 12, and 13 or later is needed: upgrade the server"
        );
    }

    #[test]
    fn connections_that_were_idle_when_another_one_was_lost_are_suspect() {
        let lost = Lost::new();
        assert!(!lost.is_within(Duration::MAX));
        std::thread::park_timeout(Duration::from_millis(1));
        lost.note();
        assert!(lost.is_within(Duration::from_secs(60)));
        std::thread::park_timeout(Duration::from_millis(2));
        assert!(!lost.is_within(Duration::from_millis(1)));
    }
}
