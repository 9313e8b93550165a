//! Sessions as a whole: emptied, closed, deleted, expired and imported.

use std::pin::pin;
use std::time::Duration;

use serde_json::json;
use victor_core::{Message, SessionId, Timestamp};
use victor_session_protocol::{
    SessionError, SessionExport, SessionInfo, SessionManager, SessionManagerExt as _, SessionPatch,
    TranscriptEntry,
};

use super::turns::is_ready;
use super::{begun, record_one, written};
use crate::conformance::calm;
use crate::conformance::puppet::ends;
use crate::conformance::succeed;

pub(super) async fn resets(manager: &impl SessionManager) {
    let session = SessionId::new("s");
    record_one(manager, &session, "one").await;
    let lease = begun(manager, &session).await;
    let patch = SessionPatch::default().with_title("new");
    let mut reset = pin!(calm(manager.reset_session(&session, &patch)));
    law!(
        !is_ready(reset.as_mut()).await && !written(manager, &session).await.is_empty(),
        "a reset waits for the turn that runs"
    );
    drop(lease);
    succeed(ends(reset).await);
    let info = succeed(calm(manager.session_info(&session)).await);
    law!(
        written(manager, &session).await.is_empty()
            && info.is_some_and(|info| info.title.as_deref() == Some("new")),
        "a reset empties the transcript and changes what it is asked to"
    );
    record_one(manager, &session, "two").await;
    law!(
        written(manager, &session).await.len() == 1,
        "a session goes on after a reset"
    );
}

pub(super) async fn closes(manager: &impl SessionManager) {
    let session = SessionId::new("s");
    let missing = calm(manager.close_session(&session)).await;
    law!(
        matches!(missing, Err(SessionError::NotFound(_))),
        "a session that does not exist cannot be closed",
        "{missing:?}"
    );
    record_one(manager, &session, "one").await;
    let lease = begun(manager, &session).await;
    let mut close = pin!(calm(manager.close_session(&session)));
    law!(
        !is_ready(close.as_mut()).await,
        "closing waits for the turn that runs"
    );
    drop(lease);
    let info = succeed(ends(close).await);
    law!(
        !info.status.is_open(),
        "a session that was closed is closed",
        "{info:?}"
    );
    let begun_again = calm(manager.begin_turn(&session)).await;
    law!(
        matches!(begun_again, Err(SessionError::Closed(_))),
        "no turn begins in a closed session",
        "{begun_again:?}"
    );
    law!(
        written(manager, &session).await.len() == 1,
        "a closed session can be read"
    );
    succeed(calm(manager.reopen_session(&session)).await);
    record_one(manager, &session, "two").await;
}

pub(super) async fn deletes(manager: &impl SessionManager) {
    let (session, other) = (SessionId::new("s"), SessionId::new("other"));
    record_one(manager, &session, "one").await;
    record_one(manager, &other, "one").await;
    let there = succeed(calm(manager.delete_session(&session)).await);
    let again = succeed(calm(manager.delete_session(&session)).await);
    law!(
        there && !again,
        "deleting tells whether the session existed",
        "{there}, then {again}"
    );
    let info = succeed(calm(manager.session_info(&session)).await);
    law!(
        info.is_none() && written(manager, &session).await.is_empty(),
        "a deleted session is gone with its transcript",
        "{info:?}"
    );
    law!(
        written(manager, &other).await.len() == 1,
        "deleting a session leaves the others alone"
    );
    record_one(manager, &session, "two").await;
    law!(
        written(manager, &session).await.len() == 1,
        "a deleted session can begin again"
    );
}

pub(super) async fn expires(manager: &impl SessionManager) {
    let now = Timestamp::now();
    let hour = Duration::from_secs(3600);
    for (name, at) in [
        ("expired", Some(now - hour)),
        ("at work", Some(now - hour)),
        ("later", Some(now + hour)),
        ("never", None),
    ] {
        let mut info = SessionInfo::new(name.into());
        info.expires_at = at;
        succeed(calm(manager.create_session(&info)).await);
    }
    let lease = begun(manager, &"at work".into()).await;
    let gone = succeed(calm(manager.expire_sessions(now)).await);
    law!(
        gone == ["expired".into()],
        "sessions that have expired are deleted unless a turn works on them, and no others",
        "{gone:?}"
    );
    let left = succeed(calm(manager.sessions()).await);
    law!(
        left.len() == 3 && left.iter().all(|info| info.id.as_str() != "expired"),
        "sessions that have expired are deleted unless a turn works on them, and no others",
        "{left:?}"
    );
    drop(lease);
    let gone = succeed(calm(manager.expire_sessions(now)).await);
    law!(
        gone == ["at work".into()],
        "an expired session that was at work goes with the next call",
        "{gone:?}"
    );
}

pub(super) async fn imports(manager: &impl SessionManager) {
    let mut info = SessionInfo::new("origin".into());
    info.title = Some("a title".into());
    info.metadata.insert("mode".into(), json!("plan"));
    let messages = [Message::user("one"), Message::assistant("two")];
    let entries = messages.map(|message| TranscriptEntry::new(None, message));
    let export = SessionExport::new(info, entries.into());
    let imported = succeed(calm(manager.import_session(&export, None)).await);
    let back = succeed(calm(manager.export_session(&"origin".into())).await);
    law!(
        imported.id.as_str() == "origin"
            && back.entries == export.entries
            && back.info.title == export.info.title
            && back.info.metadata == export.info.metadata,
        "an imported session is what was exported",
        "{back:?}"
    );
    let copy = SessionId::new("copy");
    let imported = succeed(calm(manager.import_session(&export, Some(copy.clone()))).await);
    law!(
        imported.id == copy && written(manager, &copy).await.len() == 2,
        "a session is imported under the name that is asked for",
        "{imported:?}"
    );
    record_one(manager, &copy, "three").await;
    law!(
        written(manager, &"origin".into()).await.len() == 2,
        "a copy goes on without its origin"
    );
    let again = calm(manager.import_session(&export, Some(copy.clone()))).await;
    law!(
        matches!(again, Err(SessionError::AlreadyExists(_)))
            && written(manager, &copy).await.len() == 3,
        "an import replaces no session",
        "{again:?}"
    );
}
