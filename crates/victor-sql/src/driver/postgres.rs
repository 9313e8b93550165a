//! PostgreSQL.

use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection, PgDatabaseError, PgPoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};

use super::{Lock, Pools};
use crate::error::{Cause, DatabaseError};
use crate::options::DatabaseOptions;

/// After which time without work a connection is asked whether it still lives.
const IDLE: Duration = Duration::from_secs(1);

/// The time in microseconds since 1970, by the server's clock, also where a statement has waited
/// (<https://www.postgresql.org/docs/current/functions-datetime.html>).
pub(crate) const NOW: &str = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint";

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
    let probe = async { PgConnection::connect_with(&connect).await?.close().await };
    tokio::time::timeout(options.acquire_timeout, probe)
        .await
        .map_err(|_| DatabaseError::TimedOut {
            place: place.to_owned(),
            cause: sqlx::Error::PoolTimedOut.into(),
        })?
        .map_err(|error| DatabaseError::Unreachable {
            place: place.to_owned(),
            source: error.into(),
        })?;
    let settings = format!(
        "SET statement_timeout = {}; SET lock_timeout = {}; \
         SET idle_in_transaction_session_timeout = {0}; SET client_min_messages = warning",
        millis(options.statement_timeout),
        millis(options.lock_timeout),
    );
    let pool = PgPoolOptions::new()
        .max_connections(options.connections.max(1))
        .acquire_timeout(options.acquire_timeout)
        .test_before_acquire(false)
        .before_acquire(|connection, meta| {
            Box::pin(async move {
                if meta.idle_for > IDLE {
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
        .connect_lazy_with(connect);
    Ok(Pools::Postgres(pool))
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
        code if code.starts_with("28") || code.starts_with("3D") || code == "53300" => {
            Cause::Unreachable
        }
        _ => Cause::Other,
    }
}
