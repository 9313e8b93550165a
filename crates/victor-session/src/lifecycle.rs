//! Operations on a session as a whole.

use std::sync::Arc;

use victor_core::{SessionId, Timestamp};
use victor_session_protocol::{
    SessionError, SessionExport, SessionInfo, SessionPatch, SessionQuery, SessionStatus,
    SessionStore as _,
};

use crate::inner::Inner;
use crate::slot::TurnPermit;

/// Number of expired sessions that are looked at together.
const PAGE: u32 = 100;

impl Inner {
    pub(crate) async fn close(
        self: &Arc<Self>,
        session: &SessionId,
    ) -> Result<SessionInfo, SessionError> {
        let turn = self.wait(session).await?;
        if self
            .store
            .info(session)
            .await?
            .is_some_and(|info| info.status.is_open())
        {
            self.write_backlog(session, &turn).await?;
        }
        turn.mark_stale();
        let patch = SessionPatch::default().with_status(SessionStatus::Closed);
        self.store.update(session, &patch).await
    }

    pub(crate) async fn expire(&self, now: Timestamp) -> Result<Vec<SessionId>, SessionError> {
        let mut query = SessionQuery::first(PAGE);
        query.expired_at = Some(now);
        let mut gone = Vec::new();
        loop {
            let page = self.store.find(&query).await?;
            let Some(last) = page.last() else {
                return Ok(gone);
            };
            query = query.after(last);
            for info in page {
                if self.expire_one(&info.id, now).await? {
                    gone.push(info.id);
                }
            }
        }
    }

    /// Deletes a session if it has expired and nobody works on it.
    async fn expire_one(&self, session: &SessionId, now: Timestamp) -> Result<bool, SessionError> {
        let Some(turn) = TurnPermit::try_now(self.slot(session)) else {
            return Ok(false);
        };
        // It may have been used since it was found.
        let Some(info) = self.store.info(session).await? else {
            return Ok(false);
        };
        let has_expired = info.expires_at.is_some_and(|at| at <= now);
        // Nobody can go on with a turn in a closed session.
        let may_go_on = info.status.is_open();
        if !has_expired || may_go_on && self.store.open_turn(session).await?.is_some() {
            return Ok(false);
        }
        turn.delete(session, &self.store).await
    }

    pub(crate) async fn import(
        &self,
        export: &SessionExport,
        name: Option<SessionId>,
    ) -> Result<SessionInfo, SessionError> {
        let mut info = export.info.clone();
        info.id = name.unwrap_or(info.id);
        info.entries = export.entries.len() as u64;
        info.updated_at = Timestamp::now();
        let turn = self.queue(&info.id).await?;
        turn.mark_stale();
        self.store.create_with(&info, &export.entries).await?;
        Ok(info)
    }
}
