//! The laws of provider routers.

mod ledger;
mod model;
mod retries;

use std::sync::Arc;

use futures_util::future::join_all;
use victor_core::{Context, Message, ModelId, Part, SessionId, ToolSpec};
use victor_provider_protocol::{
    ChatProvider, ChatRequest, Completion, CompletionEvent, CompletionStream, ProviderError,
    ProviderErrorKind, ProviderRouter, RetryNotice, ToolChoice,
};

use self::model::{MODEL, Model, Step};
use super::puppet::ends;
use super::{SIDE_BY_SIDE, guarded, life};

/// Checks a router. `make` makes a new one that routes to a provider and a model, and makes at least two attempts.
///
/// The laws: a request goes to the provider that is current when it is made, and one without a model to the model that
/// is current then; a session that was switched goes elsewhere until it is reset, and the others do not; capabilities
/// are those of the current provider, of all or of a session; nothing is done before the stream is polled; an attempt
/// that failed in a way that may pass is followed by another one, which is announced, and no other failure is; once
/// something was shown, it is withdrawn first, or there is no further attempt; every attempt asks for the same;
/// the wait is at least the one that the provider asks for, and never one of days; what the provider calls in vain is
/// not tried again; the answer is the provider's, and its usage is that of all attempts; silence ends an answer and
/// signs of life do not; a panic is an error; a dropped stream ends the provider's request, and the wait for the next
/// one; a window that a provider names is the model's from then on; a [ledger](ProviderRouter::ledger), if there is
/// one, has an entry for each attempt, whatever became of it, and its sums agree.
///
/// To be run with the clock of tokio paused, since what is retried is waited for.
///
/// # Panics
///
/// A law is broken, or there is no tokio runtime with a clock.
pub async fn provider_router<R: ProviderRouter>(
    make: impl Fn(Arc<dyn ChatProvider>, ModelId) -> R,
) {
    check_routes(&make).await;
    check_switches(&make).await;
    check_sessions(&make).await;
    check_passing_on(&make).await;
    retries::check(&make).await;
    ledger::check(&make).await;
    check_silence(&make).await;
    check_side_by_side(&make).await;
    check_drops(&make).await;
    check_life(&make).await;
}

/// Everything that came of a request.
struct Story {
    /// Texts and thoughts that were shown.
    shown: String,
    notices: Vec<RetryNotice>,
    outcome: Result<Completion, ProviderError>,
}

impl Story {
    fn failed_with(&self, kind: &ProviderErrorKind) -> bool {
        matches!(&self.outcome, Err(error) if error.kind == *kind)
    }
}

fn request(model: &str) -> ChatRequest {
    let mut request = ChatRequest::to_current_model(Context::from_iter([Message::user("Hello?")]));
    request.model = (!model.is_empty()).then(|| model.into());
    request
}

fn ask<R: ProviderRouter>(router: &R, model: &str) -> CompletionStream {
    guarded(|| router.stream_chat(request(model)))
}

/// Reads a stream to its end, and checks what is true of every stream.
async fn read(mut stream: CompletionStream) -> Story {
    let (mut shown, mut notices, mut withdrawn) = (String::new(), Vec::new(), false);
    loop {
        let outcome = match ends(stream.next()).await {
            Some(Ok(CompletionEvent::TextDelta(text) | CompletionEvent::ThinkingDelta(text))) => {
                shown += &text;
                continue;
            }
            Some(Ok(CompletionEvent::Withdrawn)) => {
                law!(
                    !shown.is_empty(),
                    "only what was shown is withdrawn",
                    "after {notices:?}"
                );
                shown.clear();
                withdrawn = true;
                continue;
            }
            Some(Ok(CompletionEvent::Retrying(notice))) => {
                law!(
                    shown.is_empty(),
                    "what was shown is withdrawn before another attempt",
                    "{notice:?} after `{shown}`"
                );
                law!(
                    notice.withdrawn == withdrawn,
                    "a notice says whether something was withdrawn",
                    "{notice:?}"
                );
                withdrawn = false;
                law!(
                    usize::try_from(notice.attempt).is_ok_and(|number| number == notices.len() + 1),
                    "attempts are numbered from 1",
                    "{notice:?} after {notices:?}"
                );
                notices.push(notice);
                continue;
            }
            Some(Ok(CompletionEvent::Finished(completion))) => Ok(*completion),
            Some(Err(error)) => Err(error),
            Some(Ok(CompletionEvent::Working)) => {
                panic!("law broken: signs of life are not passed on")
            }
            Some(Ok(_)) => continue,
            None => panic!("law broken: a stream ends in an answer or an error"),
        };
        let more = ends(stream.next()).await;
        law!(
            more.is_none(),
            "nothing follows the answer or the error",
            "{more:?}"
        );
        return Story {
            shown,
            notices,
            outcome,
        };
    }
}

/// Asks for an answer that there must be.
async fn answer<R: ProviderRouter>(router: &R, model: &str) -> Completion {
    let story = read(ask(router, model)).await;
    super::succeed(story.outcome)
}

async fn check_routes<R: ProviderRouter>(make: &impl Fn(Arc<dyn ChatProvider>, ModelId) -> R) {
    let (one, other) = (Model::new("one", vec![]), Model::new("other", vec![]));
    let router = make(one.clone(), MODEL.into());
    for (provider, model) in [(&one, MODEL), (&other, "another-model")] {
        if provider.name == "other" {
            guarded(|| router.switch_provider(other.clone(), model.into()));
        }
        let route = guarded(|| router.route());
        law!(
            (&*route.provider, route.model.as_str()) == (provider.name, model),
            "the route is where requests go now",
            "{route:?}"
        );
        for name in [model, "model-of-its-own"] {
            let found = guarded(|| router.capabilities(&name.into()));
            law!(
                found == provider.capabilities(&name.into()),
                "capabilities are those of which the current provider knows",
                "{found:?} of {} at {}",
                name,
                provider.name
            );
        }
        answer(&router, "").await;
        answer(&router, "model-of-its-own").await;
        law!(
            provider.asked() == [model, "model-of-its-own"],
            "a request without a model goes to the current one, and any other to its own",
            "{:?}",
            provider.asked()
        );
    }
    law!(
        one.asked().len() == 2,
        "after a switch, requests go to the other provider",
        "{:?}",
        one.asked()
    );
}

/// Checks that requests and answers pass through unchanged, also where it takes two attempts.
async fn check_passing_on<R: ProviderRouter>(make: &impl Fn(Arc<dyn ChatProvider>, ModelId) -> R) {
    let fails = vec![Step::Fails(ProviderErrorKind::Server, None)];
    let model = Model::new("one", vec![fails]);
    let router = make(model.clone(), MODEL.into());
    let mut asked = request("model-of-its-own");
    asked.system = Some("Be brief.".into());
    asked.tools = Arc::new([ToolSpec::new(
        "suite",
        "A tool.",
        serde_json::json!({"type": "object"}),
    )]);
    asked.tool_choice = ToolChoice::Required;
    asked.max_output_tokens = Some(7);
    asked.temperature = Some(0.5);
    asked.stop_sequences = vec!["stop".to_owned()];
    asked.session = Some("suite".into());
    let story = read(guarded(|| router.stream_chat(asked.clone()))).await;
    let came = model.request();
    law!(
        came.as_ref()
            .is_some_and(|came| format!("{came:?}") == format!("{asked:?}")),
        "the provider is asked what the caller asks",
        "{came:?} in place of {asked:?}"
    );
    let answer = super::succeed(story.outcome);
    law!(
        answer.model.as_str() == "model-of-its-own" && answer.parts == [Part::text("well")],
        "the answer is the provider's",
        "{answer:?}"
    );
}

async fn check_switches<R: ProviderRouter>(make: &impl Fn(Arc<dyn ChatProvider>, ModelId) -> R) {
    let fails = vec![Step::Fails(ProviderErrorKind::Overloaded, None)];
    let (one, other) = (Model::new("one", vec![fails]), Model::new("other", vec![]));
    let router = make(one.clone(), MODEL.into());
    // Switched away from before anything was done, and between two attempts.
    let mut stream = ask(&router, "");
    tokio::time::sleep(model::LONG).await;
    law!(
        one.asked().is_empty(),
        "the work is done while the stream is polled"
    );
    guarded(|| router.switch_provider(other.clone(), "another-model".into()));
    let notice = ends(stream.next()).await;
    law!(
        matches!(notice, Some(Ok(CompletionEvent::Retrying(_)))),
        "what may pass is tried again, and announced",
        "{notice:?}"
    );
    let answer = super::succeed(ends(stream.completion()).await);
    law!(
        one.asked() == [MODEL, MODEL] && other.asked().is_empty(),
        "a request stays with the provider and the model that were current when it was made",
        "{:?} and {:?}: {answer:?}",
        one.asked(),
        other.asked()
    );
}

async fn check_sessions<R: ProviderRouter>(make: &impl Fn(Arc<dyn ChatProvider>, ModelId) -> R) {
    let (one, other) = (Model::new("one", vec![]), Model::new("other", vec![]));
    let router = make(one.clone(), MODEL.into());
    let (switched, stays) = (SessionId::new("switched"), SessionId::new("stays"));
    let in_session = async |session: &SessionId| {
        let mut request = request("");
        request.session = Some(session.clone());
        let story = read(guarded(|| router.stream_chat(request))).await;
        super::succeed(story.outcome);
    };
    guarded(|| router.switch_session(&switched, other.clone(), "another-model".into()));
    in_session(&switched).await;
    in_session(&stays).await;
    let routes = [&switched, &stays].map(|session| guarded(|| router.session_route(session)));
    law!(
        other.asked() == ["another-model"]
            && one.asked() == [MODEL]
            && routes[0].provider == "other"
            && routes[0].model.as_str() == "another-model"
            && routes[1] == guarded(|| router.route()),
        "a session that was switched goes to its own provider and model",
        "{:?}, {:?}: {routes:?}",
        one.asked(),
        other.asked()
    );
    let model = ModelId::from("another-model");
    let found = guarded(|| router.session_capabilities(&switched, &model));
    law!(
        found == other.capabilities(&model),
        "the capabilities of a session are those of its provider",
        "{found:?}"
    );
    guarded(|| router.reset(&switched));
    in_session(&switched).await;
    let route = guarded(|| router.session_route(&switched));
    law!(
        one.asked().len() == 2 && route == guarded(|| router.route()),
        "a session that was reset goes where all go",
        "{route:?}"
    );
}

async fn check_silence<R: ProviderRouter>(make: &impl Fn(Arc<dyn ChatProvider>, ModelId) -> R) {
    for silent in [
        vec![Step::Silence],
        vec![Step::Working, Step::Silence],
        vec![Step::Text("a"), Step::Silence],
    ] {
        let model = Model::new("silent", vec![silent.clone(); 100]);
        let router = make(model.clone(), MODEL.into());
        let story = read(ask(&router, "")).await;
        law!(
            story.failed_with(&ProviderErrorKind::Timeout),
            "an answer that is silent for too long is ended",
            "{silent:?}: {:?}",
            story.outcome
        );
        law!(
            model.open() == 0,
            "an attempt that is ended is dropped",
            "{silent:?}: {} are open",
            model.open()
        );
    }
    let mut steps = vec![[Step::Pause, Step::Working]; 2_000].concat();
    steps.push(Step::Finished);
    let model = Model::new("slow", vec![steps]);
    let router = make(model.clone(), MODEL.into());
    let story = read(ask(&router, "")).await;
    law!(
        story.outcome.is_ok() && model.asked().len() == 1,
        "signs of life keep an answer from being ended",
        "{:?}",
        story.outcome
    );
}

async fn check_side_by_side<R: ProviderRouter>(
    make: &impl Fn(Arc<dyn ChatProvider>, ModelId) -> R,
) {
    let model = Model::new("one", vec![]);
    let router = make(model, MODEL.into());
    let names: Vec<String> = (0..SIDE_BY_SIDE).map(|n| format!("model-{n}")).collect();
    let answers = join_all(names.iter().map(|name| answer(&router, name))).await;
    for (name, answer) in names.iter().zip(answers) {
        law!(
            answer.model.as_str() == name,
            "requests side by side are independent",
            "{name}: {answer:?}"
        );
    }
}

async fn check_drops<R: ProviderRouter>(make: &impl Fn(Arc<dyn ChatProvider>, ModelId) -> R) {
    let scripts = [
        vec![vec![Step::Silence]],
        vec![vec![Step::Text("a"), Step::Silence]],
        vec![vec![Step::Fails(ProviderErrorKind::Server, None)]; 100],
        vec![vec![
            Step::Text("a"),
            Step::Pause,
            Step::Text("b"),
            Step::Finished,
        ]],
    ];
    for script in scripts {
        for polls in 0..8 {
            let model = Model::new("one", script.clone());
            let router = make(model.clone(), MODEL.into());
            let stream = ask(&router, "");
            // A notice or a text ends no story, so this is dropped at one poll after the other.
            crate::poll_at_most(polls, read(stream)).await;
            law!(
                model.open() == 0,
                "dropping the stream ends the provider's request",
                "after {polls} polls: {script:?}"
            );
            let asked = model.asked().len();
            tokio::time::sleep(model::LONG).await;
            law!(
                model.asked().len() == asked,
                "dropping the stream ends the wait for the next attempt",
                "after {polls} polls: {script:?}"
            );
            model.forget_script();
            answer(&router, "").await;
        }
    }
}

async fn check_life<R: ProviderRouter>(make: &impl Fn(Arc<dyn ChatProvider>, ModelId) -> R) {
    let model = Model::new("one", vec![]);
    let router = make(model.clone(), MODEL.into());
    life::begins(&router).await;
    answer(&router, "").await;
    life::ends(&router).await;
    guarded(|| router.route());
    guarded(|| router.capabilities(&MODEL.into()));
    let _whatever = read(ask(&router, "")).await;
    guarded(|| router.switch_provider(model, MODEL.into()));
}
