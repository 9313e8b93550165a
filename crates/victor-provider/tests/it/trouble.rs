//! Providers that panic, hang and fall silent, and callers that go away.

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::{sleep, timeout};
use victor_provider::{ProviderOptions, RetryOptions};
use victor_provider_protocol::{ProviderErrorKind as Kind, ProviderRouter};

use crate::fake::Step::{
    Fail, Finish, Hang, OpenAfter, Panic, PanicAtOnce, Pause, Refuse, Text, Working,
};
use crate::fake::{Scripted, Step, request, router, tell};

async fn check(scripts: &[&[Step]], story: &str, seconds: std::ops::RangeInclusive<u64>) {
    let provider = Scripted::new("p", scripts.iter().map(|script| script.to_vec()).collect());
    let (found, elapsed) = tell(&provider).await;
    assert_eq!(found, story);
    assert!(
        seconds.contains(&elapsed.as_secs()),
        "{story}: {elapsed:?} is not {seconds:?} s"
    );
    assert_eq!(
        provider.open.load(Ordering::SeqCst),
        0,
        "every stream was dropped"
    );
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_an_error_and_not_tried_again() {
    check(&[&[PanicAtOnce]], "error panicked 0", 0..=0).await;
    check(&[&[Panic]], "error panicked 0", 0..=0).await;
    check(&[&[Text("a"), Panic]], "text a, error panicked 0", 0..=0).await;
    check(
        &[&[Refuse(Kind::Server)], &[Text("a"), Panic]],
        "retry 1 server, text a, error panicked 1",
        0..=1,
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn silence_ends_in_a_timeout() {
    // 300 s to the first event, two attempts of it after waits of 0.5 to 3 s; 120 s between events.
    check(&[&[Hang], &[Finish]], "retry 1 timeout, done 10", 300..=301).await;
    check(
        &[&[OpenAfter(301)], &[Finish]],
        "retry 1 timeout, done 10",
        300..=301,
    )
    .await;
    check(
        &[&[Hang]],
        "retry 1 timeout, retry 2 timeout, error timeout 0",
        901..=903,
    )
    .await;
    check(
        &[&[Text("a"), Hang], &[Finish]],
        "text a, withdrawn, retry 1 timeout, done 10",
        120..=121,
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_is_slow_but_alive_is_left_alone() {
    check(
        &[&[OpenAfter(180), Pause(119), Text("a"), Pause(119), Finish]],
        "text a, done 10",
        418..=418,
    )
    .await;
    check(
        &[&[
            Text("a"),
            Pause(100),
            Working,
            Pause(100),
            Working,
            Pause(100),
            Finish,
        ]],
        "text a, done 10",
        300..=300,
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn the_first_event_has_one_deadline_from_the_beginning_of_the_attempt() {
    check(
        &[&[OpenAfter(280), Pause(21), Finish], &[Finish]],
        "retry 1 timeout, done 10",
        300..=301,
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_is_no_slow_provider() {
    let provider = Scripted::new("p", vec![vec![Text("a"), Text("b"), Finish]]);
    let mut stream = router(&provider).stream_chat(request());
    sleep(Duration::from_secs(1000)).await;
    stream.next().await.unwrap().unwrap();
    sleep(Duration::from_secs(1000)).await;
    stream.completion().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn limits_may_be_absent_or_absurd() {
    let retry = RetryOptions::default().with_max_attempts(0);
    for limit in [None, Some(Duration::MAX)] {
        let options = ProviderOptions::default()
            .with_retry(retry.clone())
            .with_first_event_timeout(limit)
            .with_idle_timeout(limit);
        let provider = Scripted::new(
            "p",
            vec![vec![
                Pause(1_000_000),
                Text("a"),
                Pause(1_000_000),
                Fail(Kind::Server),
            ]],
        );
        let router = router(&provider).with_options(options);
        let error = router
            .stream_chat(request())
            .completion()
            .await
            .unwrap_err();
        assert_eq!(error.kind, Kind::Server);
        assert_eq!(provider.attempts(), 1, "0 attempts means 1");
    }
}

#[tokio::test(start_paused = true)]
async fn dropping_the_stream_ends_the_attempt_or_the_wait() {
    let script = vec![
        vec![OpenAfter(2), Pause(2), Fail(Kind::Server)],
        vec![OpenAfter(2), Text("a"), Pause(2), Text("b"), Finish],
    ];
    for tenths in 0..100 {
        let provider = Scripted::new("p", script.clone());
        let mut stream = router(&provider).stream_chat(request());
        let read = async { while stream.next().await.is_some() {} };
        let _ = timeout(Duration::from_millis(tenths * 100), read).await;
        let attempts = provider.attempts();
        drop(stream);
        assert_eq!(
            provider.open.load(Ordering::SeqCst),
            0,
            "after {tenths} tenths"
        );
        sleep(Duration::from_secs(100)).await;
        assert_eq!(
            provider.attempts(),
            attempts,
            "nothing goes on after {tenths} tenths"
        );
    }
}
