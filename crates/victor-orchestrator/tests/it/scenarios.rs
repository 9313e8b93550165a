//! The tool loop, scenario by scenario: what a model calls for, what comes of each call, when it runs, and how the turn
//! ends. Each row is one scenario; in each, the conversation must be valid and stored as it was told.

mod world;

use victor_core::Effect::{Destructive, Idempotent, ReadOnly, Write};

use world::{check, nothing};

const DONE: &str = "say done";

#[test]
fn every_call_has_its_result() {
    let ok = |answers: &[&str], results, ran| check(&nothing(), answers, results, ran, "completed");
    ok(&[DONE], "", "");
    ok(&["a:read", DONE], "a=success~fine", "+a -a");
    ok(
        &["a:read b:read", DONE],
        "a=success b=success",
        "+a -a +b -b",
    );
    ok(
        &["a:read", "b:read:{\"n\":1}", DONE],
        "a=success / b=success",
        "+a -a +b -b",
    );
    ok(
        &["a:read b:write", "c:put", DONE],
        "a=success b=success / c=success",
        "+a -a +b -b +c -c",
    );
    ok(&["a:nobody", DONE], "a=rejected~no+tool+named", "");
    ok(&["a:raed", DONE], "a=rejected~`read`", "");
    ok(&["a:nobody b:read", DONE], "a=rejected b=success", "+b -b");
    ok(&["a:strict", DONE], "a=rejected~/n+is+missing", "");
    ok(
        &["a:strict:{\"n\":\"x\"}", DONE],
        "a=rejected~must+be+an+integer",
        "",
    );
    ok(
        &["a:strict:{\"n\":", DONE],
        "a=rejected~not+a+JSON+object",
        "",
    );
    ok(&["a:strict:[1]", DONE], "a=rejected~not+a+JSON+object", "");
    ok(&["a:strict:{\"n\":1}", DONE], "a=success", "+a -a");
    ok(
        &["a:strict b:strict:{\"n\":1} c:nobody", DONE],
        "a=rejected b=success c=rejected",
        "+b -b",
    );
}

#[test]
fn a_call_runs_exactly_once() {
    let ok = |answers: &[&str], results, ran| check(&nothing(), answers, results, ran, "completed");
    // The same identifier twice: two calls, told apart.
    ok(
        &["a:read a:read:{\"n\":1}", DONE],
        "a=success a#1=success",
        "+a -a +a#1 -a#1",
    );
    ok(&[":read", DONE], "#0=success", "+#0 -#0");
    // The same call may be made again, but not again and again.
    ok(
        &["a:write b:write", DONE],
        "a=success b=success",
        "+a -a +b -b",
    );
    ok(
        &["a:write", "b:write", "c:write", "d:write", DONE],
        "a=success / b=success / c=success / d=rejected~already+made+3+times",
        "+a -a +b -b +c -c",
    );
    ok(
        &["a:write b:write c:write d:write", DONE],
        "a=success b=success c=success d=rejected",
        "+a -a +b -b +c -c",
    );
    // Approved twice in a row is still one run each.
    let asked = nothing().asks_above(Idempotent, "yes yes");
    check(
        &asked,
        &["a:write", "b:write", DONE],
        "a=success / b=success",
        "+a -a +b -b",
        "completed",
    );
}

#[test]
fn what_fails_is_told_and_harms_nobody_else() {
    let ok = |answers: &[&str], results, ran| check(&nothing(), answers, results, ran, "completed");
    ok(&["a:broken", DONE], "a=error~it+is+broken", "+a -a");
    ok(
        &["a:broken b:read", DONE],
        "a=error b=success",
        "+a -a +b -b",
    );
    ok(&["a:misled", DONE], "a=error~invalid+arguments", "+a -a");
    ok(&["a:gone", DONE], "a=error~not+found", "+a -a");
    ok(&["a:panics", DONE], "a=error~bug", "+a");
    ok(
        &["a:panics b:read c:panics", DONE],
        "a=error b=success c=error",
        "+a +b -b +c",
    );
    ok(
        &["a:panics", "b:read", DONE],
        "a=error / b=success",
        "+a +b -b",
    );
    ok(
        &["a:hangs", DONE],
        "a=timed_out~may+have+had+an+effect",
        "+a",
    );
    ok(
        &["a:hangs b:read", DONE],
        "a=timed_out b=success",
        "+a +b -b",
    );
    ok(&["a:huge", DONE], "a=success~0123456789", "+a -a");
    ok(
        &["a:huge b:read", DONE],
        "a=success~bytes b=success",
        "+a -a +b -b",
    );
}

#[test]
fn what_may_be_tried_again_is() {
    let ok = |answers: &[&str], results, ran| check(&nothing(), answers, results, ran, "completed");
    ok(&["a:flaky", DONE], "a=error~slipped", "+a -a");
    ok(&["a:flaky_write", DONE], "a=error~slipped", "+a -a");
    ok(&["a:busy", DONE], "a=success", "+a -a +a -a");
    ok(&["a:misled", DONE], "a=error", "+a -a");
    ok(&["a:gone", DONE], "a=error", "+a -a");
    ok(&["a:panics", DONE], "a=error", "+a");
    ok(
        &["a:busy b:read", DONE],
        "a=success b=success",
        "+a -a +b -b +a -a",
    );
}

#[test]
fn calls_run_side_by_side_within_limits() {
    let ok = |answers: &[&str], results, ran| check(&nothing(), answers, results, ran, "completed");
    ok(
        &["a:long b:long", DONE],
        "a=success b=success",
        "+a +b -a -b",
    );
    ok(
        &["a:long b:read", DONE],
        "a=success b=success",
        "+a +b -b -a",
    );
    ok(
        &[
            r#"a:long:{"n":1} b:long:{"n":2} c:long:{"n":3} d:long:{"n":4} e:long:{"n":5} f:long:{"n":6}"#,
            DONE,
        ],
        "a=success b=success c=success d=success e=success f=success",
        "+a +b +c +d +e -a -b -c -d -e +f -f",
    );
    ok(&["a:one b:one", DONE], "a=success b=success", "+a -a +b -b");
    ok(
        &["a:one b:long c:one", DONE],
        "a=success b=success c=success",
        "+a +b -a -b +c -c",
    );
    ok(
        &["a:alone b:alone", DONE],
        "a=success b=success",
        "+a -a +b -b",
    );
    ok(
        &["a:long b:alone c:long", DONE],
        "a=success b=success c=success",
        "+a -a +b -b +c -c",
    );
    ok(
        &["a:long b:long c:alone", DONE],
        "a=success b=success c=success",
        "+a +b -a -b +c -c",
    );
    ok(
        &["a:alone b:read c:read", DONE],
        "a=success b=success c=success",
        "+a -a +b -b +c -c",
    );
    ok(&["a:alive", DONE], "a=success~at+last", "+a -a");
    ok(
        &["a:alive b:hangs", DONE],
        "a=success b=timed_out",
        "+a +b -a",
    );
}

#[test]
fn read_only_results_are_given_again_until_something_is_written() {
    let ok = |answers: &[&str], results, ran| check(&nothing(), answers, results, ran, "completed");
    ok(
        &["a:cached", "b:cached", DONE],
        "a=success / b=success~fine",
        "+a -a",
    );
    ok(
        &["a:cached", "b:cached:{\"n\":1}", DONE],
        "a=success / b=success",
        "+a -a +b -b",
    );
    ok(
        &["a:cached", "b:write", "c:cached", DONE],
        "a=success / b=success / c=success",
        "+a -a +b -b +c -c",
    );
    ok(
        &["a:cached", "b:read", "c:cached", DONE],
        "a=success / b=success / c=success",
        "+a -a +b -b",
    );
    ok(
        &["a:read", "b:read", DONE],
        "a=success / b=success",
        "+a -a +b -b",
    );
}

#[test]
fn a_person_decides() {
    let asks = |decisions| nothing().asks_above(Idempotent, decisions);
    let ok =
        |given, answers: &[&str], results, ran| check(&given, answers, results, ran, "completed");
    ok(asks("yes"), &["a:write", DONE], "a=success", "+a -a");
    ok(
        asks("no"),
        &["a:write", DONE],
        "a=denied~the+person+says+no",
        "",
    );
    ok(
        asks(""),
        &["a:read b:put", DONE],
        "a=success b=success",
        "+a -a +b -b",
    );
    ok(
        asks("yes no"),
        &["a:write b:write:{\"n\":1}", DONE],
        "a=success b=denied",
        "+a -a",
    );
    ok(
        asks("no yes"),
        &["a:write b:write:{\"n\":1}", DONE],
        "a=denied b=success",
        "+b -b",
    );
    ok(
        asks("yes"),
        &["a:read b:write", DONE],
        "a=success b=success",
        "+a -a +b -b",
    );
    ok(
        asks("yes no"),
        &["a:write", "b:remove", DONE],
        "a=success / b=denied",
        "+a -a",
    );
    // Of calls that cannot run nobody is asked.
    ok(asks(""), &["a:nobody", DONE], "a=rejected", "");
    ok(
        nothing().asks_above(ReadOnly, ""),
        &["a:strict", DONE],
        "a=rejected",
        "",
    );
    ok(
        asks("yes"),
        &["a:write b:nobody", DONE],
        "a=success b=rejected",
        "+a -a",
    );
    ok(
        asks("yes").restart_before_decision(),
        &["a:write", DONE],
        "a=success",
        "+a -a",
    );
    ok(
        asks("no").restart_before_decision(),
        &["a:write b:read", DONE],
        "a=denied b=success",
        "+b -b",
    );
    // A tool that has become another one is asked about again.
    ok(
        asks("yes yes").redefine_before_decision(),
        &["a:write", DONE],
        "a=success",
        "+a -a",
    );
    ok(
        asks("yes no").redefine_before_decision(),
        &["a:write", DONE],
        "a=denied",
        "",
    );
    // Standing approvals.
    ok(
        asks("same"),
        &["a:write", "b:write", DONE],
        "a=success / b=success",
        "+a -a +b -b",
    );
    ok(
        asks("same no"),
        &["a:write", "b:write:{\"n\":1}", DONE],
        "a=success / b=denied",
        "+a -a",
    );
    ok(
        asks("tool"),
        &["a:write", "b:write:{\"n\":1}", DONE],
        "a=success / b=success",
        "+a -a +b -b",
    );
    ok(
        asks("tool no"),
        &["a:write", "b:remove", DONE],
        "a=success / b=denied",
        "+a -a",
    );
}

#[test]
fn a_policy_denies_whoever_approves() {
    let ok =
        |given, answers: &[&str], results, ran| check(&given, answers, results, ran, "completed");
    let given = || nothing().denies(666);
    ok(
        given(),
        &["a:write:{\"n\":666}", DONE],
        "a=denied~forbidden",
        "",
    );
    ok(
        given(),
        &["a:read:{\"n\":666} b:read", DONE],
        "a=denied b=success",
        "+b -b",
    );
    ok(
        given().asks_above(Idempotent, "tool").denies(666),
        &["a:write", "b:write:{\"n\":666}", DONE],
        "a=success / b=denied",
        "+a -a",
    );
}

#[test]
fn modes_hold_at_execution() {
    let ok =
        |given, answers: &[&str], results, ran| check(&given, answers, results, ran, "completed");
    for mode in ["plan", "explore"] {
        let given = || nothing().mode(mode);
        ok(given(), &["a:read", DONE], "a=success", "+a -a");
        ok(given(), &["a:write", DONE], "a=denied~mode", "");
        ok(given(), &["a:put", DONE], "a=denied", "");
        ok(given(), &["a:remove", DONE], "a=denied", "");
        ok(
            given(),
            &["a:write b:read", DONE],
            "a=denied b=success",
            "+b -b",
        );
        // Under whatever name.
        ok(
            given(),
            &["a:WRITE b:wirte", DONE],
            "a=rejected b=rejected",
            "",
        );
        // Nobody is asked to approve what may not run.
        ok(
            given().asks_above(ReadOnly, ""),
            &["a:write", DONE],
            "a=denied",
            "",
        );
        // The agent that is a tool may be called, and may not write either.
        ok(
            given(),
            &["a:helper:{\"task\":\"write\"}", DONE],
            "a=success~that+is+all",
            "",
        );
    }
    ok(
        nothing(),
        &["a:helper:{\"task\":\"write\"}", DONE],
        "a=success",
        "+x -x",
    );
    ok(
        nothing().mode("build"),
        &["a:remove", DONE],
        "a=success",
        "+a -a",
    );
    // What was approved in one mode does not run in another.
    ok(
        nothing()
            .asks_above(Idempotent, "yes")
            .switch_before_decision("plan"),
        &["a:write", DONE],
        "a=denied~plan",
        "",
    );
    ok(
        nothing()
            .mode("build")
            .asks_above(Idempotent, "yes")
            .switch_before_decision("build"),
        &["a:write", DONE],
        "a=success",
        "+a -a",
    );
    // A nested agent is not asked for what a person must approve.
    ok(
        nothing().asks_above(Idempotent, ""),
        &["a:helper:{\"task\":\"write\"}", DONE],
        "a=error~may+not+call+`write`",
        "",
    );
}

#[test]
fn budgets_end_the_use_of_tools() {
    let calls = |most| nothing().set(|settings| settings.max_tool_calls = Some(most));
    let rounds = |most| nothing().set(|settings| settings.max_tool_iterations = most);
    check(
        &calls(1),
        &["a:read", DONE],
        "a=success",
        "+a -a",
        "tool_limit",
    );
    check(
        &calls(1),
        &["a:read b:read", DONE],
        "a=success b=rejected~used+up",
        "+a -a",
        "tool_limit",
    );
    check(
        &calls(2),
        &["a:read", DONE],
        "a=success",
        "+a -a",
        "completed",
    );
    check(
        &calls(2),
        &["a:read", "b:read c:read", DONE],
        "a=success / b=success c=rejected",
        "+a -a +b -b",
        "tool_limit",
    );
    check(
        &calls(1),
        &["a:nobody", DONE],
        "a=rejected",
        "",
        "tool_limit",
    );
    check(
        &rounds(1),
        &["a:read", DONE],
        "a=success",
        "+a -a",
        "tool_limit",
    );
    check(
        &rounds(1),
        &["a:read", "b:read"],
        "a=success / b=rejected~no+tools+may+be+called",
        "+a -a",
        "tool_limit",
    );
    check(&rounds(0), &[DONE], "", "", "completed");
    let session = nothing().set(|settings| settings.max_session_tool_calls = Some(1));
    check(
        &session,
        &["a:read", DONE],
        "a=success",
        "+a -a",
        "tool_limit",
    );
    let tokens = nothing().set(|settings| settings.max_turn_tokens = Some(20));
    check(
        &tokens,
        &["a:read", "b:read", DONE],
        "a=success / b=success",
        "+a -a +b -b",
        "tool_limit",
    );
}

#[test]
fn cancelling_answers_every_call() {
    let after = |entry| nothing().cancel_after(entry);
    check(
        &after("+a"),
        &["a:long"],
        "a=cancelled~may+have+had+an+effect",
        "+a",
        "cancelled",
    );
    check(
        &after("+a"),
        &["a:long b:long"],
        "a=cancelled b=cancelled",
        "+a +b",
        "cancelled",
    );
    check(
        &after("-b"),
        &["a:hangs b:long"],
        "a=cancelled b=success",
        "+a +b -b",
        "cancelled",
    );
    check(
        &after("+a"),
        &["a:alone b:alone"],
        "a=cancelled b=cancelled",
        "+a",
        "cancelled",
    );
    check(&after("+a"), &["a:alive"], "a=cancelled", "+a", "cancelled");
    check(
        &after("+b"),
        &["a:read", "b:hangs"],
        "a=success / b=cancelled",
        "+a -a +b",
        "cancelled",
    );
}

#[test]
fn destructive_calls_are_no_exception() {
    let ok =
        |given, answers: &[&str], results, ran| check(&given, answers, results, ran, "completed");
    ok(
        nothing().asks_above(Write, "yes"),
        &["a:remove", DONE],
        "a=success",
        "+a -a",
    );
    ok(
        nothing().asks_above(Write, ""),
        &["a:write", DONE],
        "a=success",
        "+a -a",
    );
    ok(
        nothing().asks_above(Destructive, ""),
        &["a:remove", DONE],
        "a=success",
        "+a -a",
    );
}
