//! Rows of runs.

use std::time::Duration;

use victor_core::{RunId, Timestamp};
use victor_workflow_protocol::checkpoint::ContentHash;
use victor_workflow_protocol::{JournalError, RunHolder, RunInfo, RunQuery};

use crate::driver::Row;
use crate::error::DatabaseError;
use crate::statement::Statement;

/// The states in which nothing more happens.
pub(super) const ENDED: &str = "('finished', 'failed', 'cancelled')";

/// The longest claim, so that its end is a number.
const LONGEST: Duration = Duration::from_secs(1 << 40);

/// The beginning of a statement that reads what [`info`] takes.
pub(super) fn select<'a>(now: &'static str) -> Statement<'a> {
    Statement::new(
        "SELECT id, workflow, definition, start_key, status, created_at, updated_at, wake_at, records, fence, owner, \
         process, held_until - ",
    )
    .push(now)
    .push(" FROM victor_runs")
}

/// The statement that finds what a query asks for.
pub(super) fn find<'a>(query: &'a RunQuery, now: &'static str) -> Statement<'a> {
    let mut statement = select(now).push(" WHERE 1 = 1");
    if let Some(workflow) = &query.workflow {
        statement = statement.push(" AND workflow = ").push_value(&**workflow);
    }
    if let Some(status) = &query.status {
        statement = statement.push(" AND status = ").push_value(status.as_str());
    }
    if query.open {
        statement = statement.push(" AND status NOT IN ").push(ENDED);
    }
    statement = statement.push(" ORDER BY created_at DESC, id DESC");
    match query.first {
        Some(count) => {
            let count = i64::try_from(count).unwrap_or(i64::MAX);
            statement.push(" LIMIT ").push_value(count)
        }
        None => statement,
    }
}

/// The facts about a run.
pub(super) fn info(row: &Row, place: &str) -> Result<RunInfo, DatabaseError> {
    let failed = |error| DatabaseError::new(place, error);
    let unreadable = |source: victor_core::BoxError| DatabaseError::Unreadable {
        place: place.to_owned(),
        what: "run",
        source,
    };
    let id: RunId = row
        .text(0)
        .map_err(failed)?
        .parse()
        .map_err(|error| unreadable(Box::new(error)))?;
    let hash = <[u8; 32]>::try_from(row.bytes(2).map_err(failed)?);
    let hash = hash.map_err(|error| unreadable(error.into()))?;
    // A time that is no time is not there, since no other than ours is written.
    let time = |micros| Timestamp::from_unix_micros(micros).unwrap_or_default();
    let mut info = RunInfo::new(row.text(1).map_err(failed)?, ContentHash::from_bytes(hash));
    info.id = id;
    info.key = row.optional_text(3).map_err(failed)?.map(str::to_owned);
    info.status = row.text(4).map_err(failed)?.into();
    info.created_at = time(row.int(5).map_err(failed)?);
    info.updated_at = time(row.int(6).map_err(failed)?);
    info.wake_at = row.optional_int(7).map_err(failed)?.map(time);
    info.records = row.int(8).map_err(failed)?.unsigned_abs();
    if let Some(owner) = row.optional_text(10).map_err(failed)? {
        let fence = row.int(9).map_err(failed)?.unsigned_abs();
        let process = row.optional_text(11).map_err(failed)?.map(str::to_owned);
        let left = row.optional_int(12).map_err(failed)?.unwrap_or_default();
        let left = Duration::from_micros(u64::try_from(left).unwrap_or_default());
        info.holder = Some(RunHolder::new(owner, fence, left).with_process(process));
    }
    Ok(info)
}

/// The error that somebody has a run.
pub(super) fn held(run: RunId, holder: RunHolder) -> JournalError {
    JournalError::Held {
        run,
        owner: holder.owner,
        left: holder.left,
    }
}

/// The length of a claim as a number of microseconds.
pub(super) fn lasting(time: Duration) -> i64 {
    i64::try_from(time.min(LONGEST).as_micros()).unwrap_or(i64::MAX)
}

/// A number as databases have it. None of theirs is greater.
pub(super) fn int(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
