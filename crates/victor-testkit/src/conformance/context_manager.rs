//! The laws of context managers.

mod compactions;
mod strategy;

use std::sync::Arc;

use futures_util::future::join_all;
use victor_context_protocol::{ContextManager, TokenCounterExt};
use victor_core::{Context, Message, Part, Role, SessionId, ToolCall};

use super::puppet::ends;
use super::{SIDE_BY_SIDE, guarded, life, succeed};
use crate::histories;

/// Checks a manager. `make` makes a new one without sessions, whose counter gives every message at least one token.
///
/// The laws: a session has what was appended to it or put in its place, and nothing of others; a message that comes
/// twice is there once; statistics add up; a context that was prepared is valid, fits into its window and has what must
/// stay, or the error says how large it is and how much is free, and the context is as it was; strategies are known by
/// the name under which they were registered, and an unknown one is refused; one that fails, panics, hangs or returns
/// rubbish does no harm and is shown in health; reports of usage are only heard; a dropped call leaves the context as
/// it was.
///
/// One of the suite's strategies never answers, so the clock of tokio should be paused.
///
/// # Panics
///
/// A law is broken, or there is no tokio runtime with a clock.
pub async fn context_manager<M: ContextManager>(make: impl Fn() -> M) {
    check_sessions(&make());
    check_statistics(&make());
    check_repairs(&make()).await;
    compactions::check(&make).await;
    strategy::check(&make).await;
    check_usage(&make()).await;
    check_life(&make()).await;
}

/// A conversation of `turns` requests and answers.
fn conversation(name: &str, turns: usize) -> Vec<Arc<Message>> {
    let turn = |turn: usize| {
        [
            Message::user(format!("{name}: what is the answer to question {turn}?")),
            Message::assistant(format!("The answer to question {turn} is {}.", turn * 7)),
        ]
    };
    (0..turns).flat_map(turn).map(Arc::new).collect()
}

fn context<M: ContextManager>(manager: &M, session: &SessionId) -> Context {
    guarded(|| manager.context(session))
}

fn check_sessions<M: ContextManager>(manager: &M) {
    let (one, other) = (SessionId::new("one"), SessionId::new("other"));
    law!(
        context(manager, &one) == Context::default(),
        "a session that was never heard of has an empty context"
    );
    let messages = conversation("one", 3);
    guarded(|| manager.append(&one, &messages[..2]));
    let snapshot = context(manager, &one);
    guarded(|| manager.append(&other, &conversation("other", 1)));
    guarded(|| manager.append(&one, &messages[2..]));
    let expected: Context = messages.iter().cloned().collect();
    law!(
        context(manager, &one) == expected,
        "a session has what was appended to it, in order",
        "{:?}",
        context(manager, &one)
    );
    law!(
        snapshot.messages().len() == 2,
        "a snapshot stays as it was",
        "{snapshot:?}"
    );
    guarded(|| manager.append(&one, &messages[3..]));
    guarded(|| manager.append(&one, &[]));
    law!(
        context(manager, &one) == expected,
        "a message that comes again is not appended again",
        "{:?}",
        context(manager, &one)
    );

    let others = context(manager, &other);
    let mut replacement: Context = conversation("replaced", 2).into_iter().collect();
    replacement.set_metadata("current_task", "suite");
    guarded(|| manager.set_context(&one, replacement.clone()));
    law!(
        context(manager, &one) == replacement,
        "a context that is put in place is there as it is, with its metadata",
        "{:?}",
        context(manager, &one)
    );
    guarded(|| manager.append(&one, &messages[..1]));
    let mut longer = replacement.clone();
    longer.push(messages[0].clone());
    law!(
        context(manager, &one) == longer,
        "a conversation goes on from the context that was put in place",
        "{:?}",
        context(manager, &one)
    );
    guarded(|| manager.reset(&SessionId::new("of whom nobody knows")));
    guarded(|| manager.reset(&one));
    law!(
        context(manager, &one) == Context::default(),
        "a reset empties the session",
        "{:?}",
        context(manager, &one)
    );
    law!(
        context(manager, &other) == others,
        "sessions are independent",
        "{:?}",
        context(manager, &other)
    );
    guarded(|| manager.append(&one, &messages[..2]));
    law!(
        context(manager, &one).messages().len() == 2,
        "a session that was reset can begin again",
        "{:?}",
        context(manager, &one)
    );
}

fn check_statistics<M: ContextManager>(manager: &M) {
    let counter = guarded(|| manager.counter());
    for (number, history) in histories(2, 20).into_iter().enumerate() {
        let session = SessionId::new(format!("{number}"));
        for message in &history {
            guarded(|| manager.append(&session, std::slice::from_ref(message)));
        }
        let stats = guarded(|| manager.stats(&session));
        let tokens = counter.tokens_of(&history);
        law!(
            (stats.messages, stats.tokens) == (history.len(), tokens),
            "statistics have the number of messages and their tokens by the manager's counter",
            "{stats:?} in place of {} messages and {tokens} tokens",
            history.len()
        );
        for (of, sum) in [
            ("roles", stats.tokens_by_role.values().sum::<u64>()),
            ("parts", stats.tokens_by_part.values().sum()),
        ] {
            law!(
                sum == tokens,
                "the tokens of all roles, and of all parts, add up",
                "{sum} of {tokens} by {of}: {stats:?}"
            );
        }
    }
    let unknown = guarded(|| manager.stats(&SessionId::new("of whom nobody knows")));
    law!(
        (unknown.messages, unknown.tokens) == (0, 0),
        "a session that was never heard of has an empty context",
        "{unknown:?}"
    );
}

/// Checks that histories that providers refuse are repaired before they are sent.
async fn check_repairs<M: ContextManager>(manager: &M) {
    let call = ToolCall::new("1", "read", "{}");
    let lost = Message::new(Role::Assistant, vec![Part::ToolCall(call)]);
    for (number, broken) in [
        vec![Message::user("Read it."), lost.clone()],
        vec![Message::user("Read it."), lost, Message::user("Well?")],
        vec![Message::assistant("I begin."), Message::user("Well?")],
    ]
    .into_iter()
    .enumerate()
    {
        let session = SessionId::new(format!("{number}"));
        let broken: Vec<Arc<Message>> = broken.into_iter().map(Arc::new).collect();
        guarded(|| manager.append(&session, &broken));
        let prepared = succeed(ends(manager.prepare(&session, &compactions::ample())).await);
        let validity = prepared.context.messages().validate();
        law!(
            validity.is_ok(),
            "a context that was prepared is valid",
            "{validity:?}: {:?}",
            prepared.context
        );
    }
}

/// Checks that each report of a provider is heard, and nothing else.
async fn check_usage<M: ContextManager>(manager: &M) {
    let (one, other) = (SessionId::new("one"), SessionId::new("other"));
    let model = "suite-model".into();
    guarded(|| manager.append(&one, &conversation("one", 20)));
    let mut request = compactions::ample();
    request.model = Some("suite-model".into());
    let before = context(manager, &one);
    for reported in [0, 1, 1_000, u64::MAX] {
        for session in [&one, &other] {
            // Nobody has to have prepared anything.
            guarded(|| manager.observe_usage(session, &model, reported));
            guarded(|| manager.observe_usage(session, &model, reported));
        }
        let prepared = succeed(ends(manager.prepare(&one, &request)).await);
        law!(
            prepared.context == before && context(manager, &one) == before,
            "reports of usage leave the context as it is",
            "{reported} tokens were reported"
        );
        law!(
            context(manager, &other) == Context::default(),
            "reports of usage leave the context as it is",
            "of a session that there is not"
        );
    }
    life::is_well(manager);
}

async fn check_life<M: ContextManager>(manager: &M) {
    life::begins(manager).await;
    let sessions: Vec<_> = (0..SIDE_BY_SIDE)
        .map(|n| SessionId::new(format!("s{n}")))
        .collect();
    let work = sessions.iter().map(async |session| {
        let messages = conversation(session.as_str(), 3);
        guarded(|| manager.append(session, &messages));
        let prepared = succeed(ends(manager.prepare(session, &compactions::ample())).await);
        law!(
            prepared.context == messages.into_iter().collect::<Context>(),
            "sessions are independent",
            "{session}: {:?}",
            prepared.context
        );
    });
    join_all(work).await;
    life::ends(manager).await;
    guarded(|| manager.append(&sessions[0], &conversation("afterwards", 1)));
    context(manager, &sessions[0]);
    let _whatever = ends(manager.prepare(&sessions[0], &compactions::ample())).await;
}
