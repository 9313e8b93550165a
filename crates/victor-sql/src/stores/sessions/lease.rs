//! Leases: who works on a session. They stand in the session's row, so that a write checks and changes them by the same
//! statement, and what is admitted is what [`LeaseChange::check`] says.

use std::time::Duration;

use victor_core::{SessionId, Timestamp, TurnId};
use victor_session_protocol::{
    LeaseChange, LeaseClaim, LeaseOwner, SessionError, SessionLease, SessionStanding,
};

use super::{int, json};
use crate::database::Database;
use crate::driver::{Pools, Row};
use crate::error::DatabaseError;
use crate::statement::Statement;

/// The longest lease, so that its end is a number.
const LONGEST: Duration = Duration::from_secs(1 << 40);

/// Appends to the `SET` of an update of sessions what becomes of the lease.
pub(super) fn set<'a>(
    statement: Statement<'a>,
    change: &LeaseChange,
    now: &'static str,
) -> Result<Statement<'a>, DatabaseError> {
    Ok(match change {
        LeaseChange::Hold(claim) => {
            let fence = int(claim.fence);
            statement
                .push(", held_since = CASE WHEN fence = ")
                .push_value(fence)
                .push(" THEN held_since ELSE ")
                .push(now)
                .push(" END, held_until = ")
                .push(now)
                .push(" + ")
                .push_value(micros(claim.time))
                .push(", held_for = ")
                .push_value(micros(claim.time))
                .push(", owner_turn = ")
                .push_value(claim.turn.to_string())
                .push(", owner = ")
                .push_value(json(&claim.owner)?)
                .push(", fence = ")
                .push_value(fence)
        }
        LeaseChange::Release(claim) => statement
            .push(
                ", owner = NULL, owner_turn = NULL, held_since = NULL, held_until = NULL, fence = ",
            )
            .push_value(int(claim.fence)),
        _ => statement,
    })
}

/// Appends to the `WHERE` of an update of sessions by which lease it is admitted.
pub(super) fn admitted<'a>(
    statement: Statement<'a>,
    change: &LeaseChange,
    now: &'static str,
) -> Result<Statement<'a>, DatabaseError> {
    let free =
        |statement: Statement<'a>| statement.push("owner IS NULL OR held_until <= ").push(now);
    let claimed = |statement: Statement<'a>, claim: &LeaseClaim, released: &'static str| {
        let fence = int(claim.fence);
        let statement = statement
            .push(" AND (fence = ")
            .push_value(fence)
            .push(" AND (owner = ")
            .push_value(json(&claim.owner)?)
            .push(released)
            .push(") OR fence < ")
            .push_value(fence)
            .push(" AND (");
        let statement = free(statement);
        Ok(match claim.over {
            Some(over) => statement.push(" OR fence = ").push_value(int(over)),
            None => statement,
        }
        .push("))"))
    };
    match change {
        LeaseChange::Hold(claim) => claimed(statement, claim, ""),
        LeaseChange::Release(claim) => claimed(statement, claim, " OR owner IS NULL"),
        _ => Ok(free(statement.push(" AND (")).push(")")),
    }
}

/// Takes, renews or releases a lease by itself.
pub(super) fn change<'a>(
    session: &'a SessionId,
    change: &LeaseChange,
    now: &'static str,
) -> Result<Statement<'a>, DatabaseError> {
    let statement = Statement::new("UPDATE victor_sessions SET entries = entries");
    let statement = set(statement, change, now)?
        .push(" WHERE id = ")
        .push_value(session.as_str());
    admitted(statement, change, now)
}

/// Selects what [`standing`] reads.
pub(super) fn read<'a>(session: &'a SessionId, pools: &Pools) -> Statement<'a> {
    Statement::new(
        "SELECT entries, status, fence, owner, owner_turn, held_since, held_until, \
         (SELECT count(*) FROM victor_open_turns WHERE session = key), held_for, ",
    )
    .push(pools.now())
    .push(", ")
    .push(first_in_line(pools))
    .push(" FROM victor_sessions WHERE id = ")
    .push_value(session.as_str())
}

/// The name of the one who waits for a session for the longest time, where there are lines.
fn first_in_line(pools: &Pools) -> &'static str {
    match pools {
        #[cfg(feature = "sqlite")]
        Pools::Sqlite { .. } => "NULL",
        #[cfg(feature = "postgres")]
        Pools::Postgres(_) => {
            "(SELECT waiter FROM victor_waiters WHERE topic = 'session ' || id \
             AND until > (extract(epoch FROM clock_timestamp()) * 1000000)::bigint ORDER BY ticket LIMIT 1)"
        }
    }
}

/// Reads the standing of a session.
pub(super) fn standing(row: &Row, database: &Database) -> Result<SessionStanding, DatabaseError> {
    let failed = |error| database.error(error);
    let mut standing = SessionStanding::default();
    standing.entries = row.int(0).map_err(failed)?.unsigned_abs();
    standing.status = row.text(1).map_err(failed)?.into();
    standing.fence = row.int(2).map_err(failed)?.unsigned_abs();
    standing.has_open_turn = row.int(7).map_err(failed)? > 0;
    let first = row.optional_text(10).map_err(failed)?;
    standing.first_in_line = first.map(str::to_owned);
    if let Some(owner) = row.optional_text(3).map_err(failed)? {
        standing.lease = Some(lease(row, owner, standing.fence, database)?);
    }
    Ok(standing)
}

fn lease(
    row: &Row,
    owner: &str,
    fence: u64,
    database: &Database,
) -> Result<SessionLease, DatabaseError> {
    let failed = |error| database.error(error);
    let owner: LeaseOwner = database.parse(owner, "lease")?;
    let turn = row.text(4).map_err(failed)?;
    let turn = turn
        .parse::<TurnId>()
        .map_err(|error| DatabaseError::Unreadable {
            place: database.place().to_owned(),
            what: "lease",
            source: error.into(),
        })?;
    let since = Timestamp::from_unix_micros(row.int(5).map_err(failed)?);
    let (until, now) = (row.int(6).map_err(failed)?, row.int(9).map_err(failed)?);
    let duration = |micros: i64| Duration::from_micros(u64::try_from(micros).unwrap_or_default());
    let time = row.optional_int(8).map_err(failed)?.map(duration);
    let left = match (duration(until - now), time) {
        // The clock was set forward, and the owner may live.
        (Duration::ZERO, Some(time)) => database.clock().spared(time),
        (left, time) => time.map_or(left, |time| left.min(time)),
    };
    let lease = SessionLease::new(owner, turn, fence, left);
    Ok(lease
        .with_since(since.unwrap_or_default())
        .with_renewal(time, Some(until.unsigned_abs())))
}

/// The database's time, as a row has it that [`read`] selects.
pub(super) fn time(row: &Row) -> Option<i64> {
    row.int(9).ok()
}

/// Why a change of a lease was refused. It may be admitted by now.
pub(super) fn refusal(
    session: &SessionId,
    change: &LeaseChange,
    standing: &SessionStanding,
) -> SessionError {
    match change.check(session, standing.fence, standing.lease.as_ref()) {
        Err(error) => error,
        Ok(()) => run_out(session, standing),
    }
}

/// The refusal by a lease that has run out since.
pub(super) fn run_out(session: &SessionId, standing: &SessionStanding) -> SessionError {
    SessionError::Fenced {
        session: session.clone(),
        by: standing
            .lease
            .as_ref()
            .map(|lease| lease.owner.name.clone()),
    }
}

/// A time as a number of microseconds.
fn micros(time: Duration) -> i64 {
    i64::try_from(time.min(LONGEST).as_micros()).unwrap_or(i64::MAX)
}
