//! Sessions and what is kept of them.

use std::sync::Arc;

use victor_context::{ContextCoordinator, RecentMessages, Truncation};
use victor_context_protocol::{ContextError, ContextManager, LargestPart, WindowRequest};
use victor_core::{
    Context, Coordinator, Message, ModelId, Part, Role, SessionId, ToolCall, ToolOutcome,
    ToolResult,
};
use victor_testkit::drive;

use crate::{conversation, counting_chars, message, options, short, window};

fn filled(contexts: &ContextCoordinator, conversation_in_short: &str) -> SessionId {
    let session = SessionId::default();
    contexts.set_context(&session, conversation(conversation_in_short));
    session
}

/// Prepares a conversation for a window and shows what is left of it. Every message has ten tokens.
#[track_caller]
fn check(contexts: &ContextCoordinator, before: &str, request: &WindowRequest, expected: &str) {
    let session = filled(contexts, before);
    let prepared = drive(contexts.prepare(&session, request)).unwrap().unwrap();
    assert_eq!(short(prepared.context.messages()), expected);
}

#[test]
fn nothing_happens_below_the_threshold() {
    let contexts = counting_chars().build();
    check(
        &contexts,
        "u1 a1 u2 a2 u3 a3 u4 a4",
        &window(100),
        "u1 a1 u2 a2 u3 a3 u4 a4",
    );
    assert_eq!(contexts.stats(&SessionId::default()).last_compaction, None);
}

#[test]
fn above_the_threshold_it_goes_down_to_the_target() {
    let contexts = counting_chars().strategy(Arc::new(Truncation)).build();
    check(
        &contexts,
        "u1 a1 u2 a2 u3 a3 u4 a4 u5",
        &window(100),
        "u1 u4 a4 u5",
    );
    let report = contexts
        .stats(&SessionId::default())
        .last_compaction
        .unwrap();
    assert_eq!(
        (
            report.strategy.as_str(),
            report.messages_before,
            report.messages_after
        ),
        ("truncation", 9, 4)
    );
    assert_eq!(
        (report.tokens_before, report.tokens_after, report.fallback),
        (90, 40, None)
    );
}

#[test]
fn steps_go_before_their_request_and_calls_with_their_results() {
    let contexts = counting_chars().strategy(Arc::new(Truncation)).build();
    check(
        &contexts,
        "s1 u1 c1 r1 c2 r2 c3 r3 c4 r4 c5 r5",
        &window(110),
        "s1 u1 c5 r5",
    );
}

#[test]
fn the_reserved_tokens_are_not_free() {
    let contexts = counting_chars().strategy(Arc::new(Truncation)).build();
    let mut request = window(1000);
    request.reserved = 900;
    check(
        &contexts,
        "u1 a1 u2 a2 u3 a3 u4 a4 u5",
        &request,
        "u1 u4 a4 u5",
    );
}

#[test]
fn recent_keeps_whole_groups_and_their_requests() {
    let contexts = ContextCoordinator::new(RecentMessages::new(2));
    let context = conversation("s1 u1 a1 u2! a2 u3 c1 r1 c2 r2 a3 c3 r3");
    let prepared = drive(contexts.compact_context(&context)).unwrap().unwrap();
    assert_eq!(short(prepared.context.messages()), "s1 u1 u2! u3 c3 r3");
    assert_eq!(prepared.compaction.unwrap().strategy, "recent");
}

#[test]
fn force_makes_it_smaller_whatever_the_window_seems_to_be() {
    let contexts = counting_chars().strategy(Arc::new(Truncation)).build();
    let mut request = window(1_000_000);
    request.force = true;
    check(&contexts, "u1 a1 u2 a2 u3 a3 u4 a4", &request, "u1 u4 a4");
    check(&contexts, "u1 a1 u2 a2 u3 a3", &request, "u1 u3 a3");
}

#[test]
fn what_cannot_be_made_to_fit_is_an_error_that_says_how_large_it_is() {
    let contexts = counting_chars().build();
    let session = filled(&contexts, "s1 u1 a1 u2");
    let error = drive(contexts.prepare(&session, &window(15)))
        .unwrap()
        .unwrap_err();
    let sizes = |error: ContextError| match error {
        ContextError::TooLarge(large) => (large.window, large.messages, large.last_message),
        error => panic!("{error}"),
    };
    assert_eq!(sizes(error), (Some(15), 30, 10));
    assert_eq!(short(contexts.context(&session).messages()), "s1 u1 a1 u2");
    let session = filled(&contexts, "u1");
    let mut request = window(1000);
    request.force = true;
    let error = drive(contexts.prepare(&session, &request))
        .unwrap()
        .unwrap_err();
    assert_eq!(sizes(error), (None, 10, 10), "no limit is made up");
}

#[test]
fn a_window_that_is_only_assumed_keeps_nobody_from_asking() {
    let contexts = counting_chars()
        .options(options(|options| options.default_window = 25))
        .build();
    let session = filled(&contexts, "s1 u1 a1 u2 a2 u3");
    let mut request = WindowRequest::default();
    let prepare = |request: &WindowRequest| drive(contexts.prepare(&session, request)).unwrap();
    let prepared = prepare(&request).unwrap();
    assert_eq!(short(prepared.context.messages()), "s1 u1 u3");
    assert!(prepare(&request).unwrap().compaction.is_none());
    request.window = Some(25);
    assert!(matches!(prepare(&request), Err(ContextError::TooLarge(_))));
}

#[test]
fn where_the_provider_decides_all_that_may_go_has_gone() {
    let contexts = counting_chars().build();
    let session = filled(&contexts, "s1 u1 a1 u2 a2 u3");
    let mut request = window(25);
    request.best_effort = true;
    let prepare = |request: &WindowRequest| drive(contexts.prepare(&session, request)).unwrap();
    let smallest = "s1 u1 u3";
    assert_eq!(
        short(prepare(&request).unwrap().context.messages()),
        smallest
    );
    request.force = true;
    let Err(ContextError::TooLarge(large)) = prepare(&request) else {
        panic!("it cannot become smaller")
    };
    assert_eq!((large.window, large.messages), (Some(25), 30));
    request.force = false;
    assert_eq!(
        short(prepare(&request).unwrap().context.messages()),
        smallest
    );
}

#[test]
fn a_request_that_cannot_fit_is_told_by_its_parts() {
    let contexts = counting_chars().build();
    let session = filled(&contexts, "u1 a1 u2");
    let mut request = window(100);
    (request.reserved, request.preamble) = (25, 80);
    request.model = Some("m".into());
    let large = |request: &WindowRequest| match drive(contexts.prepare(&session, request)).unwrap()
    {
        Err(ContextError::TooLarge(large)) => (
            [
                large.reserved,
                large.preamble,
                large.messages,
                large.last_message,
            ],
            large.largest_part(),
        ),
        other => panic!("{other:?}"),
    };
    assert_eq!(large(&request), ([25, 80, 20, 10], LargestPart::Preamble));
    // The parts are told in the tokens of the provider.
    contexts.observe_usage(&session, &"m".into(), 0);
    let other = SessionId::from("other");
    contexts.append(&other, &[Message::user("x".repeat(996)).into()]);
    let mut fits = window(10_000);
    fits.model = Some("m".into());
    drive(contexts.prepare(&other, &fits)).unwrap().unwrap();
    contexts.observe_usage(&other, &"m".into(), 1500);
    assert_eq!(large(&request), ([25, 120, 30, 15], LargestPart::Preamble));
}

#[test]
fn a_server_that_cuts_in_silence_teaches_nothing() {
    let contexts = counting_chars().build();
    let mut request = window(100_000);
    request.model = Some("m".into());
    let session = SessionId::default();
    // The server has a window of 6,000 and leaves out whole messages that do not fit.
    for reported in [1996, 3992, 5988, 5700, 5900, 5600] {
        contexts.append(&session, &[Message::user("x".repeat(1992)).into()]);
        drive(contexts.prepare(&session, &request))
            .unwrap()
            .unwrap();
        contexts.observe_usage(&session, &ModelId::from("m"), reported);
    }
    assert_eq!(contexts.stats(&session).calibration, Some(1.0));
}

#[test]
fn an_unknown_strategy_is_named_with_those_that_are_known() {
    let contexts = counting_chars().build();
    contexts.register_strategy("mine", Arc::new(Truncation));
    let session = filled(&contexts, "u1");
    let mut request = window(1000);
    request.strategy = Some("semantc".into());
    for force in [false, true] {
        request.force = force;
        let error = drive(contexts.prepare(&session, &request))
            .unwrap()
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "unknown compaction strategy `semantc`, did you mean `semantic`? Known are `budget_aware`, `hybrid`, \
             `mine`, `recent`, `semantic`, `task_aware`, `tool_results` and `truncation`"
        );
    }
}

#[test]
fn oversized_results_are_cut_when_nothing_else_helps() {
    let contexts = counting_chars().build();
    let session = SessionId::default();
    let call = ToolCall::new("1", "read", "{}");
    let result = ToolResult::new(
        &call,
        ToolOutcome::Success,
        format!("begin{}end", "x".repeat(5000)),
    );
    let result = Message::tool_results_of([result]);
    let messages = [
        Message::user("u").into(),
        Message::new(Role::Assistant, vec![Part::ToolCall(call)]).into(),
        Arc::new(result),
    ];
    contexts.append(&session, &messages);
    let prepared = drive(contexts.prepare(&session, &window(1000)))
        .unwrap()
        .unwrap();
    let last = prepared.context.messages().last().unwrap().clone();
    let text = last.tool_results().next().unwrap().text().into_owned();
    assert!(
        text.starts_with("begin")
            && text.ends_with("end")
            && text.contains("characters were cut here")
    );
    assert_eq!(last.id(), messages[2].id());
    let report = prepared.compaction.unwrap();
    assert!(
        report.tokens_after <= 500 && report.fallback.unwrap().contains("tool results were cut")
    );
}

#[test]
fn a_compaction_that_stopped_above_the_threshold_is_not_tried_at_every_call() {
    let contexts = counting_chars().build();
    let session = filled(&contexts, "u1 a1 s2 s3 s4 s5 s6 s7 u9");
    assert!(
        drive(contexts.prepare(&session, &window(95)))
            .unwrap()
            .unwrap()
            .compaction
            .is_some()
    );
    let compactions = |contexts: &ContextCoordinator| {
        let prepared = drive(contexts.prepare(&session, &window(95)))
            .unwrap()
            .unwrap();
        usize::from(prepared.compaction.is_some())
    };
    assert_eq!(compactions(&contexts), 0);
    contexts.append(&session, &[message("a9").into()]);
    assert_eq!(compactions(&contexts), 0);
    contexts.append(&session, &[message("u10").into()]);
    assert_eq!(compactions(&contexts), 1);
}

#[test]
fn appending_twice_is_appending_once_also_after_a_compaction() {
    let contexts = counting_chars().build();
    let session = SessionId::default();
    let messages: Vec<Arc<Message>> = "u1 a1 u2 a2"
        .split(' ')
        .map(|word| message(word).into())
        .collect();
    contexts.append(&session, &messages);
    contexts.append(&session, &messages[2..]);
    assert_eq!(short(contexts.context(&session).messages()), "u1 a1 u2 a2");
    let mut request = window(1000);
    request.force = true;
    drive(contexts.prepare(&session, &request))
        .unwrap()
        .unwrap();
    contexts.append(&session, &messages);
    assert_eq!(short(contexts.context(&session).messages()), "u1 u2 a2");
}

#[test]
fn sessions_are_apart_and_a_reset_empties_one() {
    let contexts = counting_chars().build();
    let [one, other] = ["one", "other"].map(SessionId::new);
    contexts.append(&one, &[message("u1").into()]);
    contexts.append(&other, &[message("u2").into()]);
    contexts.reset(&one);
    assert_eq!(contexts.context(&one), Context::default());
    assert_eq!(contexts.stats(&one), Default::default());
    assert_eq!(short(contexts.context(&other).messages()), "u2");
}

#[test]
fn metadata_survives_a_compaction_and_a_snapshot_does_not_change() {
    let contexts = counting_chars().strategy(Arc::new(Truncation)).build();
    let session = SessionId::default();
    let mut context = conversation("u1 a1 u2 a2 u3 a3 u4 a4 u5");
    context.set_metadata("current_task", "tests");
    contexts.set_context(&session, context.clone());
    let snapshot = contexts.context(&session);
    let prepared = drive(contexts.prepare(&session, &window(100)))
        .unwrap()
        .unwrap();
    assert_eq!(prepared.context.metadata()["current_task"], "tests");
    assert_eq!(
        contexts.context(&session).metadata()["current_task"],
        "tests"
    );
    assert_eq!(snapshot, context);
}

#[test]
fn stats_say_what_there_is() {
    let contexts = counting_chars()
        .options(options(|options| options.default_window = 80))
        .build();
    let session = filled(&contexts, "s1 u1 a1 u2");
    assert_eq!(contexts.stats(&session).fill(), None);
    drive(contexts.prepare(&session, &WindowRequest::default()))
        .unwrap()
        .unwrap();
    let stats = contexts.stats(&session);
    assert_eq!(
        (stats.messages, stats.tokens, stats.fill()),
        (4, 40, Some(0.5))
    );
    let by_role: Vec<_> = stats.tokens_by_role.into_iter().collect();
    assert_eq!(
        by_role,
        [
            ("assistant".into(), 10),
            ("system".into(), 10),
            ("user".into(), 20)
        ]
    );
}

#[test]
fn a_broken_history_is_mended_once_and_only_what_is_new_is_looked_at() {
    let contexts = counting_chars().build();
    let session = filled(&contexts, "u1 c1");
    let prepare = || {
        drive(contexts.prepare(&session, &window(10_000)))
            .unwrap()
            .unwrap()
    };
    assert_eq!(short(prepare().context.messages()), "u1 c1 lost-1");
    assert_eq!(short(contexts.context(&session).messages()), "u1 c1 lost-1");
    assert_eq!(prepare().context, contexts.context(&session));
    contexts.append(&session, &[message("a2").into(), message("c3").into()]);
    assert_eq!(
        short(prepare().context.messages()),
        "u1 c1 lost-1 a2 c3 lost-3"
    );
    contexts.append(&session, &[message("r3").into()]);
    assert_eq!(
        short(prepare().context.messages()),
        "u1 c1 lost-1 a2 c3 lost-3 uResult of an earlier tool call `tool`: 3"
    );
}

/// The counted tokens at which compaction begins, in a window of 2,000, after the provider has answered with `reports`
/// to a request in which 1,000 tokens were counted.
fn begins_after(reports: &[(&str, u64)]) -> u64 {
    let contexts = counting_chars().build();
    let mut request = window(2_000);
    request.model = Some("asked".into());
    let told = SessionId::from("told");
    contexts.append(&told, &[Message::user("x".repeat(896)).into()]);
    request.preamble = 100;
    for (model, reported) in reports {
        drive(contexts.prepare(&told, &request)).unwrap().unwrap();
        contexts.observe_usage(&told, &ModelId::from(*model), *reported);
        // A report without a request of its own is none.
        contexts.observe_usage(&told, &ModelId::from(*model), 200);
    }
    request.preamble = 0;
    let session = SessionId::from("grows");
    for number in 0.. {
        contexts.append(&session, &[message(&format!("u{number}")).into()]);
        let tokens = contexts.stats(&session).tokens;
        let prepared = drive(contexts.prepare(&session, &request)).unwrap();
        if prepared.unwrap().compaction.is_some() {
            return tokens;
        }
    }
    unreachable!("a window has an end")
}

#[test]
fn windows_are_corrected_by_what_the_provider_reports() {
    for (reports, begins) in [
        (&[][..], 1610),
        (&[("asked", 1000)], 1610),
        (&[("asked", 2000)], 810),
        (&[("asked-2026", 2000)], 810),
        (&[("asked", 500)], 3210),
        (&[("asked", 0)], 1610),
        (&[("asked", u64::MAX)], 1610),
        (&[("asked", u64::MAX), ("asked", 2000)], 810),
    ] {
        assert_eq!(begins_after(reports), begins, "{reports:?}");
    }
}

#[test]
fn stats_say_how_full_the_window_really_is() {
    let contexts = counting_chars().build();
    let mut request = window(4_000);
    (request.model, request.preamble) = (Some("asked".into()), 96);
    let session = SessionId::from("s");
    contexts.append(&session, &[Message::user("x".repeat(900)).into()]);
    drive(contexts.prepare(&session, &request))
        .unwrap()
        .unwrap();
    assert_eq!(contexts.stats(&session).fill(), Some(0.25));
    contexts.observe_usage(&session, &ModelId::from("asked"), 2_000);
    let stats = contexts.stats(&session);
    assert_eq!((stats.tokens, stats.preamble), (904, 96));
    assert_eq!((stats.calibration, stats.fill()), (Some(2.0), Some(0.5)));
}
