//! The laws of what a router remembers: the attempts in its ledger, and the windows it was told.

use std::sync::Arc;

use victor_core::{ModelId, SessionId, TurnId};
use victor_provider_protocol::{
    Capabilities, CapabilitySource, ChatProvider, LedgerReader, LedgerTotal, ProviderErrorKind,
    ProviderRouter,
};

use super::super::guarded;
use super::model::{MODEL, Model, Step};
use super::{answer, read, request};

/// The window that a provider of this suite names.
const WINDOW: u64 = 777;

pub(super) async fn check<R: ProviderRouter>(make: &impl Fn(Arc<dyn ChatProvider>, ModelId) -> R) {
    check_windows(make).await;
    check_attempts(make).await;
    check_drops(make).await;
}

/// A refusal that names the window.
async fn check_windows<R: ProviderRouter>(make: &impl Fn(Arc<dyn ChatProvider>, ModelId) -> R) {
    let model = Model::new("one", vec![vec![Step::Overflows(WINDOW)]]);
    let router = make(model.clone(), MODEL.into());
    let before = guarded(|| router.capabilities(&"another".into()));
    let story = read(guarded(|| router.stream_chat(request("")))).await;
    law!(
        story.failed_with(&ProviderErrorKind::ContextTooLong) && model.asked().len() == 1,
        "what stays is not tried again",
        "{:?}",
        story.outcome
    );
    let mut expected: Capabilities = model.capabilities(&MODEL.into());
    expected.context_window = Some(WINDOW);
    expected.source = CapabilitySource::Learned;
    let session = SessionId::new("suite");
    for learned in [
        guarded(|| router.capabilities(&MODEL.into())),
        guarded(|| router.session_capabilities(&session, &MODEL.into())),
    ] {
        law!(
            learned == expected,
            "a window that the provider names is the model's from then on",
            "{learned:?} in place of {expected:?}"
        );
    }
    let after = guarded(|| router.capabilities(&"another".into()));
    law!(
        after == before,
        "a window is learned of one model",
        "{after:?} in place of {before:?}"
    );
}

/// One entry for each attempt, whatever became of it.
async fn check_attempts<R: ProviderRouter>(make: &impl Fn(Arc<dyn ChatProvider>, ModelId) -> R) {
    let fails = |kind| vec![Step::Fails(kind, None)];
    let scripts = vec![
        fails(ProviderErrorKind::Server),
        vec![Step::Text("a"), Step::Finished],
        fails(ProviderErrorKind::Authentication),
        vec![Step::Panics],
    ];
    let model = Model::new("one", scripts);
    let router = make(model.clone(), MODEL.into());
    let Some(ledger) = guarded(|| router.ledger()) else {
        return;
    };
    // Nobody reports what a panic has used.
    for (session, asked, used) in [
        ("a", 2, Some(2)),
        ("b", 1, Some(1)),
        ("a", 1, None),
        ("a", 1, Some(1)),
    ] {
        let before = model.asked().len();
        let turn = TurnId::generate();
        let mut request = request("");
        (request.session, request.turn) = (Some(session.into()), Some(turn));
        drop(read(guarded(|| router.stream_chat(request))).await);
        let attempts = model.asked().len() - before;
        let of_turn = guarded(|| ledger.turn(turn)).unwrap_or_default();
        law!(
            attempts == asked && of_turn.attempts == attempts as u64,
            "the ledger has one entry for each attempt of a turn",
            "{attempts} attempts, {of_turn:?}"
        );
        law!(
            used.is_none_or(|used| of_turn.usage.input == used),
            "the ledger counts what every attempt has used",
            "{used:?} tokens of input, {of_turn:?}"
        );
    }
    let [a, b] = ["a", "b"].map(|session| guarded(|| ledger.session(&session.into())));
    law!(
        (a.attempts, b.attempts) == (4, 1),
        "a session's sum is that of its attempts",
        "{a:?}, {b:?}"
    );
    let mut sum = a;
    sum += &b;
    check_sums(&*ledger, &sum);
    answer(&router, "").await;
    let total = guarded(|| ledger.total());
    law!(
        total.attempts == sum.attempts + 1,
        "an attempt without a session is in the total",
        "{total:?}"
    );
}

/// A request that is dropped in the middle of its answer.
async fn check_drops<R: ProviderRouter>(make: &impl Fn(Arc<dyn ChatProvider>, ModelId) -> R) {
    for polls in 0..6 {
        let script = vec![Step::Text("a"), Step::Silence];
        let model = Model::new("one", vec![script]);
        let router = make(model.clone(), MODEL.into());
        let Some(ledger) = guarded(|| router.ledger()) else {
            return;
        };
        let mut request = request("");
        request.session = Some("suite".into());
        let stream = guarded(|| router.stream_chat(request));
        crate::poll_at_most(polls, read(stream)).await;
        let (asked, sum) = (model.asked().len(), ledger.session(&"suite".into()));
        law!(
            sum.attempts == asked as u64,
            "an attempt that was dropped has its entry",
            "after {polls} polls: {asked} attempts, {sum:?}"
        );
        check_sums(&*ledger, &sum);
    }
}

/// The process's sum, and that of its models, is the sum of the sessions.
fn check_sums(ledger: &dyn LedgerReader, sessions: &LedgerTotal) {
    let total = guarded(|| ledger.total());
    let mut models = LedgerTotal::default();
    for of_model in guarded(|| ledger.by_model()).values() {
        models += of_model;
    }
    law!(
        total == *sessions && models == *sessions,
        "the sums of the ledger agree",
        "{total:?} in all, {models:?} by model, {sessions:?} by session"
    );
}
