//! Waiting for what other processes do.
//!
//! On a server, whoever waits enters a name into `victor_waiters` and is notified by the commit that makes it happen; one
//! connection of the process hears the notifications of all who wait in it. In a file nobody is notified, and those who
//! wait look again after pauses that grow.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::{Instant, timeout};
use victor_core::{Lock, SessionId};

use crate::database::Database;
#[cfg(feature = "postgres")]
use crate::driver::Pools;
use crate::error::DatabaseError;
use crate::statement::Statement;

/// The longest wait for a notification, since one that came while the connection was lost is not repeated.
pub(crate) const LONGEST: Duration = Duration::from_secs(1);
/// The time beyond its wait for which an entry stays, so that it is there until the next wait begins.
const GRACE: Duration = Duration::from_secs(2);
/// The time for which an entry stays that several share, and after which it is made again.
const SHARED: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(30));

/// Those of this process who wait.
#[derive(Debug)]
pub(crate) struct Signals {
    /// A name that no other process has.
    name: String,
    state: Lock<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Those who wait, by the names under which they are entered.
    waiting: HashMap<String, Entry>,
    #[cfg(feature = "postgres")]
    listens: bool,
}

#[derive(Debug, Default)]
struct Entry {
    notify: Arc<Notify>,
    /// Time at which it was entered into the database.
    entered: Option<Instant>,
}

impl Default for Signals {
    fn default() -> Self {
        Self {
            name: SessionId::generate().to_string(),
            state: Lock::default(),
        }
    }
}

impl Signals {
    /// A name that no other process has.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Wakes those who are entered under a name.
    #[cfg(feature = "postgres")]
    pub(crate) fn wake(&self, waiter: &str) {
        if let Some(entry) = self.state.lock().waiting.get(waiter) {
            entry.wake();
        }
    }

    /// Has everybody look again.
    #[cfg(feature = "postgres")]
    pub(crate) fn wake_all(&self) {
        self.state.lock().waiting.values().for_each(Entry::wake);
    }

    /// Returns whether nobody listens yet, for one who begins to.
    #[cfg(feature = "postgres")]
    pub(crate) fn begin_to_listen(&self) -> bool {
        !std::mem::replace(&mut self.state.lock().listens, true)
    }

    #[cfg(feature = "postgres")]
    pub(crate) fn end_to_listen(&self) {
        self.state.lock().listens = false;
    }

    /// Returns what wakes those under a name, and whether they are to be entered into the database.
    fn join(&self, waiter: &str, again: Duration) -> (Arc<Notify>, Option<Instant>) {
        let mut state = self.state.lock();
        if !state.waiting.contains_key(waiter) {
            // Those whom nobody asks for any more go.
            let is_used = |entry: &Entry| {
                let is_old = |at: Instant| at.elapsed() > SHARED.0;
                Arc::strong_count(&entry.notify) > 1 || !entry.entered.is_some_and(is_old)
            };
            state.waiting.retain(|_, entry| is_used(entry));
        }
        let entry = state.waiting.entry(waiter.to_owned()).or_default();
        let entered = entry.entered.filter(|at| at.elapsed() < again);
        (Arc::clone(&entry.notify), entered)
    }

    fn entered(&self, waiter: &str) {
        if let Some(entry) = self.state.lock().waiting.get_mut(waiter) {
            entry.entered = Some(Instant::now());
        }
    }
}

impl Entry {
    #[cfg(feature = "postgres")]
    fn wake(&self) {
        // All who wait, and one who is about to.
        self.notify.notify_waiters();
        self.notify.notify_one();
    }
}

/// Waits on a server under a name that nobody else has and that keeps its place among those who wait for a topic, for so
/// long at most. It returns at once if the name had no place: what happened before is to be looked for.
pub(crate) async fn wait_alone(
    database: &Database,
    topic: &str,
    waiter: &str,
    time: Duration,
) -> Result<(), DatabaseError> {
    let (time, began) = (time.min(LONGEST), Instant::now());
    let (notify, last) = database.signals().join(waiter, SHARED.0);
    enter(database, topic, waiter, time + GRACE).await?;
    if last.is_some() {
        // Whether it was notified or not, it is looked at again.
        let _ = timeout(time.saturating_sub(began.elapsed()), notify.notified()).await;
    }
    Ok(())
}

/// Waits on a server for a topic, together with others of this process, until `happened` says that it is so, for so long
/// at most.
pub(crate) async fn wait_together(
    database: &Database,
    topic: &str,
    time: Duration,
    mut happened: impl AsyncLook,
) -> Result<(), DatabaseError> {
    let until = Instant::now() + time;
    let waiter = format!("{} {topic}", database.signals().name);
    loop {
        let (notify, last) = database.signals().join(&waiter, SHARED.1);
        let mut notified = Box::pin(notify.notified());
        notified.as_mut().enable();
        if last.is_none() {
            enter(database, topic, &waiter, SHARED.0).await?;
        }
        let left = until.saturating_duration_since(Instant::now());
        if happened.look().await? || left.is_zero() {
            return Ok(());
        }
        let _ = timeout(left.min(LONGEST), notified).await;
    }
}

/// A look at whether something has happened.
pub(crate) trait AsyncLook: Send {
    fn look(&mut self) -> impl Future<Output = Result<bool, DatabaseError>> + Send;
}

/// Enters a name among those who wait for a topic.
async fn enter(
    database: &Database,
    topic: &str,
    waiter: &str,
    time: Duration,
) -> Result<(), DatabaseError> {
    #[cfg(feature = "postgres")]
    if let Pools::Postgres(server) = database.pools() {
        server.listen(database.signals());
    }
    let lasting = i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
    let insert = Statement::new("INSERT INTO victor_waiters (topic, waiter, until) VALUES (")
        .push_values([topic, waiter])
        .push(", ")
        .push(database.pools().now())
        .push(" + ")
        .push_value(lasting)
        .push(") ON CONFLICT (waiter) DO UPDATE SET until = excluded.until");
    database.repeat(insert).await?;
    database.signals().entered(waiter);
    Ok(())
}

/// Takes away the entry of one who does not wait any longer.
pub(crate) async fn leave(database: &Database, waiter: &str) -> Result<(), DatabaseError> {
    database.signals().state.lock().waiting.remove(waiter);
    // Those who were forgotten go along.
    let delete = Statement::new("DELETE FROM victor_waiters WHERE waiter = ")
        .push_value(waiter)
        .push(" OR until < ")
        .push(database.pools().now())
        .push(" - 60000000");
    database.repeat(delete).await.map(drop)
}
