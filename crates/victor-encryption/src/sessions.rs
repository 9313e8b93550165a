//! Stores of sessions.

use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use victor_core::wire::Extra;
use victor_core::{JsonMap, Message, Part, Role, SessionId};
use victor_session_protocol::{
    LeaseChange, OpenTurn, SessionCommit, SessionError, SessionInfo, SessionPatch, SessionQuery,
    SessionStanding, SessionStore, TranscriptEntry, TurnChange,
};

use crate::seal::{Place, SEALED, from_json, to_json};
use crate::{Encrypted, Keys, SealError};

/// The number of sessions that are opened together when the store itself cannot search for the wanted ones.
const PAGE: u32 = 200;

/// The state of a turn, with what a later version has added to it.
#[derive(Serialize, Deserialize)]
struct State {
    state: String,
    extra: Extra,
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl<S: SessionStore> SessionStore for Encrypted<S> {
    async fn create_with(
        &self,
        session: &SessionInfo,
        entries: &[TranscriptEntry],
    ) -> Result<(), SessionError> {
        let sealed = seal_info(&self.keys, session).map_err(refuse(&session.id))?;
        let entries =
            seal_entries(&self.keys, &session.id, 0, entries).map_err(refuse(&session.id))?;
        self.inner.create_with(&sealed, &entries).await
    }

    async fn create(&self, session: &SessionInfo) -> Result<(), SessionError> {
        let sealed = seal_info(&self.keys, session);
        self.inner
            .create(&sealed.map_err(refuse(&session.id))?)
            .await
    }

    async fn commit(
        &self,
        session: &SessionId,
        expected: u64,
        commit: &SessionCommit,
    ) -> Result<u64, SessionError> {
        let sealed = seal_commit(&self.keys, session, expected, commit).map_err(refuse(session))?;
        self.inner.commit(session, expected, &sealed).await
    }

    async fn append(
        &self,
        session: &SessionId,
        expected: u64,
        entries: &[TranscriptEntry],
    ) -> Result<u64, SessionError> {
        let entries =
            seal_entries(&self.keys, session, expected, entries).map_err(refuse(session))?;
        self.inner.append(session, expected, &entries).await
    }

    fn persists_turns(&self) -> bool {
        self.inner.persists_turns()
    }

    fn leases(&self) -> bool {
        self.inner.leases()
    }

    async fn standing(&self, session: &SessionId) -> Result<Option<SessionStanding>, SessionError> {
        self.inner.standing(session).await
    }

    async fn change_lease(
        &self,
        session: &SessionId,
        change: &LeaseChange,
    ) -> Result<(), SessionError> {
        self.inner.change_lease(session, change).await
    }

    async fn wait_in_line(
        &self,
        session: &SessionId,
        waiter: &str,
        time: Duration,
    ) -> Result<bool, SessionError> {
        self.inner.wait_in_line(session, waiter, time).await
    }

    async fn leave_line(&self, session: &SessionId, waiter: &str) -> Result<(), SessionError> {
        self.inner.leave_line(session, waiter).await
    }

    async fn open_turn(&self, session: &SessionId) -> Result<Option<OpenTurn>, SessionError> {
        let sealed = self.inner.open_turn(session).await?;
        sealed.map(|turn| self.open_journal(turn)).transpose()
    }

    async fn open_turns(&self) -> Result<Vec<OpenTurn>, SessionError> {
        let sealed = self.inner.open_turns().await?;
        sealed
            .into_iter()
            .map(|turn| self.open_journal(turn))
            .collect()
    }

    async fn load(
        &self,
        session: &SessionId,
        from: u64,
    ) -> Result<Vec<TranscriptEntry>, SessionError> {
        let sealed = self.inner.load(session, from).await?;
        let opened = (from..).zip(&sealed).map(|(number, entry)| {
            let opened = open_entry(&self.keys, session, number, entry);
            opened.map_err(|error| {
                let what = format!("entry {number} of session `{session}` cannot be opened");
                SessionError::store(what).with_source(error)
            })
        });
        opened.collect()
    }

    async fn info(&self, session: &SessionId) -> Result<Option<SessionInfo>, SessionError> {
        let sealed = self.inner.info(session).await?;
        sealed.map(|info| self.open_info(info)).transpose()
    }

    async fn update(
        &self,
        session: &SessionId,
        patch: &SessionPatch,
    ) -> Result<SessionInfo, SessionError> {
        let sealed = seal_patch(&self.keys, session, patch).map_err(refuse(session))?;
        self.open_info(self.inner.update(session, &sealed).await?)
    }

    async fn find(&self, query: &SessionQuery) -> Result<Vec<SessionInfo>, SessionError> {
        let mut sealed = query.clone();
        sealed.text = None;
        sealed.tags.clear();
        if query.text.is_none() && query.tags.is_empty() {
            let found = self.inner.find(&sealed).await?;
            return found.into_iter().map(|info| self.open_info(info)).collect();
        }
        let limit = query.limit.map_or(usize::MAX, |limit| limit as usize);
        sealed.limit = Some(PAGE);
        let mut found = Vec::new();
        while found.len() < limit {
            let page = self.inner.find(&sealed).await?;
            let Some(last) = page.last() else { break };
            sealed = sealed.after(last);
            for info in page {
                let info = self.open_info(info)?;
                if query.matches(&info) && found.len() < limit {
                    found.push(info);
                }
            }
        }
        Ok(found)
    }

    async fn list(&self) -> Result<Vec<SessionInfo>, SessionError> {
        let sealed = self.inner.list().await?;
        sealed
            .into_iter()
            .map(|info| self.open_info(info))
            .collect()
    }

    async fn clear(
        &self,
        session: &SessionId,
        patch: &SessionPatch,
    ) -> Result<SessionInfo, SessionError> {
        let sealed = seal_patch(&self.keys, session, patch).map_err(refuse(session))?;
        self.open_info(self.inner.clear(session, &sealed).await?)
    }

    async fn delete(&self, session: &SessionId) -> Result<bool, SessionError> {
        self.inner.delete(session).await
    }
}

impl<S> Encrypted<S> {
    fn open_info(&self, sealed: SessionInfo) -> Result<SessionInfo, SessionError> {
        let session = sealed.id.clone();
        open_info(&self.keys, sealed).map_err(refuse(&session))
    }

    fn open_journal(&self, mut turn: OpenTurn) -> Result<OpenTurn, SessionError> {
        let name = turn.turn.to_string();
        let place = Place(&["journal", turn.session.as_str(), &name]);
        let opened = self
            .keys
            .open(place, &turn.state)
            .and_then(|text| from_json::<State>(&text))
            .map_err(refuse(&turn.session))?;
        turn.state = opened.state;
        turn.extra = opened.extra;
        Ok(turn)
    }
}

fn seal_commit(
    keys: &Keys,
    session: &SessionId,
    expected: u64,
    commit: &SessionCommit,
) -> Result<SessionCommit, SealError> {
    let entries = seal_entries(keys, session, expected, &commit.entries)?;
    let mut patch = SessionPatch::default();
    patch.metadata.clone_from(&commit.metadata);
    let facts = seal_patch(keys, session, &patch)?.metadata;
    let mut sealed = SessionCommit::new(entries, commit.turn.clone())
        .with_metadata(facts)
        .with_lease(commit.lease.clone());
    if let TurnChange::Open(turn) = &mut sealed.turn {
        let state = State {
            state: std::mem::take(&mut turn.state),
            extra: std::mem::take(&mut turn.extra),
        };
        let name = turn.turn.to_string();
        let place = Place(&["journal", session.as_str(), &name]);
        turn.state = keys.seal(place, &to_json(&state))?;
    }
    Ok(sealed)
}

fn seal_entries(
    keys: &Keys,
    session: &SessionId,
    expected: u64,
    entries: &[TranscriptEntry],
) -> Result<Vec<TranscriptEntry>, SealError> {
    let sealed = (expected..).zip(entries).map(|(number, entry)| {
        let number = number.to_string();
        let place = Place(&["entry", session.as_str(), &number]);
        // The whole of it, so that nothing that stands beside can be changed unnoticed.
        let body = Part::text(keys.seal(place, &to_json(entry))?);
        let message = Message::with_id(entry.message.id(), Role::from(SEALED), vec![body]);
        let mut sealed = TranscriptEntry::new(entry.turn, message);
        sealed.at = entry.at;
        Ok(sealed)
    });
    sealed.collect()
}

fn open_entry(
    keys: &Keys,
    session: &SessionId,
    number: u64,
    sealed: &TranscriptEntry,
) -> Result<TranscriptEntry, SealError> {
    let number = number.to_string();
    let place = Place(&["entry", session.as_str(), &number]);
    from_json(&keys.open(place, &sealed.message.text())?)
}

fn seal_info(keys: &Keys, info: &SessionInfo) -> Result<SessionInfo, SealError> {
    let session = info.id.as_str();
    let mut sealed = info.clone();
    if let Some(title) = &mut sealed.title {
        *title = keys.seal(Place(&["title", session]), title)?;
    }
    let tag = |tag| keys.seal_name(Place(&["tag", session]), tag);
    sealed.tags = info.tags.iter().map(|name| tag(name)).collect();
    sealed.metadata = JsonMap::new();
    for (name, value) in &info.metadata {
        let (name, value) = seal_fact(keys, session, name, value)?;
        sealed.metadata.insert(name, value);
    }
    if !info.extra.is_empty() {
        let extra = keys.seal(Place(&["extra", session]), &to_json(&info.extra))?;
        sealed.extra = Extra::default();
        sealed.extra.insert(SEALED, Value::from(extra));
    }
    Ok(sealed)
}

fn open_info(keys: &Keys, sealed: SessionInfo) -> Result<SessionInfo, SealError> {
    let id = sealed.id.clone();
    let session = id.as_str();
    let mut info = sealed;
    if let Some(title) = &mut info.title {
        *title = keys.open(Place(&["title", session]), title)?;
    }
    let tags = info
        .tags
        .iter()
        .map(|tag| keys.open(Place(&["tag", session]), tag));
    info.tags = tags.collect::<Result<_, _>>()?;
    let facts = std::mem::take(&mut info.metadata)
        .into_iter()
        .map(|(name, value)| open_fact(keys, session, &name, &value));
    info.metadata = facts.collect::<Result<_, _>>()?;
    if !info.extra.is_empty() {
        let extra = info
            .extra
            .get(SEALED)
            .and_then(Value::as_str)
            .ok_or(SealError::NotSealed)?;
        info.extra = from_json(&keys.open(Place(&["extra", session]), extra)?)?;
    }
    Ok(info)
}

fn seal_fact(
    keys: &Keys,
    session: &str,
    name: &str,
    value: &Value,
) -> Result<(String, Value), SealError> {
    let sealed = keys.seal(Place(&["value", session, name]), &value.to_string())?;
    let name = keys.seal_name(Place(&["name", session]), name);
    Ok((name, sealed.into()))
}

fn open_fact(
    keys: &Keys,
    session: &str,
    name: &str,
    value: &Value,
) -> Result<(String, Value), SealError> {
    let name = keys.open(Place(&["name", session]), name)?;
    let value = value.as_str().ok_or(SealError::NotSealed)?;
    let value = from_json(&keys.open(Place(&["value", session, &name]), value)?)?;
    Ok((name, value))
}

/// Tags and the names of facts always have the same form, so that they can be changed without being read before. What
/// has its form from another key is replaced.
fn seal_patch(
    keys: &Keys,
    session: &SessionId,
    patch: &SessionPatch,
) -> Result<SessionPatch, SealError> {
    let session = session.as_str();
    let mut sealed = patch.clone();
    if let Some(title) = sealed.title.as_mut().filter(|title| !title.is_empty()) {
        *title = keys.seal(Place(&["title", session]), title)?;
    }
    let place = Place(&["tag", session]);
    let current = |tag: &String| keys.seal_name(place, tag);
    sealed.add_tags = patch.add_tags.iter().map(current).collect();
    sealed.remove_tags = patch.remove_tags.iter().map(current).collect();
    for tag in patch.add_tags.union(&patch.remove_tags) {
        sealed.remove_tags.extend(keys.other_names(place, tag));
    }
    sealed.metadata = JsonMap::new();
    let place = &["name", session];
    for (name, value) in &patch.metadata {
        let older = keys.other_names(Place(place), name);
        sealed
            .metadata
            .extend(older.map(|name| (name, Value::Null)));
        let (name, sealed_value) = seal_fact(keys, session, name, value)?;
        let value = if value.is_null() {
            Value::Null
        } else {
            sealed_value
        };
        sealed.metadata.insert(name, value);
    }
    Ok(sealed)
}

/// The error of a store that something of a session cannot be sealed or opened.
fn refuse(session: &SessionId) -> impl FnOnce(SealError) -> SessionError {
    move |error| {
        let what = format!("what it holds of session `{session}` cannot be sealed or opened");
        SessionError::store(what).with_source(error)
    }
}
