use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::time::sleep;
use victor_core::{Coordinator, JsonMap, Lock, Message, MessageId, SessionId, Timestamp, TurnId};
use victor_session_protocol::{
    InMemorySessionStore, SessionCommit, SessionError, SessionExport, SessionInfo, SessionManager,
    SessionPatch, SessionStatus, SessionStore, TranscriptEntry, TurnChange, TurnGrant,
    TurnInterrupt, TurnLease, TurnPolicy, TurnRequest,
};
use victor_testkit::conformance;

use super::breaks;

/// The simplest manager of one process, which has something wrong about it.
#[derive(Debug)]
struct Manager {
    bug: &'static str,
    store: Arc<InMemorySessionStore>,
    sessions: Arc<Lock<Sessions>>,
}

#[derive(Debug, Default)]
struct Sessions {
    lines: HashMap<SessionId, Line>,
    tickets: u64,
    is_shut_down: bool,
}

/// The turn that runs in a session, and those that wait.
#[derive(Debug, Default)]
struct Line {
    is_held: bool,
    interrupt: Option<TurnInterrupt>,
    waiting: VecDeque<Waiter>,
    merged: HashMap<u64, TurnId>,
}

#[derive(Debug)]
struct Waiter {
    ticket: u64,
    message: Option<Arc<Message>>,
}

/// A place in the line, given up when it is dropped.
struct Place<'a> {
    manager: &'a Manager,
    session: &'a SessionId,
    ticket: u64,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if !self.manager.is("keeps the places of the dead") {
            self.manager.line(self.session, |line| {
                line.waiting.retain(|waiter| waiter.ticket != self.ticket);
            });
        }
    }
}

/// The right to work on a session, given back when it is dropped.
struct Permit {
    sessions: Arc<Lock<Sessions>>,
    session: SessionId,
    lost: Lock<bool>,
    version: Lock<u64>,
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(line) = self.sessions.lock().lines.get_mut(&self.session) {
            line.is_held = false;
            line.interrupt = None;
        }
    }
}

impl Manager {
    fn is(&self, bug: &str) -> bool {
        self.bug == bug
    }

    fn line<T>(&self, session: &SessionId, change: impl FnOnce(&mut Line) -> T) -> T {
        let name = match self.bug {
            "has one queue" => SessionId::new("all"),
            _ => session.clone(),
        };
        change(self.sessions.lock().lines.entry(name).or_default())
    }

    /// Waits for the right to work on a session; the error is the turn that has taken the message.
    async fn hold(
        &self,
        session: &SessionId,
        goes_first: bool,
        message: Option<Arc<Message>>,
    ) -> Result<(), TurnId> {
        let ticket = {
            let mut sessions = self.sessions.lock();
            sessions.tickets += 1;
            sessions.tickets
        };
        let interrupt = self.line(session, |line| {
            let waiter = Waiter { ticket, message };
            match goes_first && !self.is("lets nobody go first") {
                true => line.waiting.push_front(waiter),
                false if self.is("serves the last") => line.waiting.push_front(waiter),
                false => line.waiting.push_back(waiter),
            }
            let asks = goes_first || self.is("always interrupts");
            asks.then(|| line.interrupt.take()).flatten()
        });
        if let Some(interrupt) = interrupt {
            if self.is("interrupts twice") {
                interrupt.interrupt();
            }
            interrupt.interrupt();
        }
        let _place = Place {
            manager: self,
            session,
            ticket,
        };
        let mut pause = Duration::from_millis(20);
        loop {
            let outcome = self.line(session, |line| {
                if let Some(into) = line.merged.remove(&ticket) {
                    return Some(Err(into));
                }
                let is_next = line
                    .waiting
                    .front()
                    .is_some_and(|next| next.ticket == ticket);
                let is_free = !line.is_held || self.is("lets all work");
                (is_next && is_free).then(|| {
                    line.waiting.pop_front();
                    line.is_held = true;
                    Ok(())
                })
            });
            match outcome {
                Some(outcome) => return outcome,
                None => sleep(pause).await,
            }
            pause = pause * 5 / 4;
        }
    }

    fn permit(&self, session: &SessionId, version: u64) -> Permit {
        let name = match self.bug {
            "has one queue" => SessionId::new("all"),
            _ => session.clone(),
        };
        Permit {
            sessions: self.sessions.clone(),
            session: name,
            lost: Lock::default(),
            version: Lock::new(version),
        }
    }

    /// Waits to do something else with a session than to chat.
    async fn wait(&self, session: &SessionId) -> Permit {
        if !self.is("waits for no turn") {
            let _ = self.hold(session, false, None).await;
        }
        self.permit(session, 0)
    }

    async fn ids(&self, session: &SessionId) -> Result<Vec<MessageId>, SessionError> {
        let entries = match self.store.load(session, 0).await {
            Err(SessionError::NotFound(_)) => Vec::new(),
            entries => entries?,
        };
        Ok(entries.iter().map(|entry| entry.message.id()).collect())
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

    async fn shutdown(&self) {
        assert!(!self.is("panics at the end"), "bug");
        self.sessions.lock().is_shut_down = true;
    }
}

#[async_trait]
impl SessionManager for Manager {
    fn store(&self) -> Arc<dyn SessionStore> {
        self.store.clone()
    }

    async fn begin_turn_with(
        &self,
        session: &SessionId,
        request: TurnRequest,
    ) -> Result<TurnGrant, SessionError> {
        if self.sessions.lock().is_shut_down && !self.is("goes on after the end") {
            return Err(SessionError::ShutDown);
        }
        let rejects = request.policy == TurnPolicy::Reject && !self.is("rejects nobody");
        let is_busy = self.line(session, |line| line.is_held || !line.waiting.is_empty());
        if rejects && (is_busy || self.is("rejects everybody")) {
            return Err(SessionError::Busy(session.clone()));
        }
        let merges = request.policy == TurnPolicy::Merge;
        let interrupts = request.policy == TurnPolicy::Interrupt && !self.is("never interrupts");
        let message = request.message.filter(|_| merges);
        if let Err(into) = self.hold(session, interrupts, message).await {
            let into = match self.bug {
                "tells of another turn" => request.turn,
                _ => into,
            };
            return Ok(TurnGrant::Merged { into });
        }
        let mut permit = self.permit(session, 0);
        let info = self.store.info(session).await?;
        let is_closed = info.as_ref().is_some_and(|info| !info.status.is_open());
        if is_closed && !self.is("begins when closed") {
            return Err(SessionError::Closed(session.clone()));
        }
        let version = info.map_or(0, |info| info.entries);
        permit.version = Lock::new(version);
        let merged = self.line(session, |line| {
            line.interrupt = request.interrupt;
            let mut merged = Vec::new();
            if merges && !self.is("merges nothing") {
                for waiter in std::mem::take(&mut line.waiting) {
                    if let Some(message) = waiter.message {
                        merged.push(message);
                        line.merged.insert(waiter.ticket, request.turn);
                    } else {
                        line.waiting.push_back(waiter);
                    }
                }
            }
            merged
        });
        let shown = match self.bug {
            "miscounts" => version + 1,
            _ => version,
        };
        let lease = TurnLease::new(session.clone(), permit).with_version(shown);
        let merged = match self.bug {
            "loses what it merges" => Vec::new(),
            _ => merged,
        };
        Ok(TurnGrant::Begin { lease, merged })
    }

    async fn commit(
        &self,
        lease: &TurnLease,
        turn: TurnId,
        messages: &[Arc<Message>],
        journal: TurnChange,
        facts: &JsonMap,
    ) -> Result<(), SessionError> {
        let session = lease.session();
        let made;
        let permit = match lease.guard::<Permit>() {
            Some(permit) => permit,
            None if self.is("believes any lease") => {
                made = self.permit(&"nobody".into(), self.ids(session).await?.len() as u64);
                &made
            }
            None => return Err(SessionError::store("a lease of another manager")),
        };
        let ids = self.ids(session).await?;
        let version = match self.bug {
            "writes over others" => ids.len() as u64,
            _ => *permit.version.lock(),
        };
        if *permit.lost.lock() && !self.is("forgives") {
            return Err(SessionError::Busy(session.clone()));
        }
        let is_new =
            |message: &&Arc<Message>| self.is("writes again") || !ids.contains(&message.id());
        let author = (!self.is("names no turn")).then_some(turn);
        let entries: Vec<_> = messages
            .iter()
            .filter(is_new)
            .map(|message| TranscriptEntry::new(author, message.clone()))
            .collect();
        let entries = match self.bug {
            "writes backwards" => entries.into_iter().rev().collect(),
            _ => entries,
        };
        let journal = match journal {
            TurnChange::Close if self.is("never closes journals") => TurnChange::Keep,
            journal => journal,
        };
        let mut commit = SessionCommit::new(entries, journal);
        if !self.is("drops facts") {
            commit = commit.with_metadata(facts.clone());
        }
        match self.store.commit(session, version, &commit).await {
            Ok(version) => *permit.version.lock() = version,
            Err(error) => {
                *permit.lost.lock() = error.is_conflict();
                *permit.version.lock() = self.ids(session).await?.len() as u64;
                return Err(error);
            }
        }
        Ok(())
    }

    fn record_abandoned(
        &self,
        lease: TurnLease,
        turn: TurnId,
        messages: Vec<Arc<Message>>,
        facts: JsonMap,
    ) {
        let (journal, facts) = match self.bug {
            "forgets the abandoned" => return,
            "leaves journals open" => (TurnChange::Keep, facts),
            "abandons facts" => (TurnChange::Close, JsonMap::new()),
            _ => (TurnChange::Close, facts),
        };
        let write = self.commit(&lease, turn, &messages, journal, &facts);
        victor_testkit::drive(write).unwrap().unwrap();
    }

    async fn delete_session(&self, session: &SessionId) -> Result<bool, SessionError> {
        let _permit = self.wait(session).await;
        let there = match self.bug {
            "deletes nothing" => self.store.info(session).await?.is_some(),
            _ => self.store.delete(session).await?,
        };
        Ok(there || self.is("always deletes"))
    }

    async fn reset_session(
        &self,
        session: &SessionId,
        patch: &SessionPatch,
    ) -> Result<(), SessionError> {
        let _permit = self.wait(session).await;
        match self.bug {
            "resets nothing" => self.store.update(session, patch).await.map(drop),
            "resets without the patch" => {
                let patch = SessionPatch::default();
                self.store.clear(session, &patch).await.map(drop)
            }
            _ => self.store.clear(session, patch).await.map(drop),
        }
    }

    async fn close_session(&self, session: &SessionId) -> Result<SessionInfo, SessionError> {
        let _permit = self.wait(session).await;
        let patch = match self.bug {
            "closes nothing" => SessionPatch::default(),
            _ => SessionPatch::default().with_status(SessionStatus::Closed),
        };
        self.store.update(session, &patch).await
    }

    async fn expire_sessions(&self, now: Timestamp) -> Result<Vec<SessionId>, SessionError> {
        let mut gone = Vec::new();
        for info in self.store.list().await? {
            let has_expired = info.expires_at.is_some_and(|at| at <= now);
            let is_busy = self.line(&info.id, |line| line.is_held);
            let goes = match self.bug {
                "expires all" => !is_busy,
                "expires under a turn" => has_expired,
                _ => has_expired && !is_busy,
            };
            if goes {
                self.store.delete(&info.id).await?;
                gone.push(info.id);
            }
        }
        Ok(gone)
    }

    async fn import_session(
        &self,
        export: &SessionExport,
        name: Option<SessionId>,
    ) -> Result<SessionInfo, SessionError> {
        let mut info = export.info.clone();
        if let Some(name) = name.filter(|_| !self.is("keeps the name")) {
            info.id = name;
        }
        info.updated_at = Timestamp::now();
        match self.bug {
            "imports over others" => drop(self.store.delete(&info.id).await?),
            "imports no metadata" => info.metadata.clear(),
            _ => {}
        }
        self.store.create_with(&info, &export.entries).await?;
        Ok(info)
    }
}

async fn suite(bug: &'static str) {
    let make = async || Manager {
        bug,
        store: Arc::default(),
        sessions: Arc::default(),
    };
    conformance::session_manager(make).await;
}

#[tokio::test(start_paused = true)]
async fn a_right_manager_passes() {
    suite("none").await;
}

#[tokio::test(start_paused = true)]
async fn each_law_can_be_broken() {
    let once = "a turn that interrupts asks the running one to end, once";
    let expiry =
        "sessions that have expired are deleted unless a turn works on them, and no others";
    for (bug, law) in [
        ("has no name", "a coordinator has a name"),
        ("panics at the end", "no call panics"),
        ("goes on after the end", "no turn begins after the shutdown"),
        ("has one queue", "sessions do not wait for each other"),
        ("lets all work", "one turn at a time works on a session"),
        ("serves the last", "turns begin in the order"),
        ("keeps the places of the dead", "every call ends"),
        ("rejects nobody", "a turn that is not to wait is refused"),
        ("rejects everybody", "a free session begins a turn at once"),
        (
            "always interrupts",
            "a turn that waits leaves the running one alone",
        ),
        ("never interrupts", once),
        ("interrupts twice", once),
        (
            "lets nobody go first",
            "a turn that interrupts comes before those that wait",
        ),
        (
            "merges nothing",
            "messages that wait to be merged are input",
        ),
        (
            "loses what it merges",
            "messages that wait to be merged are input",
        ),
        (
            "tells of another turn",
            "a message that was merged has no turn",
        ),
        ("miscounts", "a lease is that of its session"),
        ("writes backwards", "a commit writes its messages in order"),
        ("drops facts", "a commit sets its facts"),
        ("names no turn", "an entry names the turn that wrote it"),
        (
            "writes again",
            "messages that are written are not written again",
        ),
        (
            "never closes journals",
            "a commit closes the journal of its turn",
        ),
        (
            "writes over others",
            "a turn that has lost to another writer",
        ),
        ("forgives", "a turn that has lost to another writer"),
        (
            "believes any lease",
            "a lease of another manager is no right to write",
        ),
        (
            "forgets the abandoned",
            "messages of an abandoned turn are written",
        ),
        ("abandons facts", "facts of an abandoned turn are written"),
        (
            "leaves journals open",
            "an abandoned turn is closed in the journal",
        ),
        ("waits for no turn", "a reset waits for the turn that runs"),
        ("resets nothing", "a reset empties the transcript"),
        ("resets without the patch", "a reset empties the transcript"),
        ("closes nothing", "a session that was closed is closed"),
        ("begins when closed", "no turn begins in a closed session"),
        (
            "deletes nothing",
            "deleting tells whether the session existed",
        ),
        (
            "always deletes",
            "deleting tells whether the session existed",
        ),
        ("expires all", expiry),
        ("expires under a turn", expiry),
        (
            "imports no metadata",
            "an imported session is what was exported",
        ),
        ("keeps the name", "a valid call succeeds"),
        ("imports over others", "an import replaces no session"),
    ] {
        breaks(law, suite(bug)).await;
    }
}
