//! Configurations that are kept for a time.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use serde_json::json;
use tokio::time::advance;
use victor_config::{ConfigCoordinator, ConfigOptions};
use victor_config_protocol::ConfigLoader;
use victor_core::{Coordinator as _, SessionId};

use crate::fakes::{Act, Fake};

const TTL: Duration = Duration::from_secs(30);

fn with(providers: &[Arc<Fake>]) -> ConfigCoordinator {
    let builder = ConfigCoordinator::builder();
    providers
        .iter()
        .fold(builder, |builder, provider| {
            builder.provider(provider.clone())
        })
        .build()
        .unwrap()
}

async fn model(config: &ConfigCoordinator, session: &SessionId) -> String {
    let loaded = config.load_config(session).await.unwrap();
    loaded
        .settings
        .model
        .as_ref()
        .map(ToString::to_string)
        .unwrap_or_default()
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_kept_for_its_time() {
    let fake = Fake::new("db", 1, Act::Answer(json!({"model": "one"})));
    let config = with(std::slice::from_ref(&fake));
    let (a, b) = ("a".into(), "b".into());
    let first = config.load_config(&a).await.unwrap();
    assert!(Arc::ptr_eq(&first, &config.load_config(&a).await.unwrap()));
    model(&config, &b).await;
    assert_eq!(fake.calls(), 2, "once for each session");
    fake.becomes(Act::Answer(json!({"model": "two"})));
    advance(TTL - Duration::from_millis(1)).await;
    assert_eq!(model(&config, &a).await, "one");
    advance(Duration::from_millis(1)).await;
    assert_eq!(model(&config, &a).await, "two");
}

#[tokio::test]
async fn what_is_kept_is_handed_out_without_an_allocation() {
    let provided = with(&[Fake::new("db", 1, Act::Answer(json!({"model": "m"})))]);
    let alone = with(&[]);
    let session = "a".into();
    for config in [provided, alone] {
        model(&config, &session).await;
        let mut loaded = None;
        let counted = allocation_counter::measure(|| {
            let loading = pin!(config.load_config(&session));
            loaded = Some(loading.poll(&mut Context::from_waker(Waker::noop())));
        });
        assert!(matches!(loaded, Some(Poll::Ready(Ok(_)))));
        assert_eq!(counted.count_total, 0);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_kept_is_forgotten_on_request() {
    let fake = Fake::new("db", 1, Act::Answer(json!({"model": "one"})));
    let config = with(std::slice::from_ref(&fake));
    let (a, b) = ("a".into(), "b".into());
    for session in [&a, &b] {
        model(&config, session).await;
    }
    fake.becomes(Act::Answer(json!({"model": "two"})));
    config.reset(&a);
    assert_eq!(
        (model(&config, &a).await, model(&config, &b).await),
        ("two".into(), "one".into())
    );
    config.evict(&b);
    assert_eq!(model(&config, &b).await, "two");
    fake.becomes(Act::Answer(json!({"model": "three"})));
    config.reload().await.unwrap();
    assert_eq!(model(&config, &a).await, "three");
    config.add_provider(Fake::new("above", 2, Act::Answer(json!({"model": "four"}))));
    assert_eq!(
        (model(&config, &a).await, model(&config, &b).await),
        ("four".into(), "four".into())
    );
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_a_failing_provider_has_no_part_in_is_not_kept() {
    let upper = Fake::new("upper", 2, Act::Fail);
    let lower = Fake::new("lower", 1, Act::Answer(json!({"model": "lower"})));
    let config = with(&[upper.clone(), lower]);
    let session = "a".into();
    assert_eq!(model(&config, &session).await, "lower");
    upper.becomes(Act::Answer(json!({"model": "upper"})));
    assert_eq!(model(&config, &session).await, "upper");
    upper.becomes(Act::Fail);
    assert_eq!(model(&config, &session).await, "upper", "within its time");
}

#[tokio::test(start_paused = true)]
async fn what_was_asked_before_a_change_is_not_kept() {
    let fake = Fake::new(
        "db",
        1,
        Act::After(Duration::from_secs(1), json!({"model": "old"})),
    );
    let config = with(std::slice::from_ref(&fake));
    let session = "a".into();
    let load = async { config.load_config(&session).await.unwrap() };
    let change = async {
        tokio::time::sleep(Duration::from_millis(500)).await;
        fake.becomes(Act::Answer(json!({"model": "new"})));
        config.reload().await.unwrap();
    };
    let (loaded, ()) = tokio::join!(load, change);
    assert_eq!(loaded.settings.model, Some("old".into()));
    assert_eq!(model(&config, &session).await, "new");
}

#[tokio::test]
async fn a_time_of_nothing_keeps_nothing() {
    let fake = Fake::new("db", 1, Act::Answer(json!({})));
    let options = ConfigOptions::default().with_cache_ttl(Duration::ZERO);
    let config = ConfigCoordinator::builder()
        .provider(fake.clone())
        .options(options)
        .build()
        .unwrap();
    for asked in 1..4 {
        model(&config, &"a".into()).await;
        assert_eq!(fake.calls(), asked);
    }
}
