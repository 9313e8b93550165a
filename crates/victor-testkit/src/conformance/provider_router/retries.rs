//! The laws of retries and their cost.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use victor_core::ModelId;
use victor_provider_protocol::{ChatProvider, ProviderErrorKind, ProviderRouter};

use super::super::life;
use super::model::{MODEL, Model, Step};
use super::{answer, ask, read};

/// More failures than any router has attempts for.
const MANY: usize = 10_000;

pub(super) async fn check<R: ProviderRouter>(make: &impl Fn(Arc<dyn ChatProvider>, ModelId) -> R) {
    use ProviderErrorKind as Kind;
    for kind in [
        Kind::RateLimit,
        Kind::Overloaded,
        Kind::Server,
        Kind::Connection,
        Kind::Timeout,
        Kind::Truncated,
        Kind::Malformed,
    ] {
        passes(make, &kind, vec![Step::Fails(kind.clone(), None)]).await;
        let later = vec![Step::Working, Step::Fails(kind.clone(), None)];
        passes(make, &kind, later).await;
        shown(make, &kind).await;
    }
    passes(make, &Kind::Truncated, vec![Step::Working, Step::Ends]).await;
    let loads = vec![Step::Fails(Kind::Loading, None)];
    passes(make, &Kind::Loading, loads).await;
    for kind in [
        Kind::Authentication,
        Kind::Quota,
        Kind::ContextTooLong,
        Kind::InvalidHistory,
        Kind::InvalidRequest,
        Kind::NotFound,
        Kind::Panicked,
        Kind::AnswerTooLarge,
        Kind::Budget,
        Kind::Other("suite".into()),
    ] {
        stays(make, &kind, vec![Step::Fails(kind.clone(), None)]).await;
        let later = vec![Step::Working, Step::Fails(kind.clone(), None)];
        stays(make, &kind, later).await;
    }
    stays(make, &Kind::Panicked, vec![Step::Panics]).await;
    stays(make, &Kind::Panicked, vec![Step::Working, Step::Panics]).await;
    waits(make).await;
    asks_for_days(make).await;
    is_in_vain(make).await;
}

/// An attempt fails in a way that may pass: once, and then again and again.
async fn passes<R: ProviderRouter>(
    make: &impl Fn(Arc<dyn ChatProvider>, ModelId) -> R,
    kind: &ProviderErrorKind,
    fails: Vec<Step>,
) {
    let model = Model::new("one", vec![fails.clone()]);
    let router = make(model.clone(), MODEL.into());
    let story = read(ask(&router, "")).await;
    law!(
        story.outcome.is_ok() && model.asked().len() == 2,
        "what may pass is tried again",
        "{kind}, {} attempts: {:?}",
        model.asked().len(),
        story.outcome
    );
    law!(
        story.notices.len() == 1 && story.notices[0].kind == *kind,
        "another attempt is announced, with the class of the error",
        "{kind}: {:?}",
        story.notices
    );
    let used = story.outcome.map(|answer| answer.usage.input);
    let expected = 1 + u64::from(matches!(fails.last(), Some(Step::Fails(..))));
    law!(
        used.as_ref().is_ok_and(|used| *used == expected),
        "an answer counts what the attempts before it have used",
        "{used:?} in place of {expected}"
    );

    let model = Model::new("one", vec![fails.clone(); MANY]);
    let router = make(model.clone(), MODEL.into());
    let story = read(ask(&router, "")).await;
    let attempts = model.asked().len();
    law!(
        story.failed_with(kind) && attempts < MANY,
        "at some time it is given up, with the error of the last attempt",
        "{kind}, {attempts} attempts: {:?}",
        story.outcome
    );
    law!(
        story.notices.len() + 1 == attempts,
        "each further attempt is announced, and no other",
        "{attempts} attempts: {:?}",
        story.notices
    );
    check_error(story.outcome.err(), expected - 1, attempts);
    law!(
        model.open() == 0,
        "an attempt that is ended is dropped",
        "{kind}: {} are open",
        model.open()
    );
    model.forget_script();
    answer(&router, "").await;
    life::is_well(&router);
}

/// An error bears the name of the provider and what all attempts have used.
fn check_error(error: Option<victor_provider_protocol::ProviderError>, each: u64, attempts: usize) {
    let Some(error) = error else { return };
    law!(
        &*error.provider == "one" || each == 0,
        "an error names the provider of the route",
        "{error:?}"
    );
    law!(
        error.usage.input == each * attempts as u64,
        "an error counts what all attempts have used",
        "{:?} in {attempts} attempts",
        error.usage
    );
}

/// An attempt fails in a way that stays.
async fn stays<R: ProviderRouter>(
    make: &impl Fn(Arc<dyn ChatProvider>, ModelId) -> R,
    kind: &ProviderErrorKind,
    fails: Vec<Step>,
) {
    let model = Model::new("one", vec![fails.clone()]);
    let router = make(model.clone(), MODEL.into());
    let story = read(ask(&router, "")).await;
    law!(
        story.failed_with(kind) && story.notices.is_empty() && model.asked().len() == 1,
        "what stays is not tried again",
        "{fails:?}, {} attempts: {:?}",
        model.asked().len(),
        story.outcome
    );
    let each = u64::from(matches!(fails.last(), Some(Step::Fails(..))));
    check_error(story.outcome.err(), each, 1);
}

/// An attempt fails in a way that may pass, but after something was shown: that is withdrawn, as reading the story
/// checks, or it is all that is shown.
async fn shown<R: ProviderRouter>(
    make: &impl Fn(Arc<dyn ChatProvider>, ModelId) -> R,
    kind: &ProviderErrorKind,
) {
    for first in [Step::Text("a"), Step::Thought("a")] {
        let fails = Step::Fails(kind.clone(), Some(Duration::from_secs(1)));
        let model = Model::new("one", vec![vec![first.clone(), fails]]);
        let router = make(model.clone(), MODEL.into());
        let story = read(ask(&router, "")).await;
        let is_given_up =
            story.failed_with(kind) && story.notices.is_empty() && model.asked().len() == 1;
        let is_withdrawn = story.outcome.is_ok()
            && story.notices.len() == 1
            && story.notices[0].withdrawn
            && model.asked().len() == 2;
        law!(
            is_given_up || is_withdrawn,
            "once something was shown, it is withdrawn and tried again, or not tried again",
            "{first:?}, {kind}: {:?} after {:?}",
            story.outcome,
            story.notices
        );
        let expected = if is_withdrawn { "well" } else { "a" };
        law!(
            story.shown == expected,
            "what the model says is passed on",
            "{} in place of {expected}",
            story.shown
        );
    }
}

/// The provider asks for a wait.
async fn waits<R: ProviderRouter>(make: &impl Fn(Arc<dyn ChatProvider>, ModelId) -> R) {
    for seconds in [0, 7, 31] {
        let wait = Duration::from_secs(seconds);
        let fails = vec![Step::Fails(ProviderErrorKind::RateLimit, Some(wait))];
        let model = Model::new("one", vec![fails]);
        let router = make(model.clone(), MODEL.into());
        let began = Instant::now();
        let story = read(ask(&router, "")).await;
        law!(
            story.outcome.is_ok() && began.elapsed() >= wait,
            "the wait is at least the one that the provider asks for",
            "{wait:?} asked for, {:?} waited: {:?}",
            began.elapsed(),
            story.outcome
        );
        law!(
            story.notices.len() == 1 && story.notices[0].delay >= wait,
            "a notice says how long the wait is",
            "{wait:?}: {:?}",
            story.notices
        );
    }
}

/// The provider asks for a wait that nobody would sit through.
async fn asks_for_days<R: ProviderRouter>(make: &impl Fn(Arc<dyn ChatProvider>, ModelId) -> R) {
    for days in [3, 365, u64::MAX / 86_400] {
        let wait = Duration::from_secs(days * 86_400);
        let fails = vec![Step::Fails(ProviderErrorKind::RateLimit, Some(wait))];
        let model = Model::new("one", vec![fails]);
        let router = make(model.clone(), MODEL.into());
        let began = Instant::now();
        let stream = ask(&router, "");
        let outcome = tokio::time::timeout(Duration::from_secs(86_400), stream.completion()).await;
        law!(
            matches!(&outcome, Ok(Err(error)) if error.kind == ProviderErrorKind::RateLimit),
            "nobody is kept waiting for days",
            "{days} days asked for, {:?} waited: {outcome:?}",
            began.elapsed()
        );
    }
}

/// The provider says that another attempt is in vain.
async fn is_in_vain<R: ProviderRouter>(make: &impl Fn(Arc<dyn ChatProvider>, ModelId) -> R) {
    for kind in [ProviderErrorKind::RateLimit, ProviderErrorKind::Server] {
        let model = Model::new("one", vec![vec![Step::FailsForGood(kind.clone())]]);
        let router = make(model.clone(), MODEL.into());
        let story = read(ask(&router, "")).await;
        law!(
            story.failed_with(&kind) && model.asked().len() == 1,
            "what the provider calls in vain is not tried again",
            "{kind}, {} attempts: {:?}",
            model.asked().len(),
            story.outcome
        );
    }
}
