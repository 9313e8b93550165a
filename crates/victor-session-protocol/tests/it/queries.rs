use victor_core::{SessionId, Timestamp};
use victor_session_protocol::{SessionInfo, SessionPatch, SessionQuery, SessionStatus};

/// What a patch makes of a session with a title, a tag, an expiry and a fact.
fn patched(patch: &SessionPatch) -> SessionInfo {
    let mut info = SessionInfo::new(SessionId::new("s"));
    info.title = Some("Title".into());
    info.tags.insert("tag".into());
    info.expires_at = Some(Timestamp::UNIX_EPOCH);
    info.metadata.insert("key".into(), 1.into());
    patch.apply(&mut info);
    info
}

#[test]
fn a_patch_changes_what_it_names() {
    let none = SessionPatch::default;
    assert_eq!(
        patched(&none().with_title("New")).title.as_deref(),
        Some("New")
    );
    assert_eq!(patched(&none().with_title("")).title, None);
    let tags = |patch: SessionPatch| Vec::from_iter(patched(&patch).tags);
    assert_eq!(tags(none().with_tag("a")), ["a", "tag"]);
    assert_eq!(tags(none().with_tag("a").without_tag("tag")), ["a"]);
    assert_eq!(tags(none().with_tag("a").without_tag("a")), ["tag"]);
    let closed = none().with_status(SessionStatus::Closed);
    assert!(!patched(&closed).status.is_open());
    assert_eq!(patched(&none().with_expiry(None)).expires_at, None);
    let fact = patched(&none().with_metadata("key", ()).with_metadata("new", "x"));
    assert_eq!(
        serde_json::to_string(&fact.metadata).unwrap(),
        r#"{"new":"x"}"#
    );
    assert_eq!(patched(&none()).title.as_deref(), Some("Title"));
}

#[test]
fn pages_follow_each_other() {
    let info = |name: &str, seconds| {
        let mut info = SessionInfo::new(SessionId::new(name));
        info.updated_at = Timestamp::from_unix_millis(1000 * i64::from(seconds)).unwrap();
        info
    };
    let query = SessionQuery::first(1).after(&info("b", 5));
    for (name, seconds, after) in [
        ("a", 5, false),
        ("b", 5, false),
        ("c", 5, true),
        ("a", 4, true),
        ("z", 6, false),
    ] {
        assert_eq!(
            query.is_after(&info(name, seconds)),
            after,
            "{name} {seconds}"
        );
    }
}
