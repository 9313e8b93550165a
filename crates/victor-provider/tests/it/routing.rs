//! Where requests go, and how the coordinator fares.

use std::sync::Arc;

use async_trait::async_trait;
use victor_core::{Context, Coordinator, Health, HealthStatus, Message, ModelId};
use victor_provider::ProviderCoordinator;
use victor_provider_protocol::{
    Capabilities, CapabilitySource, ChatProvider, ChatRequest, CompletionStream, ProviderError,
    ProviderErrorKind as Kind, ProviderRouter, Route,
};

use crate::fake::Step::{Fail, Finish, Pause, Refuse, Text, TooLong};
use crate::fake::{Scripted, request, router};

#[tokio::test(start_paused = true)]
async fn a_request_keeps_the_provider_with_which_it_began() {
    let old = Scripted::new(
        "old",
        vec![vec![Refuse(Kind::Server)], vec![Text("a"), Finish]],
    );
    let new = Scripted::new("new", vec![vec![Finish]]);
    let router = router(&old);
    let mut under_way = router.stream_chat(request());
    let not_polled_yet = router.stream_chat(request());
    under_way.next().await.unwrap().unwrap();

    router.switch_provider(Arc::clone(&new) as _, "n".into());
    assert_eq!(router.route(), Route::new("new", "n".into()));
    under_way.completion().await.unwrap();
    not_polled_yet.completion().await.unwrap();
    assert_eq!((old.attempts(), new.attempts()), (3, 0));
    router.stream_chat(request()).completion().await.unwrap();
    assert_eq!((old.attempts(), new.attempts()), (3, 1));
}

#[tokio::test(start_paused = true)]
async fn a_request_that_names_no_model_goes_to_the_current_one() {
    let provider = Scripted::new("p", vec![vec![Finish]]);
    let router = router(&provider);
    let ask = async |model: Option<&str>| {
        let context = Context::from_iter([Message::user("Hello?")]);
        let mut request = ChatRequest::to_current_model(context);
        request.model = model.map(Into::into);
        router.stream_chat(request).completion().await.unwrap();
    };
    ask(None).await;
    ask(Some("other")).await;
    router.switch_provider(Arc::clone(&provider) as _, "n".into());
    ask(None).await;
    assert_eq!(
        *provider.models.lock().unwrap(),
        ["m".into(), "other".into(), ModelId::new("n")]
    );
}

#[tokio::test]
async fn a_window_that_a_refusal_names_is_the_window_from_then_on() {
    let scripts = vec![
        vec![TooLong(1024)],
        vec![Finish],
        vec![TooLong(5)],
        vec![Finish],
    ];
    let provider = Scripted::new("p", scripts);
    let router = router(&provider);
    let window = |model: &str| {
        let capabilities = router.capabilities(&model.into());
        let learned = capabilities.source == CapabilitySource::Learned;
        assert_eq!(capabilities.context_window.is_some(), learned);
        capabilities.context_window
    };
    assert_eq!(window("m"), None);
    router
        .stream_chat(request())
        .completion()
        .await
        .unwrap_err();
    assert_eq!((window("m"), window("n")), (Some(1024), None));
    router.stream_chat(request()).completion().await.unwrap();
    assert_eq!(window("m"), Some(1024));

    router.switch_provider(Arc::clone(&provider) as _, "n".into());
    assert_eq!(window("m"), Some(1024));
    router
        .stream_chat(request())
        .completion()
        .await
        .unwrap_err();
    assert_eq!(window("m"), Some(5));
    // A request of ten tokens is answered, so the window is not so small.
    router.stream_chat(request()).completion().await.unwrap();
    assert_eq!(window("m"), None);

    let other = Scripted::new("p", vec![vec![Finish]]);
    router.switch_provider(other, "m".into());
    assert_eq!(window("m"), None);
}

fn problems(health: &Health) -> &[String] {
    let expected = if health.problems.is_empty() {
        HealthStatus::Healthy
    } else {
        HealthStatus::Degraded
    };
    assert_eq!(
        (&*health.coordinator, health.status),
        ("provider", expected)
    );
    &health.problems
}

#[tokio::test(start_paused = true)]
async fn health_shows_the_last_error_until_a_request_succeeds() {
    let provider = Scripted::new(
        "p",
        vec![
            vec![Refuse(Kind::Server)],
            vec![Finish],
            vec![Refuse(Kind::Authentication)],
            vec![Finish],
        ],
    );
    let router = router(&provider);
    assert_eq!(problems(&router.health()), [""; 0]);
    let mut stream = router.stream_chat(request());
    stream.next().await.unwrap().unwrap();
    assert_eq!(
        problems(&router.health()),
        ["p: no luck"],
        "also while it retries"
    );
    stream.completion().await.unwrap();
    assert_eq!(problems(&router.health()), [""; 0]);
    router
        .stream_chat(request())
        .completion()
        .await
        .unwrap_err();
    assert_eq!(problems(&router.health()), ["p: no luck"]);
    router.stream_chat(request()).completion().await.unwrap();
    assert_eq!(problems(&router.health()), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn a_request_at_fault_says_nothing_about_the_provider() {
    for kind in [
        Kind::ContextTooLong,
        Kind::InvalidHistory,
        Kind::InvalidRequest,
    ] {
        let provider = Scripted::new("p", vec![vec![Refuse(kind)]]);
        let router = router(&provider);
        router
            .stream_chat(request())
            .completion()
            .await
            .unwrap_err();
        assert_eq!(problems(&router.health()), [""; 0]);
    }
}

#[tokio::test(start_paused = true)]
async fn what_goes_wrong_with_the_old_provider_does_not_darken_the_new_one() {
    let old = Scripted::new("old", vec![vec![Pause(1), Fail(Kind::Quota)]]);
    let router = router(&old);
    let under_way = router.stream_chat(request());
    router.switch_provider(Scripted::new("new", vec![vec![Finish]]), "n".into());
    under_way.completion().await.unwrap_err();
    assert_eq!(problems(&router.health()), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_requests_and_switches_at_once() {
    let scripted = |name| Scripted::new(name, vec![vec![Text("a"), Finish]]);
    let (one, two) = (scripted("one"), scripted("two"));
    let router = Arc::new(router(&one));
    let tasks: Vec<_> = (0..64)
        .map(|n| {
            let (router, two) = (Arc::clone(&router), Arc::clone(&two));
            tokio::spawn(async move {
                if n % 8 == 0 {
                    router.switch_provider(two, "n".into());
                }
                router.stream_chat(request()).completion().await.map(drop)
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!(one.attempts() + two.attempts(), 64);
    assert_eq!(router.route().provider, "two");
}

#[test]
fn capabilities_are_those_of_the_provider() {
    let router = router(&Scripted::new("p", vec![]));
    assert!(router.capabilities(&"m".into()).tools);
    assert_eq!(
        router.capabilities(&"cursed".into()),
        Capabilities::default(),
        "a panic is contained"
    );
}

#[derive(Debug)]
struct Nameless;

#[async_trait]
impl ChatProvider for Nameless {
    fn name(&self) -> &str {
        panic!("who am I")
    }

    async fn stream_chat(&self, _: &ChatRequest) -> Result<CompletionStream, ProviderError> {
        Err(ProviderError::new(Kind::NotFound, "", "nobody is here"))
    }

    fn capabilities(&self, _: &ModelId) -> Capabilities {
        Capabilities::default()
    }
}

#[tokio::test]
async fn a_provider_that_cannot_say_its_name_does_no_harm() {
    let router = ProviderCoordinator::new(Arc::new(Nameless), "m");
    let error = router
        .stream_chat(request())
        .completion()
        .await
        .unwrap_err();
    assert_eq!(error.to_string(), "nameless: nobody is here");
}

#[test]
fn it_is_shared_between_threads_and_streams_move_between_them() {
    fn shared<T: Send + Sync + 'static>() {}
    fn sent<T: Send + 'static>() {}
    shared::<ProviderCoordinator>();
    sent::<CompletionStream>();
}
