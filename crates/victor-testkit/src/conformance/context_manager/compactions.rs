//! The laws of every prepared context.

use victor_context_protocol::{
    ContextError, ContextManager, Prepared, TokenCounterExt, WindowRequest,
};
use victor_core::{Context, Message, MessageId, Messages, Role, SessionId};

use super::super::puppet::ends;
use super::super::{guarded, succeed};
use super::{context, conversation};
use crate::histories;

/// A window into which everything of the suite fits.
pub(super) fn ample() -> WindowRequest {
    window(10_000_000)
}

pub(super) fn window(tokens: u64) -> WindowRequest {
    let mut request = WindowRequest::default();
    request.window = Some(tokens);
    request
}

pub(super) async fn check<M: ContextManager>(make: &impl Fn() -> M) {
    let manager = make();
    for (number, history) in histories(3, 25).into_iter().enumerate() {
        let tokens = guarded(|| manager.counter()).tokens_of(&history);
        for (kind, mut request) in [
            ("ample", ample()),
            ("tight", window(tokens)),
            ("half", window(tokens / 2)),
            ("little", window(tokens / 8)),
            ("shared", window(tokens)),
            ("forced", ample()),
        ] {
            (request.reserved, request.preamble) = match kind {
                "shared" => (tokens / 4, tokens / 4),
                _ => (0, 0),
            };
            request.force = kind == "forced";
            let session = SessionId::new(format!("{number} {kind}"));
            check_one(&manager, &session, &history, &request).await;
        }
        check_alone(&manager, &history).await;
    }
    check_growth(&make()).await;
}

/// Prepares one conversation for one window.
async fn check_one<M: ContextManager>(
    manager: &M,
    session: &SessionId,
    history: &Messages,
    request: &WindowRequest,
) {
    let mut before = Context::new(history.clone());
    before.set_metadata("current_task", "suite");
    guarded(|| manager.set_context(session, before.clone()));
    let free = request.window.unwrap_or_default() - request.reserved - request.preamble;
    let counter = guarded(|| manager.counter());
    let tokens = counter.tokens_of(history);
    match ends(manager.prepare(session, request)).await {
        Ok(prepared) => {
            check_prepared(manager, &before, &prepared);
            let after = counter.tokens_of(prepared.context.messages());
            law!(
                after <= free,
                "a context that was prepared fits into the window",
                "{after} tokens where {free} are free"
            );
            law!(
                context(manager, session) == prepared.context,
                "a context that was prepared is the session's"
            );
            law!(
                request.force || tokens * 2 > free || prepared.context == before,
                "a context that is far below the window stays as it is",
                "{tokens} tokens where {free} are free: {:?}",
                prepared.compaction
            );
        }
        Err(error) => {
            law!(
                matches!(error, ContextError::TooLarge { .. }),
                "only what is too large is refused",
                "{error:?}"
            );
            law!(
                tokens > free || request.force,
                "what fits is not refused",
                "{tokens} tokens where {free} are free: {error}"
            );
            law!(
                error
                    .to_string()
                    .contains(|letter: char| letter.is_ascii_digit()),
                "an error says how many tokens are too many",
                "{error}"
            );
            law!(
                context(manager, session) == before,
                "a context that cannot be made to fit is as it was"
            );
        }
    }
}

/// Checks the laws of every compaction.
fn check_prepared<M: ContextManager>(manager: &M, before: &Context, prepared: &Prepared) {
    let (history, messages) = (before.messages(), prepared.context.messages());
    let validity = messages.validate();
    law!(
        validity.is_ok(),
        "a context that was prepared is valid",
        "{validity:?}: {messages:?}"
    );
    let missing: Vec<MessageId> = must_stay(history)
        .filter(|id| !messages.iter().any(|message| message.id() == *id))
        .collect();
    law!(
        missing.is_empty(),
        "what the system says, what is pinned, and the user's first and last request stay",
        "{missing:?} of {history:?} in {messages:?}"
    );
    law!(
        prepared.context.metadata() == before.metadata(),
        "metadata stays"
    );
    let counter = guarded(|| manager.counter());
    let (tokens_before, tokens_after) = (counter.tokens_of(history), counter.tokens_of(messages));
    match &prepared.compaction {
        None => law!(
            messages == history,
            "a compaction is reported",
            "{messages:?} in place of {history:?}"
        ),
        Some(report) => {
            law!(
                tokens_after <= tokens_before,
                "a compaction never makes a context larger",
                "{tokens_after} after {tokens_before} tokens"
            );
            let told = (report.messages_before, report.tokens_before);
            let told = (told, (report.messages_after, report.tokens_after));
            let found = (
                (history.len(), tokens_before),
                (messages.len(), tokens_after),
            );
            law!(
                told == found,
                "a report has the sizes before and after",
                "{report:?} in place of {found:?}"
            );
        }
    }
}

/// The messages that every compaction keeps.
fn must_stay(history: &Messages) -> impl Iterator<Item = MessageId> {
    let is_request = |message: &Message| *message.role() == Role::User && !message.is_note();
    let is_request = move |message: &&std::sync::Arc<Message>| is_request(message);
    let first = history.iter().find(is_request);
    let last = history.iter().rfind(is_request);
    history
        .iter()
        .filter(|message| message.is_pinned() || *message.role() == Role::System)
        .chain(first)
        .chain(last)
        .map(|message| message.id())
}

/// A context that belongs to no session.
async fn check_alone<M: ContextManager>(manager: &M, history: &Messages) {
    let session = SessionId::new("beside");
    let before = context(manager, &session);
    let alone = Context::new(history.clone());
    match ends(manager.compact_context(&alone)).await {
        Ok(prepared) => check_prepared(manager, &alone, &prepared),
        Err(error) => law!(
            matches!(error, ContextError::TooLarge { .. }),
            "only what is too large is refused",
            "{error:?}"
        ),
    }
    law!(
        context(manager, &session) == before,
        "to compact a context of no session leaves every session as it is"
    );
}

/// A conversation that grows turn by turn beyond its window.
async fn check_growth<M: ContextManager>(manager: &M) {
    let session = SessionId::new("growing");
    let messages = conversation("growing", 60);
    let counter = guarded(|| manager.counter());
    let tokens = counter.tokens_of(&messages.iter().cloned().collect());
    let mut compactions = 0;
    for turn in messages.chunks(2) {
        guarded(|| manager.append(&session, turn));
        let before = context(manager, &session);
        law!(
            before.messages().last() == turn.last(),
            "a session has what was appended to it, in order",
            "{before:?}"
        );
        let prepared = succeed(ends(manager.prepare(&session, &window(tokens / 3))).await);
        check_prepared(manager, &before, &prepared);
        compactions += usize::from(prepared.compaction.is_some());
        // What a turn says again after a compaction is still known.
        guarded(|| manager.append(&session, turn));
        law!(
            context(manager, &session) == prepared.context,
            "a message that comes again is not appended again",
            "after a compaction: {:?}",
            context(manager, &session)
        );
    }
    law!(
        compactions > 0,
        "a context that has grown beyond its window is compacted"
    );
}
