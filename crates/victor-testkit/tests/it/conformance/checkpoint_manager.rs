use std::sync::{Mutex, MutexGuard};

use async_trait::async_trait;
use tokio::task::yield_now;
use victor_checkpoint_protocol::{
    Checkpoint, CheckpointCause, CheckpointDiff, CheckpointDraft, CheckpointError,
    CheckpointManager, CheckpointSnapshot, History, Retention,
};
use victor_core::{CheckpointId, Context, Coordinator, Messages, SessionId, Timestamp};
use victor_testkit::conformance;

use super::breaks;

/// Keeps a whole copy of every state, oldest first, and has something wrong about it.
#[derive(Debug)]
struct Manager {
    bug: &'static str,
    tables: Mutex<Tables>,
}

#[derive(Debug, Default)]
struct Tables {
    states: Vec<CheckpointSnapshot>,
    /// Where sessions are, the latest last.
    places: Vec<(SessionId, CheckpointId)>,
    /// A creation that is not done.
    creating: bool,
}

impl Manager {
    fn is(&self, bug: &str) -> bool {
        self.bug == bug
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap()
    }

    fn find(&self, id: CheckpointId) -> Result<CheckpointSnapshot, CheckpointError> {
        let tables = self.tables();
        let found = tables.states.iter().find(|state| state.checkpoint.id == id);
        match self.bug {
            "finds the first" => Ok(found.unwrap_or(&tables.states[0]).clone()),
            "is vague" => found.cloned().ok_or(CheckpointError::store("no rows")),
            _ => found.cloned().ok_or(CheckpointError::NotFound(id)),
        }
    }

    fn keep(&self, mut checkpoint: Checkpoint, mut context: Context) -> CheckpointSnapshot {
        match self.bug {
            "loses labels" => checkpoint.label = None,
            "loses state" => checkpoint.state.clear(),
            "stores no metadata" => context = Context::new(context.messages().clone()),
            "stores a page" => {
                let page = context.messages().iter().take(100).cloned();
                context = context.with_messages(page.collect::<Messages>());
            }
            _ => {}
        }
        let state = CheckpointSnapshot::new(checkpoint, context);
        let mut tables = self.tables();
        let place = (state.checkpoint.session.clone(), state.checkpoint.id);
        tables.places.push(place);
        tables.states.push(state.clone());
        state
    }

    fn place(&self, session: &SessionId) -> Option<CheckpointId> {
        let tables = self.tables();
        let mut places = tables.places.iter().rev();
        match self.bug {
            "knows one session" => places.next().map(|place| place.1),
            _ => places
                .find(|place| place.0 == *session)
                .map(|place| place.1),
        }
    }
}

#[async_trait]
impl Coordinator for Manager {
    fn name(&self) -> &str {
        if self.is("has no name") {
            ""
        } else {
            "manager"
        }
    }

    fn reset(&self, session: &SessionId) {
        if self.is("deletes in a reset") {
            let mut tables = self.tables();
            tables
                .states
                .retain(|state| state.checkpoint.session != *session);
        }
    }

    async fn shutdown(&self) {
        assert!(!self.is("panics at the end"), "bug");
    }
}

#[async_trait]
impl CheckpointManager for Manager {
    fn is_due(&self, _: &SessionId, cause: &CheckpointCause) -> bool {
        *cause != CheckpointCause::ToolCalls
    }

    async fn create_checkpoint(
        &self,
        draft: CheckpointDraft,
    ) -> Result<Checkpoint, CheckpointError> {
        if self.is("one at a time") && std::mem::replace(&mut self.tables().creating, true) {
            return Err(CheckpointError::store("busy"));
        }
        let mut history = History::default();
        for message in draft.context.messages() {
            history.push(message.clone());
        }
        let mut checkpoint = Checkpoint::new(draft.session, history, draft.cause);
        checkpoint.parent = self.place(&checkpoint.session);
        checkpoint.label = draft.label;
        checkpoint.turn = draft.turn;
        checkpoint.metadata = draft.context.metadata().clone();
        checkpoint.state = draft.state;
        if self.is("stops half way") {
            let empty = draft.context.with_messages(Messages::new());
            self.keep(checkpoint.clone(), empty);
            self.tables().creating = true;
            yield_now().await;
            self.tables().states.pop();
            self.tables().creating = false;
        }
        let made = self.keep(checkpoint, draft.context).checkpoint;
        yield_now().await;
        self.tables().creating = false;
        Ok(made)
    }

    async fn checkpoints(&self, session: &SessionId) -> Result<Vec<Checkpoint>, CheckpointError> {
        let tables = self.tables();
        let states = tables.states.iter().rev().map(|state| &state.checkpoint);
        let mut list: Vec<_> = states
            .filter(|state| state.session == *session || self.is("lists all"))
            .cloned()
            .collect();
        match self.bug {
            "lists something" if list.is_empty() => list.push(Checkpoint::new(
                session.clone(),
                History::default(),
                CheckpointCause::Manual,
            )),
            "lists twice" => list.extend(list.clone()),
            "lists backwards" => list.reverse(),
            _ => {}
        }
        Ok(list)
    }

    async fn load_checkpoint(
        &self,
        id: CheckpointId,
    ) -> Result<CheckpointSnapshot, CheckpointError> {
        let mut found = self.find(id)?;
        if self.is("goes where it looks") {
            let session = found.checkpoint.session.clone();
            self.tables().places.push((session, id));
        }
        if self.is("loads with another cause") {
            found.checkpoint.cause = CheckpointCause::Fork;
        }
        Ok(found)
    }

    async fn restore_checkpoint(
        &self,
        id: CheckpointId,
    ) -> Result<CheckpointSnapshot, CheckpointError> {
        let mut found = self.find(id)?;
        let session = found.checkpoint.session.clone();
        let mut tables = self.tables();
        match self.bug {
            "stays where it is" => {}
            "rewinds" => tables.states.retain(|state| {
                let one = &state.checkpoint;
                one.session != session || one.at <= found.checkpoint.at
            }),
            "restores with another cause" => found.checkpoint.cause = CheckpointCause::Manual,
            "stops half way" if tables.creating => {
                return Err(CheckpointError::store("torn"));
            }
            _ => {}
        }
        if !self.is("stays where it is") {
            tables.places.push((session, id));
        }
        Ok(found)
    }

    async fn fork_checkpoint(
        &self,
        id: CheckpointId,
        session: &SessionId,
    ) -> Result<CheckpointSnapshot, CheckpointError> {
        if self.is("begins before it looks") {
            let cause = CheckpointCause::Fork;
            let begun = Checkpoint::new(session.clone(), History::default(), cause);
            self.keep(begun, Context::default());
        }
        if !self.checkpoints(session).await?.is_empty() && !self.is("forks into anything") {
            let session = if self.is("begins before it looks") {
                "t"
            } else {
                session.as_str()
            };
            self.find(id)?;
            return Err(CheckpointError::SessionExists(session.into()));
        }
        let mut origin = self.find(id)?;
        if self.is("moves") {
            self.tables()
                .states
                .retain(|state| state.checkpoint.id != id);
        }
        let mut checkpoint = Checkpoint::new(
            session.clone(),
            origin.checkpoint.history,
            CheckpointCause::Fork,
        );
        checkpoint.parent = (!self.is("forgets the origin")).then_some(id);
        checkpoint.metadata = origin.checkpoint.metadata;
        if !self.is("forks without state") {
            checkpoint.state = origin.checkpoint.state;
        }
        if self.is("forks without messages") {
            origin.context = Context::default();
        }
        Ok(self.keep(checkpoint, origin.context))
    }

    async fn diff_checkpoints(
        &self,
        from: CheckpointId,
        to: CheckpointId,
    ) -> Result<CheckpointDiff, CheckpointError> {
        let (from, to) = (self.find(from)?, self.find(to)?);
        let (from, to) = if self.is("compares backwards") {
            (to, from)
        } else {
            (from, to)
        };
        let [was, is] = [&from, &to].map(|state| state.context.messages());
        let mut diff = CheckpointDiff::default();
        diff.common = was.iter().zip(is).take_while(|(was, is)| was == is).count();
        diff.removed = was.iter().skip(diff.common).cloned().collect();
        diff.added = is.iter().skip(diff.common).cloned().collect();
        let [was, is] = [&from, &to].map(|state| &state.checkpoint.state);
        let gone = was
            .keys()
            .filter(|name| !is.contains_key(*name))
            .filter(|_| !self.is("overlooks what is gone"));
        for name in is.keys().chain(gone) {
            let values = [was, is].map(|state| state.get(name).cloned().unwrap_or_default());
            let [was, is] = values;
            if was != is {
                diff.state.push((name.clone(), was, is));
            }
        }
        Ok(diff)
    }

    async fn delete_checkpoints(
        &self,
        session: &SessionId,
        ids: &[CheckpointId],
    ) -> Result<usize, CheckpointError> {
        let mut tables = self.tables();
        let before = tables.states.len();
        let keeps_labels = self.is("deletes no labels");
        let deletes_all = self.is("deletes all of the session");
        tables.states.retain(|state| {
            let one = &state.checkpoint;
            let named = ids.contains(&one.id) && !(keeps_labels && one.label.is_some());
            !(named || deletes_all && one.session == *session)
        });
        Ok(match self.bug {
            "counts names" => ids.len(),
            "deletes all of the session" if before > tables.states.len() => 2,
            _ => before - tables.states.len(),
        })
    }

    async fn prune_checkpoints(
        &self,
        session: &SessionId,
        retention: &Retention,
    ) -> Result<usize, CheckpointError> {
        let list = self.checkpoints(session).await?;
        let now = Timestamp::now();
        let mut gone = Vec::new();
        for (place, checkpoint) in list.iter().enumerate() {
            let crowded = retention.max_count.is_some_and(|count| place >= count);
            let age = now.saturating_duration_since(checkpoint.at);
            let kept = (place == 0 && !self.is("prunes the newest"))
                || (checkpoint.label.is_some() && !self.is("prunes labels"));
            if !kept && (crowded || retention.max_age.is_some_and(|most| age > most)) {
                gone.push(checkpoint.id);
            }
        }
        let everywhere = self.is("prunes everywhere") && !gone.is_empty();
        self.tables().states.retain(|state| {
            let one = &state.checkpoint;
            !(gone.contains(&one.id) || everywhere && one.session != *session)
        });
        Ok(match self.bug {
            "counts what is left" => list.len() - gone.len(),
            _ => gone.len(),
        })
    }
}

async fn suite(bug: &'static str) {
    let make = async || Manager {
        bug,
        tables: Mutex::default(),
    };
    conformance::checkpoint_manager(make).await;
}

#[tokio::test]
async fn a_right_manager_passes() {
    suite("none").await;
}

#[tokio::test]
async fn each_law_can_be_broken() {
    for (bug, law) in [
        ("has no name", "a manager has a name"),
        ("panics at the end", "no call panics"),
        (
            "lists something",
            "a session without checkpoints lists none",
        ),
        (
            "finds the first",
            "a checkpoint that is not there is not found",
        ),
        ("is vague", "a checkpoint that is not there is not found"),
        (
            "begins before it looks",
            "a fork that fails begins no session",
        ),
        ("lists all", "a fork that fails begins no session"),
        ("loses labels", "a checkpoint is what was asked for"),
        ("loses state", "a checkpoint is what was asked for"),
        (
            "restores with another cause",
            "a checkpoint is restored as it was made",
        ),
        ("stores no metadata", "a context is restored as it was"),
        ("stores a page", "a context is restored as it was"),
        (
            "lists twice",
            "every checkpoint is listed in its session and nowhere else",
        ),
        ("lists backwards", "checkpoints are listed newest first"),
        (
            "knows one session",
            "a checkpoint follows on the one that its session was at",
        ),
        (
            "stays where it is",
            "a checkpoint follows on the one that its session was at",
        ),
        (
            "rewinds",
            "later checkpoints stay when an earlier one is restored",
        ),
        (
            "forgets the origin",
            "a fork is a new checkpoint of its session",
        ),
        ("forks without state", "a fork has the state of its origin"),
        (
            "forks without messages",
            "a fork has the state of its origin",
        ),
        ("moves", "a fork leaves its origin alone"),
        (
            "forks into anything",
            "a fork begins a session and never goes on with one",
        ),
        (
            "compares backwards",
            "a diff tells which messages are common, gone and new",
        ),
        (
            "overlooks what is gone",
            "a diff tells what is different in the state",
        ),
        (
            "counts what is left",
            "pruning says how many checkpoints it has deleted",
        ),
        (
            "prunes the newest",
            "pruning keeps the newest and those with a label",
        ),
        (
            "prunes labels",
            "pruning keeps the newest and those with a label",
        ),
        (
            "loads with another cause",
            "a checkpoint is loaded as it was made",
        ),
        (
            "goes where it looks",
            "a session stays where it is when a checkpoint is looked at",
        ),
        (
            "deletes no labels",
            "a deletion says how many checkpoints it has deleted",
        ),
        (
            "counts names",
            "a deletion says how many checkpoints it has deleted",
        ),
        (
            "deletes all of the session",
            "a deletion takes the checkpoints that are named, and no others",
        ),
        ("prunes everywhere", "pruning leaves other sessions alone"),
        (
            "stops half way",
            "a dropped creation leaves a whole checkpoint or none",
        ),
        ("one at a time", "a valid call succeeds"),
        ("deletes in a reset", "a reset leaves the checkpoints alone"),
    ] {
        breaks(law, suite(bug)).await;
    }
}
