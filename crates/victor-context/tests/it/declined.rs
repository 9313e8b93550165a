//! Exchanges that the model declined to go on with.

use std::sync::Arc;

use victor_context::ContextCoordinator;
use victor_context_protocol::ContextManager;
use victor_core::{Context, Message, SessionId};
use victor_testkit::drive;

use crate::{counting_chars, message, short, window};

/// The messages of a conversation in short, in which `x` ends an exchange that began with the message before the number
/// that follows it.
fn declined(conversation: &str) -> Vec<Arc<Message>> {
    let mut messages: Vec<Arc<Message>> = Vec::new();
    for word in conversation.split(' ') {
        let next = match word.strip_prefix('x') {
            Some(back) => {
                let first = messages.len() - back.parse::<usize>().unwrap();
                message("a0").declined_from(messages[first].id())
            }
            None => message(word),
        };
        messages.push(next.into());
    }
    messages
}

#[track_caller]
fn check(conversation: &str, expected: &str) -> ContextCoordinator {
    let contexts = counting_chars().build();
    let messages = declined(conversation);
    let [appended, restored, at_once] = ["appended", "restored", "at once"].map(SessionId::from);
    for message in &messages {
        contexts.append(&appended, std::slice::from_ref(message));
    }
    contexts.append(&at_once, &messages);
    contexts.set_context(&restored, messages.iter().cloned().collect::<Context>());
    for session in [&appended, &restored, &at_once] {
        let found = contexts.context(session);
        assert_eq!(short(found.messages()), expected, "{session}");
        let tokens = found.messages().len() as u64 * 10;
        assert_eq!(contexts.stats(session).tokens, tokens);
        // What was written twice is not taken once more.
        contexts.append(session, &messages[messages.len() - 2..]);
        assert_eq!(
            short(contexts.context(session).messages()),
            expected,
            "{session}"
        );
    }
    contexts
}

#[test]
fn a_declined_exchange_is_left_out() {
    check("u1 x1", "");
    check("u1 a1 u2 x1", "u1 a1");
    check("u1 a1 u2 x1 u3 a3", "u1 a1 u3 a3");
    check("s1 u1 c1 r1 a1 u2 c2 r2 x3 u3", "s1 u1 c1 r1 a1 u3");
    check("u1 x1 u2 x1 u3", "u3");
    check("u1 u2 x1 u3", "u1 u3");
}

#[test]
fn where_the_first_is_gone_only_the_last_is_left_out() {
    let contexts = counting_chars().build();
    let session = SessionId::default();
    contexts.append(&session, &[message("u1").into(), message("a1").into()]);
    let gone = message("u2");
    contexts.append(&session, &[message("a2").declined_from(gone.id()).into()]);
    assert_eq!(short(contexts.context(&session).messages()), "u1 a1");
}

#[test]
fn it_goes_after_a_compaction_and_before_one_too() {
    let contexts = counting_chars().build();
    let session = SessionId::default();
    let messages = declined("u1 a1 u2 a2 u3 a3 u4 a4 u5 c5 r5 c6 r6 x5");
    let (last, before) = messages.split_last().unwrap();
    contexts.append(&session, before);
    let prepared = drive(contexts.prepare(&session, &window(100)));
    assert!(prepared.unwrap().unwrap().compaction.is_some());
    contexts.append(&session, std::slice::from_ref(last));
    let left = contexts.context(&session);
    left.messages().validate().unwrap();
    let ids: Vec<_> = left.messages().iter().map(|message| message.id()).collect();
    assert!(
        before[8..]
            .iter()
            .all(|message| !ids.contains(&message.id()))
    );
    assert!(ids.contains(&before[0].id()));
    let prepared = drive(contexts.prepare(&session, &window(100))).unwrap();
    assert_eq!(prepared.unwrap().context, left);
}
