//! The tool loop, scenario by scenario: what a model calls for, what comes of each call, when it runs, and how the turn
//! ends. Each row is one scenario; in each, the conversation must be valid and stored as it was told.
//!
//! A scenario is written in a small language:
//!
//! - an answer of the model is a text (`say done`), or calls (`id:tool` or `id:tool:arguments`) with a blank between them;
//! - a result is `id=outcome`, or `id=outcome~part+of+the+text`, where `+` stands for a blank. Results of one answer have a
//!   blank between them, and those of the next answer follow after ` / `;
//! - a run is `+id` where a call begins, and `-id` where it ends, in that order.
//!
//! Without [`results`](world::Scenario::results) or [`ran`](world::Scenario::ran) there are none, and a turn is completed
//! unless [`ends`](world::Scenario::ends) says otherwise.

mod world;

use victor_core::Effect::{Destructive, Idempotent, ReadOnly, Write};

use world::case;

const DONE: &str = "say done";

#[test]
fn every_call_has_its_result() {
    case().answers([DONE]).check();
    case()
        .answers(["a:read", DONE])
        .results("a=success~fine")
        .ran("+a -a")
        .check();
    case()
        .answers(["a:read b:read", DONE])
        .results("a=success b=success")
        .ran("+a -a +b -b")
        .check();
    case()
        .answers(["a:read", "b:read:{\"n\":1}", DONE])
        .results("a=success / b=success")
        .ran("+a -a +b -b")
        .check();
    case()
        .answers(["a:read b:write", "c:put", DONE])
        .results("a=success b=success / c=success")
        .ran("+a -a +b -b +c -c")
        .check();
    case()
        .answers(["a:nobody", DONE])
        .results("a=rejected~no+tool+named")
        .check();
    case()
        .answers(["a:raed", DONE])
        .results("a=rejected~`read`")
        .check();
    case()
        .answers(["a:nobody b:read", DONE])
        .results("a=rejected b=success")
        .ran("+b -b")
        .check();
    case()
        .answers(["a:strict", DONE])
        .results("a=rejected~/n+is+missing")
        .check();
    case()
        .answers(["a:strict:{\"n\":\"x\"}", DONE])
        .results("a=rejected~must+be+an+integer")
        .check();
    case()
        .answers(["a:strict:{\"n\":", DONE])
        .results("a=rejected~not+a+JSON+object")
        .check();
    case()
        .answers(["a:strict:[1]", DONE])
        .results("a=rejected~not+a+JSON+object")
        .check();
    case()
        .answers(["a:strict:{\"n\":1}", DONE])
        .results("a=success")
        .ran("+a -a")
        .check();
    case()
        .answers(["a:strict b:strict:{\"n\":1} c:nobody", DONE])
        .results("a=rejected b=success c=rejected")
        .ran("+b -b")
        .check();
}

#[test]
fn a_call_runs_exactly_once() {
    // The same identifier twice: two calls, told apart.
    case()
        .answers(["a:read a:read:{\"n\":1}", DONE])
        .results("a=success a#1=success")
        .ran("+a -a +a#1 -a#1")
        .check();
    case()
        .answers([":read", DONE])
        .results("#0=success")
        .ran("+#0 -#0")
        .check();
    // The same call may be made again, but not again and again.
    case()
        .answers(["a:write b:write", DONE])
        .results("a=success b=success")
        .ran("+a -a +b -b")
        .check();
    case()
        .answers(["a:write", "b:write", "c:write", "d:write", DONE])
        .results("a=success / b=success / c=success / d=rejected~already+made+3+times")
        .ran("+a -a +b -b +c -c")
        .check();
    case()
        .answers(["a:write b:write c:write d:write", DONE])
        .results("a=success b=success c=success d=rejected")
        .ran("+a -a +b -b +c -c")
        .check();
    // Approved twice in a row is still one run each.
    let asked = case().asks_above(Idempotent, "yes yes");
    asked
        .answers(["a:write", "b:write", DONE])
        .results("a=success / b=success")
        .ran("+a -a +b -b")
        .check();
}

#[test]
fn what_fails_is_told_and_harms_nobody_else() {
    case()
        .answers(["a:broken", DONE])
        .results("a=error~it+is+broken")
        .ran("+a -a")
        .check();
    case()
        .answers(["a:broken b:read", DONE])
        .results("a=error b=success")
        .ran("+a -a +b -b")
        .check();
    case()
        .answers(["a:misled", DONE])
        .results("a=error~invalid+arguments")
        .ran("+a -a")
        .check();
    case()
        .answers(["a:gone", DONE])
        .results("a=error~not+found")
        .ran("+a -a")
        .check();
    case()
        .answers(["a:panics", DONE])
        .results("a=error~bug")
        .ran("+a")
        .check();
    case()
        .answers(["a:panics b:read c:panics", DONE])
        .results("a=error b=success c=error")
        .ran("+a +b -b +c")
        .check();
    case()
        .answers(["a:panics", "b:read", DONE])
        .results("a=error / b=success")
        .ran("+a +b -b")
        .check();
    case()
        .answers(["a:hangs", DONE])
        .results("a=timed_out~may+have+had+an+effect")
        .ran("+a")
        .check();
    case()
        .answers(["a:hangs b:read", DONE])
        .results("a=timed_out b=success")
        .ran("+a +b -b")
        .check();
    case()
        .answers(["a:huge", DONE])
        .results("a=success~0123456789")
        .ran("+a -a")
        .check();
    case()
        .answers(["a:huge b:read", DONE])
        .results("a=success~bytes b=success")
        .ran("+a -a +b -b")
        .check();
}

#[test]
fn what_may_be_tried_again_is() {
    case()
        .answers(["a:flaky", DONE])
        .results("a=error~slipped")
        .ran("+a -a")
        .check();
    case()
        .answers(["a:flaky_write", DONE])
        .results("a=error~slipped")
        .ran("+a -a")
        .check();
    case()
        .answers(["a:busy", DONE])
        .results("a=success")
        .ran("+a -a +a -a")
        .check();
    case()
        .answers(["a:misled", DONE])
        .results("a=error")
        .ran("+a -a")
        .check();
    case()
        .answers(["a:gone", DONE])
        .results("a=error")
        .ran("+a -a")
        .check();
    case()
        .answers(["a:panics", DONE])
        .results("a=error")
        .ran("+a")
        .check();
    case()
        .answers(["a:busy b:read", DONE])
        .results("a=success b=success")
        .ran("+a -a +b -b +a -a")
        .check();
}

#[test]
fn calls_run_side_by_side_within_limits() {
    case()
        .answers(["a:long b:long", DONE])
        .results("a=success b=success")
        .ran("+a +b -a -b")
        .check();
    case()
        .answers(["a:long b:read", DONE])
        .results("a=success b=success")
        .ran("+a +b -b -a")
        .check();
    case().answers([
            r#"a:long:{"n":1} b:long:{"n":2} c:long:{"n":3} d:long:{"n":4} e:long:{"n":5} f:long:{"n":6}"#,
            DONE,
        ]).results("a=success b=success c=success d=success e=success f=success").ran("+a +b +c +d +e -a -b -c -d -e +f -f").check();
    case()
        .answers(["a:one b:one", DONE])
        .results("a=success b=success")
        .ran("+a -a +b -b")
        .check();
    case()
        .answers(["a:one b:long c:one", DONE])
        .results("a=success b=success c=success")
        .ran("+a +b -a -b +c -c")
        .check();
    case()
        .answers(["a:alone b:alone", DONE])
        .results("a=success b=success")
        .ran("+a -a +b -b")
        .check();
    case()
        .answers(["a:long b:alone c:long", DONE])
        .results("a=success b=success c=success")
        .ran("+a -a +b -b +c -c")
        .check();
    case()
        .answers(["a:long b:long c:alone", DONE])
        .results("a=success b=success c=success")
        .ran("+a +b -a -b +c -c")
        .check();
    case()
        .answers(["a:alone b:read c:read", DONE])
        .results("a=success b=success c=success")
        .ran("+a -a +b -b +c -c")
        .check();
    case()
        .answers(["a:alive", DONE])
        .results("a=success~at+last")
        .ran("+a -a")
        .check();
    case()
        .answers(["a:alive b:hangs", DONE])
        .results("a=success b=timed_out")
        .ran("+a +b -a")
        .check();
}

#[test]
fn read_only_results_are_given_again_until_something_is_written() {
    case()
        .answers(["a:cached", "b:cached", DONE])
        .results("a=success / b=success~fine")
        .ran("+a -a")
        .check();
    case()
        .answers(["a:cached", "b:cached:{\"n\":1}", DONE])
        .results("a=success / b=success")
        .ran("+a -a +b -b")
        .check();
    case()
        .answers(["a:cached", "b:write", "c:cached", DONE])
        .results("a=success / b=success / c=success")
        .ran("+a -a +b -b +c -c")
        .check();
    case()
        .answers(["a:cached", "b:read", "c:cached", DONE])
        .results("a=success / b=success / c=success")
        .ran("+a -a +b -b")
        .check();
    case()
        .answers(["a:read", "b:read", DONE])
        .results("a=success / b=success")
        .ran("+a -a +b -b")
        .check();
}

#[test]
fn a_person_decides() {
    let asks = |decisions| case().asks_above(Idempotent, decisions);
    asks("yes")
        .answers(["a:write", DONE])
        .results("a=success")
        .ran("+a -a")
        .check();
    asks("no")
        .answers(["a:write", DONE])
        .results("a=denied~the+person+says+no")
        .check();
    asks("")
        .answers(["a:read b:put", DONE])
        .results("a=success b=success")
        .ran("+a -a +b -b")
        .check();
    asks("yes no")
        .answers(["a:write b:write:{\"n\":1}", DONE])
        .results("a=success b=denied")
        .ran("+a -a")
        .check();
    asks("no yes")
        .answers(["a:write b:write:{\"n\":1}", DONE])
        .results("a=denied b=success")
        .ran("+b -b")
        .check();
    asks("yes")
        .answers(["a:read b:write", DONE])
        .results("a=success b=success")
        .ran("+a -a +b -b")
        .check();
    asks("yes no")
        .answers(["a:write", "b:remove", DONE])
        .results("a=success / b=denied")
        .ran("+a -a")
        .check();
    // Of calls that cannot run nobody is asked.
    asks("")
        .answers(["a:nobody", DONE])
        .results("a=rejected")
        .check();
    case()
        .asks_above(ReadOnly, "")
        .answers(["a:strict", DONE])
        .results("a=rejected")
        .check();
    asks("yes")
        .answers(["a:write b:nobody", DONE])
        .results("a=success b=rejected")
        .ran("+a -a")
        .check();
    asks("yes")
        .restart_before_decision()
        .answers(["a:write", DONE])
        .results("a=success")
        .ran("+a -a")
        .check();
    asks("no")
        .restart_before_decision()
        .answers(["a:write b:read", DONE])
        .results("a=denied b=success")
        .ran("+b -b")
        .check();
    // A tool that has become another one is asked about again.
    asks("yes yes")
        .redefine_before_decision()
        .answers(["a:write", DONE])
        .results("a=success")
        .ran("+a -a")
        .check();
    asks("yes no")
        .redefine_before_decision()
        .answers(["a:write", DONE])
        .results("a=denied")
        .check();
    // Standing approvals.
    asks("same")
        .answers(["a:write", "b:write", DONE])
        .results("a=success / b=success")
        .ran("+a -a +b -b")
        .check();
    asks("same no")
        .answers(["a:write", "b:write:{\"n\":1}", DONE])
        .results("a=success / b=denied")
        .ran("+a -a")
        .check();
    asks("tool")
        .answers(["a:write", "b:write:{\"n\":1}", DONE])
        .results("a=success / b=success")
        .ran("+a -a +b -b")
        .check();
    asks("tool no")
        .answers(["a:write", "b:remove", DONE])
        .results("a=success / b=denied")
        .ran("+a -a")
        .check();
}

#[test]
fn a_policy_denies_whoever_approves() {
    let given = || case().denies(666);
    given()
        .answers(["a:write:{\"n\":666}", DONE])
        .results("a=denied~forbidden")
        .check();
    given()
        .answers(["a:read:{\"n\":666} b:read", DONE])
        .results("a=denied b=success")
        .ran("+b -b")
        .check();
    given()
        .asks_above(Idempotent, "tool")
        .denies(666)
        .answers(["a:write", "b:write:{\"n\":666}", DONE])
        .results("a=success / b=denied")
        .ran("+a -a")
        .check();
}

#[test]
fn modes_hold_at_execution() {
    for mode in ["plan", "explore"] {
        let given = || case().mode(mode);
        given()
            .answers(["a:read", DONE])
            .results("a=success")
            .ran("+a -a")
            .check();
        given()
            .answers(["a:write", DONE])
            .results("a=denied~mode")
            .check();
        given().answers(["a:put", DONE]).results("a=denied").check();
        given()
            .answers(["a:remove", DONE])
            .results("a=denied")
            .check();
        given()
            .answers(["a:write b:read", DONE])
            .results("a=denied b=success")
            .ran("+b -b")
            .check();
        // Under whatever name.
        given()
            .answers(["a:WRITE b:wirte", DONE])
            .results("a=rejected b=rejected")
            .check();
        // Nobody is asked to approve what may not run.
        given()
            .asks_above(ReadOnly, "")
            .answers(["a:write", DONE])
            .results("a=denied")
            .check();
        // The agent that is a tool may be called, and may not write either.
        given()
            .answers(["a:helper:{\"task\":\"write\"}", DONE])
            .results("a=success~that+is+all")
            .check();
    }
    case()
        .answers(["a:helper:{\"task\":\"write\"}", DONE])
        .results("a=success")
        .ran("+x -x")
        .check();
    case()
        .mode("build")
        .answers(["a:remove", DONE])
        .results("a=success")
        .ran("+a -a")
        .check();
    // What was approved in one mode does not run in another.
    case()
        .asks_above(Idempotent, "yes")
        .switch_before_decision("plan")
        .answers(["a:write", DONE])
        .results("a=denied~plan")
        .check();
    case()
        .mode("build")
        .asks_above(Idempotent, "yes")
        .switch_before_decision("build")
        .answers(["a:write", DONE])
        .results("a=success")
        .ran("+a -a")
        .check();
    // A nested agent is not asked for what a person must approve.
    case()
        .asks_above(Idempotent, "")
        .answers(["a:helper:{\"task\":\"write\"}", DONE])
        .results("a=error~may+not+call+`write`")
        .check();
}

#[test]
fn budgets_end_the_use_of_tools() {
    let calls = |most| case().set(|settings| settings.max_tool_calls = Some(most));
    let rounds = |most| case().set(|settings| settings.max_tool_iterations = most);
    calls(1)
        .answers(["a:read", DONE])
        .results("a=success")
        .ran("+a -a")
        .ends("tool_limit")
        .check();
    calls(1)
        .answers(["a:read b:read", DONE])
        .results("a=success b=rejected~used+up")
        .ran("+a -a")
        .ends("tool_limit")
        .check();
    calls(2)
        .answers(["a:read", DONE])
        .results("a=success")
        .ran("+a -a")
        .check();
    calls(2)
        .answers(["a:read", "b:read c:read", DONE])
        .results("a=success / b=success c=rejected")
        .ran("+a -a +b -b")
        .ends("tool_limit")
        .check();
    calls(1)
        .answers(["a:nobody", DONE])
        .results("a=rejected")
        .ends("tool_limit")
        .check();
    rounds(1)
        .answers(["a:read", DONE])
        .results("a=success")
        .ran("+a -a")
        .ends("tool_limit")
        .check();
    rounds(1)
        .answers(["a:read", "b:read"])
        .results("a=success / b=rejected~no+tools+may+be+called")
        .ran("+a -a")
        .ends("tool_limit")
        .check();
    rounds(0).answers([DONE]).check();
    let session = case().set(|settings| settings.max_session_tool_calls = Some(1));
    session
        .answers(["a:read", DONE])
        .results("a=success")
        .ran("+a -a")
        .ends("tool_limit")
        .check();
    let tokens = case().set(|settings| settings.max_turn_tokens = Some(20));
    tokens
        .answers(["a:read", "b:read", DONE])
        .results("a=success / b=success")
        .ran("+a -a +b -b")
        .ends("tool_limit")
        .check();
}

#[test]
fn cancelling_answers_every_call() {
    let after = |entry| case().cancel_after(entry);
    after("+a")
        .answers(["a:long"])
        .results("a=cancelled~may+have+had+an+effect")
        .ran("+a")
        .ends("cancelled")
        .check();
    after("+a")
        .answers(["a:long b:long"])
        .results("a=cancelled b=cancelled")
        .ran("+a +b")
        .ends("cancelled")
        .check();
    after("-b")
        .answers(["a:hangs b:long"])
        .results("a=cancelled b=success")
        .ran("+a +b -b")
        .ends("cancelled")
        .check();
    after("+a")
        .answers(["a:alone b:alone"])
        .results("a=cancelled b=cancelled")
        .ran("+a")
        .ends("cancelled")
        .check();
    after("+a")
        .answers(["a:alive"])
        .results("a=cancelled")
        .ran("+a")
        .ends("cancelled")
        .check();
    after("+b")
        .answers(["a:read", "b:hangs"])
        .results("a=success / b=cancelled")
        .ran("+a -a +b")
        .ends("cancelled")
        .check();
}

#[test]
fn destructive_calls_are_no_exception() {
    case()
        .asks_above(Write, "yes")
        .answers(["a:remove", DONE])
        .results("a=success")
        .ran("+a -a")
        .check();
    case()
        .asks_above(Write, "")
        .answers(["a:write", DONE])
        .results("a=success")
        .ran("+a -a")
        .check();
    case()
        .asks_above(Destructive, "")
        .answers(["a:remove", DONE])
        .results("a=success")
        .ran("+a -a")
        .check();
}
