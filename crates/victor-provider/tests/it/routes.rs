//! Routes: order, fail-over, breakers, limits, time limits, and what is wrong with others.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use victor_core::{Coordinator, SessionId};
use victor_provider::{
    BreakerOptions, Limits, ProviderCoordinator, ProviderCoordinatorBuilder, ProviderOptions,
    RoutingError,
};
use victor_provider_protocol::{
    ChatRequest, CompletionEvent, Failover, ProviderErrorKind as Kind, ProviderRouter, RouteOrder,
    RouteSpec, RouteTarget,
};

use crate::fake::Step::{self, Fail, Finish, Hang, Pause, Refuse, RefuseFor, Text, TooLong};
use crate::fake::{Scripted, request};

fn script(name: &'static str, steps: Vec<Step>) -> Arc<Scripted> {
    Scripted::new(name, vec![steps])
}

/// Everything that comes of a request, in one line.
async fn tell(router: &ProviderCoordinator, request: ChatRequest) -> String {
    let mut stream = router.stream_chat(request);
    let mut story = Vec::new();
    while let Some(event) = stream.next().await {
        story.push(match event {
            Ok(CompletionEvent::TextDelta(text)) => format!("text {text}"),
            Ok(CompletionEvent::Withdrawn) => "withdrawn".to_owned(),
            Ok(CompletionEvent::Waiting(notice)) => {
                format!("wait {} {}", notice.target, notice.expected.as_secs())
            }
            Ok(CompletionEvent::Retrying(notice)) => {
                let next = notice
                    .next_target
                    .map_or_else(String::new, |next| format!(" -> {next}"));
                format!("retry {} {}{next}", notice.target.unwrap(), notice.kind)
            }
            Ok(CompletionEvent::Finished(completion)) => format!("done {}", completion.usage.input),
            Ok(other) => format!("{other:?}"),
            Err(error) => format!("error {} {}", error.provider, error.kind),
        });
    }
    story.join(", ")
}

/// Targets `a`, `b` and `c` whose providers play these scripts, and a route through all.
fn three(scripts: [Vec<Step>; 3]) -> ProviderCoordinatorBuilder {
    let [a, b, c] = scripts;
    ProviderCoordinator::builder()
        .target("a", script("A", a), "m-a")
        .target("b", script("B", b), "m-b")
        .target("c", script("C", c), "m-c")
}

fn route() -> RouteSpec {
    RouteSpec::new(["a", "b", "c"]).with_max_attempts(1)
}

async fn check(route: RouteSpec, scripts: [Vec<Step>; 3], expected: &str) {
    let router = three(scripts).route("r", route).build().unwrap();
    assert_eq!(tell(&router, request()).await, expected);
}

#[tokio::test(start_paused = true)]
async fn errors_lead_to_the_next_target_by_their_class() {
    let fine = || vec![Text("hi"), Finish];
    let fails = |kind| vec![Refuse(kind)];
    check(route(), [fine(), fine(), fine()], "text hi, done 10").await;
    let told = "retry a server -> b, text hi, done 11";
    check(route(), [fails(Kind::Server), fine(), fine()], told).await;
    let told = "retry a quota -> b, retry b authentication -> c, text hi, done 12";
    check(
        route(),
        [fails(Kind::Quota), fails(Kind::Authentication), fine()],
        told,
    )
    .await;
    let told = "retry a server -> b, retry b server -> c, error C server";
    check(
        route(),
        [
            fails(Kind::Server),
            fails(Kind::Server),
            fails(Kind::Server),
        ],
        told,
    )
    .await;
    let told = "error A invalid_request";
    check(route(), [fails(Kind::InvalidRequest), fine(), fine()], told).await;
    // There is no larger window.
    check(
        route(),
        [vec![TooLong(100)], fine(), fine()],
        "error A context_too_long",
    )
    .await;

    let to_c = route().with_rule([Kind::Server], Failover::Target("c".into()));
    check(
        to_c,
        [fails(Kind::Server), fine(), fine()],
        "retry a server -> c, text hi, done 11",
    )
    .await;
    let stop = route().with_rule([Kind::Server, Kind::Quota], Failover::Stop);
    check(stop, [fails(Kind::Quota), fine(), fine()], "error A quota").await;
    let longer = route().with_rule([Kind::ContextTooLong], Failover::Next);
    check(
        longer,
        [vec![TooLong(100)], fine(), fine()],
        "retry a context_too_long -> b, text hi, done 11",
    )
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_target_is_tried_again_first_unless_it_asks_to_wait() {
    let patient = || RouteSpec::new(["a", "b"]).with_max_attempts(2);
    let again = vec![vec![Refuse(Kind::Server)], vec![Finish]];
    let router = ProviderCoordinator::builder()
        .target("a", Scripted::new("A", again), "m")
        .target("b", script("B", vec![Finish]), "m")
        .route("r", patient())
        .build()
        .unwrap();
    assert_eq!(tell(&router, request()).await, "retry a server, done 11");

    let begin = Instant::now();
    let asks = vec![RefuseFor(Kind::RateLimit, 20)];
    let router = three([asks, vec![Finish], vec![Finish]])
        .route("r", patient())
        .build()
        .unwrap();
    assert_eq!(
        tell(&router, request()).await,
        "retry a rate_limit -> b, done 11"
    );
    assert!(begin.elapsed() < Duration::from_secs(2));
}

#[tokio::test(start_paused = true)]
async fn text_that_was_shown_is_withdrawn_and_never_repeated_in_silence() {
    let breaks = || vec![Text("ha"), Fail(Kind::Connection)];
    let scripts = || [breaks(), vec![Text("hi"), Finish], vec![Finish]];
    let told = "text ha, withdrawn, retry a connection -> b, text hi, done 11";
    check(route(), scripts(), told).await;
    let options = ProviderOptions::default().with_withdraws(false);
    let router = three(scripts())
        .route("r", route())
        .options(options)
        .build()
        .unwrap();
    let told = "text ha, error A connection";
    assert_eq!(tell(&router, request()).await, told);
}

#[tokio::test(start_paused = true)]
async fn the_whole_call_has_a_time_limit() {
    let limited = || route().with_timeout(Duration::from_secs(30));
    let begin = Instant::now();
    check(
        limited(),
        [vec![Hang], vec![Finish], vec![Finish]],
        "error A timeout",
    )
    .await;
    assert_eq!(begin.elapsed(), Duration::from_secs(30));
    let slow = vec![Text("a"), Pause(20), Text("b"), Pause(20), Finish];
    let begin = Instant::now();
    check(
        limited(),
        [slow, vec![Finish], vec![Finish]],
        "text a, text b, error A timeout",
    )
    .await;
    assert_eq!(begin.elapsed(), Duration::from_secs(30));
}

#[tokio::test(start_paused = true)]
async fn weights_share_the_sessions_and_a_session_stays() {
    let spec = || {
        let mut spec = route().with_order(RouteOrder::Weighted);
        spec.targets[0] = RouteTarget::new("a").with_weight(3);
        spec.targets[2] = RouteTarget::new("c").with_weight(0);
        spec
    };
    let targets = ["A", "B", "C"].map(|name| script(name, vec![Finish]));
    let [a, b, c] = targets.clone();
    let router = ProviderCoordinator::builder()
        .target("a", a, "m")
        .target("b", b, "m")
        .target("c", c, "m")
        .route("r", spec())
        .build()
        .unwrap();
    for number in 0..2000 {
        let mut request = request();
        request.session = Some(format!("session {}", number % 1000).into());
        tell(&router, request).await;
    }
    let counts = targets.map(|target| target.attempts());
    assert_eq!(counts[0] + counts[1], 2000);
    assert!((1400..1600).contains(&counts[0]), "{counts:?}");
    assert_eq!(counts[0] % 2, 0, "a session stays with its target");
}

#[tokio::test(start_paused = true)]
async fn a_target_that_fails_is_left_alone_by_all_sessions() {
    let scripts = [vec![Refuse(Kind::Server)], vec![Finish], vec![Finish]];
    let breaker = BreakerOptions::default().with_failures(3);
    let targets = ["A", "B"].map(|name| {
        let index = usize::from(name == "B");
        script(name, scripts[index].clone())
    });
    let [a, b] = targets.clone();
    let router = ProviderCoordinator::builder()
        .target("a", a, "m")
        .breaker(breaker)
        .target("b", b, "m")
        .route("r", RouteSpec::new(["a", "b"]).with_max_attempts(2))
        .build()
        .unwrap();
    // Every attempt counts: the second request opens the breaker with its first.
    assert_eq!(
        tell(&router, request()).await,
        "retry a server, retry a server -> b, done 12"
    );
    assert!(tell(&router, request()).await.ends_with("-> b, done 11"));
    assert_eq!(tell(&router, request()).await, "done 10");
    assert_eq!(targets[0].attempts(), 3);
    let problems = router.health().problems;
    assert!(
        problems
            .iter()
            .any(|problem| problem.starts_with("a: left alone for 1")),
        "{problems:?}"
    );

    tokio::time::advance(Duration::from_secs(15)).await;
    assert_eq!(
        tell(&router, request()).await,
        "retry a server -> b, done 11",
        "a probe"
    );
    assert_eq!(tell(&router, request()).await, "done 10");
}

#[tokio::test(start_paused = true)]
async fn a_target_is_probed_by_one_request_alone() {
    let scripts = vec![
        vec![Refuse(Kind::Server)],
        vec![Pause(5), Text("a"), Finish],
    ];
    let breaker = BreakerOptions::default().with_failures(1);
    let a = Scripted::new("A", scripts);
    let router = ProviderCoordinator::builder()
        .target("a", a.clone(), "m")
        .breaker(breaker)
        .target("b", script("B", vec![Text("b"), Finish]), "m")
        .route("r", route_of_two())
        .build()
        .unwrap();
    let told = tell(&router, request()).await;
    assert_eq!(told, "retry a server -> b, text b, done 11");
    tokio::time::advance(Duration::from_secs(15)).await;
    let (probe, other, another) =
        tokio::join!(tell(&router, request()), tell(&router, request()), async {
            tokio::time::sleep(Duration::from_secs(3)).await;
            tell(&router, request()).await
        });
    assert_eq!(probe, "text a, done 10");
    // It was on its way when the probe began, and goes elsewhere; the next does not even try.
    assert_eq!(other, "text b, done 10");
    assert_eq!(another, "text b, done 10");
    assert_eq!(a.attempts(), 2);
    assert_eq!(tell(&router, request()).await, "text a, done 10");
}

fn route_of_two() -> RouteSpec {
    RouteSpec::new(["a", "b"]).with_max_attempts(1)
}

#[tokio::test(start_paused = true)]
async fn where_all_targets_are_left_alone_the_request_waits_for_the_first() {
    let breaker = BreakerOptions::default().with_failures(1);
    let scripts = vec![vec![Refuse(Kind::Server)], vec![Finish]];
    let router = ProviderCoordinator::builder()
        .target("a", Scripted::new("A", scripts), "m")
        .breaker(breaker)
        .route("r", RouteSpec::new(["a"]).with_max_attempts(3))
        .build()
        .unwrap();
    let begin = Instant::now();
    let told = tell(&router, request()).await;
    assert_eq!(told, "retry a server, retry a overloaded, done 11");
    assert!(begin.elapsed() >= Duration::from_secs(15));
}

#[tokio::test(start_paused = true)]
async fn limits_make_requests_wait_and_say_so() {
    let limits = Limits::default().with_requests_per_minute(Some(1));
    let router = ProviderCoordinator::builder()
        .target("a", script("A", vec![Finish]), "m")
        .limits(&limits)
        .build()
        .unwrap();
    assert_eq!(tell(&router, request()).await, "done 10");
    let begin = Instant::now();
    assert_eq!(tell(&router, request()).await, "wait a 60, done 10");
    assert_eq!(begin.elapsed(), Duration::from_secs(60));

    // A place is free again on every way out: an answer, an error, a panic, a cancelled call.
    let limits = Limits::default().with_concurrent(Some(1));
    for steps in [
        vec![Finish],
        vec![Refuse(Kind::Server)],
        vec![Step::PanicAtOnce],
        vec![Step::Panic],
        vec![Hang],
    ] {
        let router = ProviderCoordinator::builder()
            .target("a", Scripted::new("A", vec![steps, vec![Finish]]), "m")
            .limits(&limits)
            .route("r", RouteSpec::new(["a"]).with_max_attempts(1))
            .build()
            .unwrap();
        let brief = Duration::from_secs(1);
        let _ = tokio::time::timeout(brief, tell(&router, request())).await;
        assert!(tell(&router, request()).await.ends_with("done 10"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_has_limits_of_its_own_over_all_targets() {
    let limits = Limits::default().with_requests_per_minute(Some(1));
    let of = |session: &str| {
        let mut request = request();
        request.session = Some(session.into());
        request
    };
    let router = ProviderCoordinator::builder()
        .target("a", script("A", vec![Finish]), "m")
        .target("b", script("B", vec![Finish]), "m")
        .session_limits(limits)
        .build()
        .unwrap();
    assert_eq!(tell(&router, of("s")).await, "done 10");
    assert_eq!(tell(&router, of("t")).await, "done 10");
    assert_eq!(tell(&router, request()).await, "done 10");
    router.use_route(Some(&"s".into()), "b").unwrap();
    assert_eq!(tell(&router, of("s")).await, "wait b 60, done 10");
    router.reset(&"s".into());
    assert_eq!(tell(&router, of("s")).await, "done 10");

    // Both places are free again on every way out, also from the queue of the second.
    let one = || Limits::default().with_concurrent(Some(1));
    for steps in [
        vec![Finish],
        vec![Refuse(Kind::Server)],
        vec![Step::PanicAtOnce],
        vec![Hang],
    ] {
        let router = ProviderCoordinator::builder()
            .target("a", Scripted::new("A", vec![steps, vec![Finish]]), "m")
            .limits(&one())
            .session_limits(one())
            .route("r", RouteSpec::new(["a"]).with_max_attempts(1))
            .build()
            .unwrap();
        let brief = Duration::from_secs(1);
        let first = tell(&router, of("s"));
        let second = tokio::time::timeout(brief / 2, tell(&router, of("t")));
        let _ = tokio::join!(tokio::time::timeout(brief, first), second);
        assert!(tell(&router, of("t")).await.ends_with("done 10"));
        assert!(tell(&router, of("s")).await.ends_with("done 10"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_can_go_elsewhere() {
    let router = three([
        vec![Text("a"), Finish],
        vec![Text("b"), Finish],
        vec![Finish],
    ])
    .build()
    .unwrap();
    let session = SessionId::from("s");
    router.use_route(Some(&session), "b").unwrap();
    let mut mine = request();
    mine.session = Some(session.clone());
    assert_eq!(tell(&router, mine.clone()).await, "text b, done 10");
    assert_eq!(tell(&router, request()).await, "text a, done 10");
    router.reset(&session);
    assert_eq!(tell(&router, mine).await, "text a, done 10");
    router.use_route(None, "b").unwrap();
    assert_eq!(tell(&router, request()).await, "text b, done 10");
    let error = router.use_route(None, "bb").unwrap_err();
    assert_eq!(
        error.to_string(),
        "unknown target or route `bb`, did you mean `b`? Known are `a`, `b` and `c`"
    );
}

#[tokio::test]
async fn wrong_routes_are_refused() {
    let build = |add: fn(ProviderCoordinatorBuilder) -> ProviderCoordinatorBuilder| {
        let builder = three([vec![Finish], vec![Finish], vec![Finish]]);
        add(builder).build().unwrap_err().to_string()
    };
    assert_eq!(
        ProviderCoordinator::builder().build().unwrap_err(),
        RoutingError::NoTarget
    );
    let told = build(|builder| builder.route("r", RouteSpec::new([""; 0])));
    assert_eq!(told, "route `r` has no targets: name at least one");
    let told = build(|builder| {
        builder
            .route("r", RouteSpec::new(["s"]))
            .route("s", RouteSpec::new(["a", "r"]))
    });
    assert_eq!(
        told,
        "route `r` leads back to itself by way of `r` and `s`: remove one of the steps"
    );
    let told = build(|builder| builder.route("r", RouteSpec::new(["aa"])));
    assert_eq!(
        told,
        "unknown target `aa`, did you mean `a`? Known are `a`, `b`, `c` and `r`"
    );
    let told = build(|builder| builder.route("a", RouteSpec::new(["b"])));
    assert_eq!(
        told,
        "`a` names two targets or routes: each needs a name of its own"
    );
    let told = build(|builder| builder.route("", RouteSpec::new(["b"])));
    assert_eq!(told, "a target or route has an empty name: give it one");
    let told = build(|builder| builder.default_route("d"));
    assert!(told.starts_with("unknown target or route `d`"), "{told}");
    let told = build(|builder| {
        builder.route(
            "r",
            RouteSpec::new(["a"]).with_rule([Kind::Server], Failover::Target("x".into())),
        )
    });
    assert!(told.starts_with("unknown target `x`"), "{told}");
}

#[tokio::test(start_paused = true)]
async fn a_route_of_routes_has_each_target_once() {
    let fails = || vec![Refuse(Kind::Server)];
    let router = three([fails(), fails(), vec![Finish]])
        .route("both", RouteSpec::new(["a", "b"]))
        .route(
            "all",
            RouteSpec::new(["both", "a", "c"]).with_max_attempts(1),
        )
        .default_route("all")
        .build()
        .unwrap();
    assert_eq!(
        tell(&router, request()).await,
        "retry a server -> b, retry b server -> c, done 12"
    );
}
