//! The journal of workflows.
//!
//! A run is a row with the number of its records and its holder. Every commit compares and changes that row first, so
//! of several writers one finds it as it expected, and records are numbered in the order of the commits.

mod queue;
mod row;
mod single;
mod write;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use victor_core::{RunId, Timestamp};
use victor_workflow_protocol::checkpoint::ContentHash;
use victor_workflow_protocol::{
    ClaimRequest, JournalError, RunClaim, RunCommit, RunHolder, RunInfo, RunQuery, RunRecord,
    RunStatus, Signal, WorkflowEvent, WorkflowJournal,
};

use self::row::{ENDED, int, lasting, select};
use super::{json, micros};
use crate::database::Database;
use crate::driver::Row;
use crate::error::DatabaseError;
use crate::statement::{ROWS, Statement, Value};
use crate::transaction::Transaction;

/// The number of times that a run is claimed anew which was taken and given back at the same time.
const CLAIMS: usize = 5;

/// Keeps the runs of workflows in a database. Claims run out by the clock of the machine in SQLite, and by that of the
/// server in PostgreSQL.
///
/// Handlers may have their own writes to this database done together with the record of their step.
#[derive(Debug, Clone)]
pub struct SqlWorkflowJournal(Database);

impl Database {
    /// Returns the journal of workflows.
    #[must_use]
    pub fn workflow_journal(&self) -> Arc<SqlWorkflowJournal> {
        Arc::new(SqlWorkflowJournal(self.clone()))
    }
}

#[async_trait]
impl WorkflowJournal for SqlWorkflowJournal {
    fn takes_writes(&self) -> bool {
        true
    }

    async fn put_definition(&self, hash: ContentHash, text: &str) -> Result<(), JournalError> {
        let statement = Statement::new(
            "INSERT INTO victor_workflows (hash, definition) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        );
        let statement = statement.bind(&hash.as_bytes()[..]).bind(text);
        self.0.execute(statement).await?;
        Ok(())
    }

    async fn definition(&self, hash: ContentHash) -> Result<Option<Arc<str>>, JournalError> {
        let statement = Statement::new("SELECT definition FROM victor_workflows WHERE hash = $1");
        let rows = self.0.rows(statement.bind(&hash.as_bytes()[..])).await?;
        let text = rows.first().map(|row| row.text(0)).transpose();
        Ok(text.map_err(|error| self.0.error(error))?.map(Arc::from))
    }

    async fn create(
        &self,
        run: &RunInfo,
        commit: &RunCommit,
    ) -> Result<(RunInfo, bool), JournalError> {
        let claim = commit.claim.as_ref();
        let status = commit.status.as_ref().unwrap_or(&run.status);
        let now = self.0.pools().now();
        let mut statement = single::begin(self.0.pools()).push(
            "INSERT INTO victor_runs (id, workflow, start_key, definition, status, created_at, updated_at, wake_at, \
             records, owner, process, fence, held_until) VALUES (",
        );
        let columns = [
            run.id.to_string().into(),
            (&*run.workflow).into(),
            run.key.as_deref().into(),
            run.definition.as_bytes()[..].into(),
            status.as_str().into(),
            micros(run.created_at).into(),
            micros(run.updated_at).into(),
            commit.wake_at.map(micros).into(),
            int(commit.events.len() as u64).into(),
            claim.map(|claim| &*claim.owner).into(),
            claim.and_then(|claim| claim.process.as_deref()).into(),
            Value::from(i64::from(claim.is_some())),
        ];
        statement = statement.push_values(columns);
        statement = match claim {
            Some(claim) => statement
                .push(", ")
                .push(now)
                .push(" + ")
                .push_value(lasting(claim.time))
                .push(")"),
            None => statement.push(", NULL)"),
        };
        statement = statement.push(" ON CONFLICT DO NOTHING");
        let statement = single::end(statement, self.0.pools(), run.id, 0, commit)?;
        let mut patience = self.0.patience();
        let rows = loop {
            match self.0.written(statement.clone()).await {
                Err(error) if patience.allows(&error).await => {
                    // What was lost with its connection may have been written.
                    if let Some(info) = self.info(run.id).await? {
                        return Ok((info, true));
                    }
                }
                rows => break rows?,
            }
        };
        if !rows.is_empty() {
            let mut created = run.clone();
            created.records = commit.events.len() as u64;
            created.status = status.clone();
            created.wake_at = commit.wake_at;
            created.holder = claim.map(|claim| {
                let holder = RunHolder::new(&*claim.owner, 1, claim.time);
                holder.with_process(claim.process.clone())
            });
            return Ok((created, true));
        }
        let statement = select(now)
            .push(" WHERE workflow = ")
            .push_value(&*run.workflow)
            .push(" AND start_key = ")
            .push_value(run.key.as_deref());
        match self.0.rows(statement).await?.first() {
            Some(row) => Ok((row::info(row, self.0.place())?, false)),
            None => Err(JournalError::AlreadyExists(run.id)),
        }
    }

    async fn claim(&self, run: RunId, request: &ClaimRequest) -> Result<RunClaim, JournalError> {
        let now = self.0.pools().now();
        let mut statement = Statement::new(
            "UPDATE victor_runs SET fence = fence + 1, offered_until = NULL, owner = ",
        )
        .push_value(&*request.owner)
        .push(", process = ")
        .push_value(request.process.as_deref())
        .push(", held_until = ")
        .push(now)
        .push(" + ")
        .push_value(lasting(request.time))
        .push(" WHERE id = ")
        .push_value(run.to_string())
        .push(" AND status NOT IN ")
        .push(ENDED)
        .push(" AND (owner IS NULL OR held_until <= ")
        .push(now);
        if let Some(fence) = request.over {
            statement = statement.push(" OR fence = ").push_value(int(fence));
        }
        let statement = statement.push(") RETURNING fence, records");
        for _ in 0..CLAIMS {
            let rows = self.claimed(statement.clone()).await?;
            if let (Some(fence), Some(records)) = (self.number(&rows, 0)?, self.number(&rows, 1)?) {
                let (fence, records) = (fence.unsigned_abs(), records.unsigned_abs());
                return Ok(RunClaim::new(fence, request.time, records));
            }
            let info = self.info(run).await?.ok_or(JournalError::NotFound(run))?;
            match info.holder {
                _ if info.status.has_ended() => return Err(JournalError::Ended(run)),
                Some(holder) => return Err(row::held(run, holder)),
                None => {} // it was given back between the two statements
            }
        }
        Err(JournalError::store(
            "the run is taken and given back all the time: try again",
        ))
    }

    async fn commit(
        &self,
        run: RunId,
        claim: &RunClaim,
        commit: &RunCommit,
    ) -> Result<u64, JournalError> {
        if !single::fits(commit) {
            let mut transaction = self.0.begin().await?;
            let outcome = self.commit_in(&mut transaction, run, claim, commit).await;
            return transaction.end(outcome).await;
        }
        let pools = self.0.pools();
        let statement = changes(single::begin(pools), pools.now(), run, claim, commit);
        let from = commit.expected.unwrap_or_default();
        let statement = single::end(statement, pools, run, from, commit)?;
        let mut patience = self.0.patience();
        let rows = loop {
            match self.0.written(statement.clone()).await {
                Err(error) if patience.allows(&error).await => {
                    // What was lost with its connection may have been written.
                    if self.has(run, from, commit).await? {
                        return Ok(from + commit.events.len() as u64);
                    }
                }
                rows => break rows?,
            }
        };
        match self.number(&rows, 1)? {
            Some(records) => Ok(records.unsigned_abs()),
            None => {
                let info = self.info(run).await?.ok_or(JournalError::NotFound(run))?;
                Err(refusal(&info, claim, commit))
            }
        }
    }

    async fn signal(&self, run: RunId, signal: &Signal) -> Result<bool, JournalError> {
        let mut transaction = self.0.begin().await?;
        let outcome = self.signal_in(&mut transaction, run, signal).await;
        transaction.end(outcome).await
    }

    async fn records(
        &self,
        run: RunId,
        from: u64,
        max: usize,
    ) -> Result<Vec<RunRecord>, JournalError> {
        // A run without such records has one row, and it is empty.
        let statement = Statement::new(
            "SELECT record FROM victor_runs LEFT JOIN victor_run_records ON run = key AND number >= $1
             WHERE id = $2 ORDER BY number LIMIT $3",
        );
        let max = i64::try_from(max.max(1)).unwrap_or(i64::MAX);
        let statement = statement.bind(int(from)).bind(run.to_string()).bind(max);
        let rows = self.0.rows(statement).await?;
        if rows.is_empty() {
            return Err(JournalError::NotFound(run));
        }
        let mut records = Vec::with_capacity(rows.len());
        for row in &rows {
            let text = row.optional_text(0).map_err(|error| self.0.error(error))?;
            if let Some(text) = text {
                records.push(self.0.parse(text, "record of a run")?);
            }
        }
        Ok(records)
    }

    async fn values(
        &self,
        run: RunId,
        hashes: &[ContentHash],
    ) -> Result<Vec<Arc<str>>, JournalError> {
        let mut found: HashMap<Vec<u8>, Arc<str>> = HashMap::new();
        let id = run.to_string();
        for some in hashes.chunks(ROWS) {
            let statement = Statement::new(
                "SELECT hash, value FROM victor_run_values JOIN victor_runs ON run = victor_runs.key WHERE id = $1",
            )
            .bind(&*id)
            .push(" AND hash IN (")
            .push_values(some.iter().map(|hash| &hash.as_bytes()[..]))
            .push(")");
            for row in &self.0.rows(statement).await? {
                let hash = row.bytes(0).map_err(|error| self.0.error(error))?;
                let text = row.text(1).map_err(|error| self.0.error(error))?;
                found.insert(hash.to_vec(), text.into());
            }
        }
        let missing = |hash: &ContentHash| JournalError::Damaged {
            message: format!("run `{run}` has no value {hash}"),
        };
        let value = |hash: &ContentHash| {
            let value = found.get(&hash.as_bytes()[..]).cloned();
            value.ok_or_else(|| missing(hash))
        };
        hashes.iter().map(value).collect()
    }

    async fn info(&self, run: RunId) -> Result<Option<RunInfo>, JournalError> {
        let statement = select(self.0.pools().now()).push(" WHERE id = ");
        let rows = self.0.rows(statement.push_value(run.to_string())).await?;
        let info = rows.first().map(|row| row::info(row, self.0.place()));
        Ok(info.transpose()?)
    }

    async fn find(&self, query: &RunQuery) -> Result<Vec<RunInfo>, JournalError> {
        let rows = self.0.rows(row::find(query, self.0.pools().now())).await?;
        let infos = rows.iter().map(|row| row::info(row, self.0.place()));
        Ok(infos.collect::<Result<_, _>>()?)
    }

    async fn offer(&self, max: usize, time: Duration) -> Result<Vec<RunId>, JournalError> {
        Ok(queue::offer(&self.0, max, time).await?)
    }

    async fn wait_for_work(&self, time: Duration) -> Result<bool, JournalError> {
        Ok(queue::wait(&self.0, time).await?)
    }

    async fn delete(&self, run: RunId) -> Result<bool, JournalError> {
        let now = self.0.pools().now();
        let statement = Statement::new("DELETE FROM victor_runs WHERE id = $1")
            .bind(run.to_string())
            .push(" AND (owner IS NULL OR held_until <= ")
            .push(now)
            .push(")");
        if self.0.execute(statement).await? > 0 {
            self.0.empty_log().await?;
            return Ok(true);
        }
        match self.info(run).await?.and_then(|info| info.holder) {
            Some(holder) => Err(row::held(run, holder)),
            None => Ok(false),
        }
    }
}

impl SqlWorkflowJournal {
    /// Makes a claim, on a connection that works: one that is lost with it would look like that of somebody else.
    async fn claimed(&self, statement: Statement<'_>) -> Result<Vec<Row>, JournalError> {
        if self.0.patience().is_none() {
            return Ok(self.0.written(statement).await?);
        }
        let mut transaction = self.0.begin().await?;
        let outcome = transaction.rows(statement).await;
        Ok(transaction.end(outcome).await?)
    }

    /// Whether a run has the records of a commit, from a number on.
    async fn has(&self, run: RunId, from: u64, commit: &RunCommit) -> Result<bool, JournalError> {
        let found = self.records(run, from, commit.events.len()).await?;
        let found = found.iter().map(|record| &record.event);
        Ok(!commit.events.is_empty() && found.eq(&commit.events))
    }

    async fn commit_in(
        &self,
        transaction: &mut Transaction<'_>,
        run: RunId,
        claim: &RunClaim,
        commit: &RunCommit,
    ) -> Result<u64, JournalError> {
        let count = int(commit.events.len() as u64);
        let statement = changes(Statement::new(""), transaction.now(), run, claim, commit);
        let rows = transaction
            .rows(statement.push(" RETURNING key, records"))
            .await?;
        let (Some(key), Some(records)) = (self.number(&rows, 0)?, self.number(&rows, 1)?) else {
            let info = self.info_in(transaction, run).await?;
            return Err(refusal(&info, claim, commit));
        };
        write::records(transaction, key, records - count, &commit.events).await?;
        write::values(transaction, key, &commit.values).await?;
        for foreign in &commit.writes {
            write::foreign(transaction, foreign).await?;
        }
        Ok(records.unsigned_abs())
    }

    async fn signal_in(
        &self,
        transaction: &mut Transaction<'_>,
        run: RunId,
        signal: &Signal,
    ) -> Result<bool, JournalError> {
        // Changes nothing, and holds the row until the end.
        let statement = Statement::new(
            "UPDATE victor_runs SET records = records WHERE id = $1 RETURNING key, records, status",
        );
        let rows = transaction.rows(statement.bind(run.to_string())).await?;
        let (Some(key), Some(number)) = (self.number(&rows, 0)?, self.number(&rows, 1)?) else {
            return Err(JournalError::NotFound(run));
        };
        let insert =
            "INSERT INTO victor_run_signals (run, key) VALUES ($1, $2) ON CONFLICT DO NOTHING";
        let insert = Statement::new(insert).bind(key).bind(&*signal.key);
        if transaction.execute(insert).await? == 0 {
            return Ok(false);
        }
        let status = rows.first().map(|row| row.text(2)).transpose();
        let status = status
            .map_err(|error| self.0.error(error))?
            .map(RunStatus::from);
        if status.is_some_and(|status| status.has_ended()) {
            return Err(JournalError::Ended(run));
        }
        let update = Statement::new(
            "UPDATE victor_runs SET records = records + 1, updated_at = $1, \
             wake_at = CASE WHEN status = 'waiting' THEN NULL ELSE wake_at END, \
             status = CASE WHEN status = 'waiting' THEN 'running' ELSE status END WHERE key = $2",
        );
        let update = update.bind(micros(Timestamp::now())).bind(key);
        transaction.execute(update).await?;
        let event = WorkflowEvent::Signal(signal.clone());
        write::records(transaction, key, number, &[event]).await?;
        Ok(true)
    }

    async fn info_in(
        &self,
        transaction: &mut Transaction<'_>,
        run: RunId,
    ) -> Result<RunInfo, JournalError> {
        let statement = select(transaction.now()).push(" WHERE id = ");
        let rows = transaction
            .rows(statement.push_value(run.to_string()))
            .await?;
        match rows.first() {
            Some(row) => Ok(row::info(row, self.0.place())?),
            None => Err(JournalError::NotFound(run)),
        }
    }

    /// The number in a column of the first row, if there is a row.
    fn number(&self, rows: &[Row], column: usize) -> Result<Option<i64>, DatabaseError> {
        let number = rows.first().map(|row| row.int(column)).transpose();
        number.map_err(|error| self.0.error(error))
    }
}

/// The change of a run's row by a commit, up to what it returns.
fn changes<'a>(
    statement: Statement<'a>,
    now: &'static str,
    run: RunId,
    claim: &RunClaim,
    commit: &'a RunCommit,
) -> Statement<'a> {
    let mut statement = statement.push("UPDATE victor_runs SET records = records + ");
    statement = statement.push_value(int(commit.events.len() as u64));
    if !commit.events.is_empty() {
        statement = statement
            .push(", updated_at = ")
            .push_value(micros(Timestamp::now()));
    }
    if let Some(status) = &commit.status {
        statement = statement
            .push(", status = ")
            .push_value(status.as_str())
            .push(", wake_at = ")
            .push_value(commit.wake_at.map(micros));
    }
    if let Some(definition) = &commit.definition {
        let definition = &definition.as_bytes()[..];
        statement = statement.push(", definition = ").push_value(definition);
    }
    statement = match commit.releases {
        true => statement.push(", owner = NULL, process = NULL, held_until = NULL"),
        false => statement
            .push(", held_until = ")
            .push(now)
            .push(" + ")
            .push_value(lasting(claim.time)),
    };
    statement = statement
        .push(" WHERE id = ")
        .push_value(run.to_string())
        .push(" AND owner IS NOT NULL AND fence = ")
        .push_value(int(claim.fence));
    match commit.expected {
        Some(expected) => statement.push(" AND records = ").push_value(int(expected)),
        None => statement,
    }
}

/// The reason for which a commit changed nothing.
fn refusal(info: &RunInfo, claim: &RunClaim, commit: &RunCommit) -> JournalError {
    let is_own = (info.holder.as_ref()).is_some_and(|holder| holder.fence == claim.fence);
    match commit.expected {
        Some(expected) if is_own && expected != info.records => JournalError::Behind {
            run: info.id,
            expected,
            found: info.records,
        },
        _ => JournalError::Fenced(info.id),
    }
}
