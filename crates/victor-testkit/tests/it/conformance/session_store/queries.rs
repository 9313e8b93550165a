//! What is wrong with changing and finding what is known.

use std::time::Duration;

use tokio::task::yield_now;
use victor_core::{SessionId, Timestamp};
use victor_session_protocol::{
    SessionError, SessionInfo, SessionPatch, SessionQuery, SessionStore,
};

use super::store::Store;

impl Store {
    pub(super) async fn wrong_update(
        &self,
        session: &SessionId,
        mut patch: SessionPatch,
    ) -> Result<SessionInfo, SessionError> {
        match self.bug {
            "makes on any change" if self.inner.info(session).await?.is_none() => {
                self.inner
                    .create(&SessionInfo::new(session.clone()))
                    .await?;
            }
            "keeps empty titles" if patch.title.as_deref() == Some("") => {
                patch.title = Some("untitled".into());
            }
            "replaces tags" => {
                let info = self.inner.info(session).await?;
                let found = info.map(|info| info.tags).unwrap_or_default();
                patch.remove_tags.extend(found);
            }
            "adds after it takes away" => patch
                .remove_tags
                .retain(|tag| !patch.add_tags.contains(tag)),
            "never lets live on" if patch.expires_at == Some(None) => patch.expires_at = None,
            "keeps null" => patch.metadata.retain(|_, value| !value.is_null()),
            "changes all" if self.inner.info(session).await?.is_some() => {
                for info in self.inner.list().await? {
                    self.inner.update(&info.id, &patch).await?;
                }
            }
            "empties at every change" => {
                if let Some(info) = self.inner.info(session).await? {
                    self.inner.delete(session).await?;
                    self.inner.create(&info).await?;
                }
            }
            "changes in a race" => {
                if let Some(mut info) = self.inner.info(session).await? {
                    let before = info.clone();
                    patch.apply(&mut info);
                    yield_now().await;
                    // It takes away what came meanwhile.
                    let now = self.inner.info(session).await?.unwrap_or(before);
                    patch
                        .remove_tags
                        .extend(now.tags.difference(&info.tags).cloned());
                }
            }
            _ => {}
        }
        let told = self.inner.update(session, &patch).await;
        told.map(|mut info| {
            match self.bug {
                "tells it otherwise" => info.created_at += Duration::from_nanos(1),
                "tells what was" => info.title = None,
                "touches at every change" => info.updated_at = Timestamp::now(),
                _ => {}
            }
            info
        })
    }

    pub(super) async fn wrong_find(
        &self,
        mut query: SessionQuery,
    ) -> Result<Vec<SessionInfo>, SessionError> {
        match self.bug {
            "takes patterns" => {
                query.text = query.text.map(|text| text.replace('%', ""));
            }
            "minds case" => {
                let list = self.inner.find(&query).await?;
                let text = query.text.unwrap_or_default();
                let contains = |info: &SessionInfo| {
                    let title = info.title.as_deref().unwrap_or_default();
                    title.contains(&text) || info.id.as_str().contains(&text)
                };
                return Ok(list.into_iter().filter(contains).collect());
            }
            "folds all letters" => {
                let text = query.text.take().unwrap_or_default().to_lowercase();
                let limit = query
                    .limit
                    .take()
                    .map_or(usize::MAX, |limit| limit as usize);
                let list = self.inner.find(&query).await?;
                let contains = |info: &SessionInfo| {
                    let title = info.title.clone().unwrap_or_default();
                    title.to_lowercase().contains(&text)
                        || info.id.as_str().to_lowercase().contains(&text)
                };
                return Ok(list.into_iter().filter(contains).take(limit).collect());
            }
            "finds any tag" if query.tags.len() > 1 => {
                query.tags.pop_first();
            }
            "ignores status" => query.status = None,
            "expires at once" => {
                query.expired_at = query.expired_at.map(|at| at - Duration::from_nanos(1));
            }
            "knows no limit" => query.limit = query.limit.map(|limit| limit + 1),
            "pages by time" => {
                let place = query.after.take();
                let list = self.inner.find(&query).await?;
                let after = |info: &SessionInfo| {
                    place
                        .as_ref()
                        .is_none_or(|place| info.updated_at < place.updated_at)
                };
                return Ok(list.into_iter().filter(after).collect());
            }
            "pages behind a session" => {
                if let Some(place) = &query.after
                    && self.inner.info(&place.id).await?.is_none()
                {
                    return Ok(Vec::new());
                }
            }
            _ => {}
        }
        let mut list = self.inner.find(&query).await?;
        match self.bug {
            "folds case in order" => list.sort_by_key(|info| {
                (
                    std::cmp::Reverse(info.updated_at),
                    info.id.as_str().to_lowercase(),
                )
            }),
            "lists backwards" => list.reverse(),
            "lists twice" => list.extend(list.clone()),
            "lists stale counts" => list.iter_mut().for_each(|info| info.entries = 0),
            _ => {}
        }
        list.iter_mut().for_each(|info| self.spoil(info));
        Ok(list)
    }
}
