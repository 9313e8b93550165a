//! What is tried again, how often, how long later, and what it costs.

use std::time::Duration;

use victor_provider::ProviderOptions;
use victor_provider_protocol::ProviderErrorKind as Kind;

use crate::fake::Step::{Fail, Finish, Pause, Refuse, RefuseFor, Text, Thinking, Working};
use crate::fake::{Scripted, Step, tell, tell_with};

/// The story of a request, and how many seconds it took.
async fn check(scripts: &[&[Step]], story: &str, seconds: std::ops::RangeInclusive<f64>) {
    let provider = Scripted::new("p", scripts.iter().map(|script| script.to_vec()).collect());
    let (found, elapsed) = tell(&provider).await;
    assert_eq!(found, story);
    assert!(
        seconds.contains(&elapsed.as_secs_f64()),
        "{story}: {elapsed:?} is not {seconds:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn what_may_pass_is_tried_three_times() {
    for kind in [
        Kind::RateLimit,
        Kind::Overloaded,
        Kind::Server,
        Kind::Connection,
        Kind::Timeout,
        Kind::Truncated,
        Kind::Malformed,
    ] {
        let k = kind.as_str();
        check(
            &[&[Refuse(kind.clone())], &[Text("hi"), Finish]],
            &format!("retry 1 {k}, text hi, done 11"),
            0.5..=1.1,
        )
        .await;
        check(
            &[&[Fail(kind.clone())]],
            &format!("retry 1 {k}, retry 2 {k}, error {k} 3"),
            1.5..=3.1,
        )
        .await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_does_not_pass_is_returned_at_once() {
    let permanent = [
        Kind::Authentication,
        Kind::Quota,
        Kind::ContextTooLong,
        Kind::InvalidHistory,
        Kind::InvalidRequest,
        Kind::NotFound,
        Kind::Other("new".into()),
    ];
    for kind in permanent {
        let k = kind.as_str();
        check(
            &[&[Refuse(kind.clone())]],
            &format!("error {k} 1"),
            0.0..=0.0,
        )
        .await;
        check(
            &[&[RefuseFor(kind.clone(), 1)]],
            &format!("error {k} 1"),
            0.0..=0.0,
        )
        .await;
        check(&[&[Fail(kind.clone())]], &format!("error {k} 1"), 0.0..=0.0).await;
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_shown_is_withdrawn_before_another_attempt() {
    for (first, told) in [(Text("a"), "text a"), (Thinking("a"), "thinking a")] {
        check(
            &[
                &[first, Fail(Kind::Server)],
                &[Refuse(Kind::Server)],
                &[Text("b"), Finish],
            ],
            &format!("{told}, withdrawn, retry 1 server, retry 2 server, text b, done 12"),
            1.5..=3.1,
        )
        .await;
    }
    // The last attempt is not followed by another one.
    check(
        &[&[Text("a"), Fail(Kind::Server)]],
        "text a, withdrawn, retry 1 server, text a, withdrawn, retry 2 server, text a, error server 3",
        1.5..=3.1,
    )
    .await;
    check(
        &[&[Text("a"), Fail(Kind::Quota)]],
        "text a, error quota 1",
        0.0..=0.0,
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn nothing_is_tried_again_where_nothing_can_be_withdrawn() {
    let check = async |scripts: &[&[Step]], story: &str| {
        let scripts = scripts.iter().map(|script| script.to_vec()).collect();
        let options = ProviderOptions::default().with_withdraws(false);
        let (found, _) = tell_with(&Scripted::new("p", scripts), options).await;
        assert_eq!(found, story);
    };
    let (fail, refuse) = (Fail(Kind::Server), Refuse(Kind::Server));
    let shown = [Text("a"), fail.clone()];
    check(&[&shown], "text a, error server 1").await;
    check(&[&[Thinking("a"), fail]], "thinking a, error server 1").await;
    let story = "retry 1 server, text a, error server 2";
    check(&[&[refuse], &shown], story).await;
}

#[tokio::test(start_paused = true)]
async fn thoughts_that_nobody_is_shown_forbid_nothing() {
    let scripts = vec![
        vec![Thinking("a"), Fail(Kind::Server)],
        vec![Thinking("b"), Text("c"), Fail(Kind::Server)],
    ];
    let options = ProviderOptions::default()
        .with_shows_thoughts(false)
        .with_withdraws(false);
    let (story, _) = tell_with(&Scripted::new("p", scripts), options).await;
    assert_eq!(
        story,
        "thinking a, retry 1 server, thinking b, text c, error server 2"
    );
}

#[tokio::test(start_paused = true)]
async fn a_model_that_is_loading_is_waited_for() {
    let loading: &[Step] = &[Refuse(Kind::Loading)];
    let finish: &[Step] = &[Finish];
    let told = |attempts: usize| -> String {
        (1..=attempts)
            .map(|n| format!("retry {n} loading, "))
            .collect()
    };
    let slow: Vec<&[Step]> = [loading; 20].into_iter().chain([finish]).collect();
    check(&slow, &format!("{}done 30", told(20)), 80.0..=175.0).await;

    // What goes wrong besides has attempts of its own.
    let failing: &[Step] = &[Refuse(Kind::Server)];
    let mixed = [&[loading; 5][..], &[failing, loading, failing, finish]].concat();
    let story = format!(
        "{}retry 6 server, retry 7 loading, retry 8 server, done 18",
        told(5)
    );
    check(&mixed, &story, 10.0..=60.0).await;

    let provider = Scripted::new("p", vec![loading.to_vec()]);
    let (story, elapsed) = tell(&provider).await;
    assert!(story.ends_with(&format!("error loading {}", provider.attempts())));
    assert!(
        (290.0..=300.1).contains(&elapsed.as_secs_f64()),
        "{elapsed:?}"
    );

    let mut options = ProviderOptions::default();
    options.retry.max_attempts = 1;
    let provider = Scripted::new("p", vec![loading.to_vec()]);
    assert_eq!(tell_with(&provider, options).await.0, "error loading 1");
}

#[tokio::test(start_paused = true)]
async fn what_shows_nothing_is_not_passed_on_and_forbids_nothing() {
    check(
        &[
            &[Text(""), Thinking(""), Working, Fail(Kind::Server)],
            &[Finish],
        ],
        "retry 1 server, done 11",
        0.5..=1.1,
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_ends_early_is_tried_again() {
    check(
        &[&[], &[Text("hi"), Finish]],
        "retry 1 truncated, text hi, done 10",
        0.5..=1.1,
    )
    .await;
    check(
        &[&[Text("hi")], &[Text("ho"), Finish]],
        "text hi, withdrawn, retry 1 truncated, text ho, done 10",
        0.5..=1.1,
    )
    .await;
}

// Pain 22: `Retry-After` is obeyed, by one loop, and never for days.
#[tokio::test(start_paused = true)]
async fn a_wait_that_the_provider_asks_for_is_obeyed_within_reason() {
    let finish: &[Step] = &[Finish];
    check(
        &[&[RefuseFor(Kind::RateLimit, 7)], finish],
        "retry 1 rate_limit, done 11",
        7.0..=7.01,
    )
    .await;
    check(
        &[&[RefuseFor(Kind::RateLimit, 0)], finish],
        "retry 1 rate_limit, done 11",
        0.0..=0.01,
    )
    .await;
    check(
        &[&[RefuseFor(Kind::RateLimit, 300)], finish],
        "retry 1 rate_limit, done 11",
        300.0..=300.01,
    )
    .await;
    check(
        &[&[RefuseFor(Kind::RateLimit, 301)], finish],
        "error rate_limit 1",
        0.0..=0.0,
    )
    .await;
    check(
        &[&[RefuseFor(Kind::RateLimit, 3 * 86_400)], finish],
        "error rate_limit 1",
        0.0..=0.0,
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn who_is_asked_to_wait_for_days_is_told_what_helps() {
    use victor_provider_protocol::ProviderRouter;

    let provider = Scripted::new("p", vec![vec![RefuseFor(Kind::RateLimit, 3 * 86_400)]]);
    let mut stream = crate::fake::router(&provider).stream_chat(crate::fake::request());
    let error = stream.next().await.unwrap().unwrap_err();
    assert_eq!(
        error.message,
        "no luck (asked to wait 259200 s, and at most 300 s are waited: try again later, or use another provider)"
    );
    // What another attempt does not help is left as it is.
    let provider = Scripted::new("p", vec![vec![RefuseFor(Kind::Quota, 3 * 86_400)]]);
    let mut stream = crate::fake::router(&provider).stream_chat(crate::fake::request());
    assert_eq!(stream.next().await.unwrap().unwrap_err().message, "no luck");
}

#[tokio::test(start_paused = true)]
async fn the_notice_comes_before_the_wait_and_says_how_long_it_is() {
    use victor_provider_protocol::{CompletionEvent, ProviderRouter};

    let provider = Scripted::new(
        "p",
        vec![vec![Pause(1), Fail(Kind::Overloaded)], vec![Finish]],
    );
    let mut stream = crate::fake::router(&provider).stream_chat(crate::fake::request());
    assert_eq!(
        provider.attempts(),
        0,
        "nothing happens before the stream is polled"
    );
    let begin = tokio::time::Instant::now();
    let Some(Ok(CompletionEvent::Retrying(notice))) = stream.next().await else {
        panic!()
    };
    assert!(begin.elapsed() < Duration::from_millis(1010));
    assert_eq!(
        (notice.attempt, &notice.kind, &*notice.message),
        (1, &Kind::Overloaded, "no luck")
    );
    let told = begin.elapsed();
    assert_eq!(stream.completion().await.unwrap().usage.input, 11);
    let waited = begin.elapsed().checked_sub(told).unwrap();
    assert!(
        waited >= notice.delay && waited < notice.delay + Duration::from_millis(10),
        "{waited:?} {notice:?}"
    );
}
