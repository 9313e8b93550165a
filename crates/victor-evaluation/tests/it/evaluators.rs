//! The evaluators, as a table.

use serde_json::{Value, json};
use victor_core::Usage;
use victor_evaluation::evaluators::{
    Contains, CostWithin, Exact, FilesMatch, JsonMatches, JsonPathMatches, JsonSchemaMatches,
    LatencyWithin, Numeric, RegexMatches, Similarity, StateMatches, Trajectory, TrajectoryMatch,
};
use victor_evaluation_protocol::{
    EvalCase, Evaluator, ExpectedCall, Judgement, ObservedCall, Trial, TrialTurn,
};
use victor_provider_protocol::NanoDollars;

async fn judge(evaluator: &dyn Evaluator, case: &EvalCase, trial: &Trial) -> String {
    match evaluator.evaluate(case, trial).await {
        Ok(Judgement::Scored(score)) => {
            assert_eq!(
                score.reason.is_none(),
                score.passed || score.value > 0.5,
                "{score:?}"
            );
            format!(
                "{} {:.2}",
                if score.passed { "passed" } else { "failed" },
                score.value
            )
        }
        Ok(Judgement::NotApplicable) => "not applicable".to_owned(),
        Ok(Judgement::Invalid { .. }) => "invalid".to_owned(),
        Ok(other) => format!("{other:?}"),
        Err(_) => "error".to_owned(),
    }
}

/// Judges an answer by what is expected.
async fn check(evaluator: &dyn Evaluator, expected: &[&str], answer: &str, judgement: &str) {
    let mut case = EvalCase::new("case", "question");
    case.expected.text = expected.iter().map(|text| (*text).to_owned()).collect();
    let found = judge(evaluator, &case, &Trial::answered("case", answer)).await;
    assert_eq!(
        found,
        judgement,
        "`{answer}` by {} for {expected:?}",
        evaluator.name()
    );
}

const PASSED: &str = "passed 1.00";
const FAILED: &str = "failed 0.00";

#[tokio::test]
async fn texts() {
    check(&Exact, &["Paris"], " Paris\n", PASSED).await;
    check(&Exact, &["Paris", "Rome"], "Rome", PASSED).await;
    check(&Exact, &["Paris"], "paris", FAILED).await;
    check(&Exact, &[], "Paris", "not applicable").await;
    check(&Contains, &["paris"], "It is PARIS.", PASSED).await;
    check(&Contains, &["paris"], "It is Rome.", FAILED).await;
    check(&Contains, &[], "It is Rome.", "not applicable").await;
    let year = RegexMatches::new("year", r"\b(19|20)\d\d\b").unwrap();
    check(&year, &[], "In 1998.", PASSED).await;
    check(&year, &[], "In 998.", FAILED).await;
    assert!(RegexMatches::new("bad", "(").is_err());
    assert!(RegexMatches::new("huge", r"\w{1000}{100}").is_err());
}

#[tokio::test]
async fn numbers() {
    let near = Numeric::within(0.01);
    check(&near, &["42"], "The answer is 42.", PASSED).await;
    check(&near, &["42"], "It is 7 * 6 = 42.3", PASSED).await;
    check(&near, &["42"], "It is 41", FAILED).await;
    check(&near, &["42"], "nobody knows", FAILED).await;
    check(&near, &["1234.5"], "about 1,234.5 in all", PASSED).await;
    check(&near, &["-0.5"], "-5e-1", PASSED).await;
    check(&near, &["0"], "0.005", PASSED).await;
    check(&near, &["many"], "42", "error").await;
    check(&near, &[], "42", "not applicable").await;
    check(&Numeric::within(f64::NAN), &["42"], "42", PASSED).await;
    check(&Numeric::within(-1.0), &["42"], "42.1", FAILED).await;
}

#[tokio::test]
async fn json_answers() {
    let object = r#"{"a": 1, "b": [2]}"#;
    check(&JsonMatches, &[object], r#"{"b":[2],"a":1}"#, PASSED).await;
    check(
        &JsonMatches,
        &[object],
        "```json\n{\"b\":[2],\"a\":1}\n```",
        PASSED,
    )
    .await;
    check(&JsonMatches, &[object], "{}", FAILED).await;
    check(&JsonMatches, &[object], "a is 1", FAILED).await;
    check(&JsonMatches, &["a is 1"], "{}", "error").await;
    check(&JsonMatches, &[], "{}", "not applicable").await;
    let schema = JsonSchemaMatches::new(&json!({ "type": "object", "required": ["a"] })).unwrap();
    check(&schema, &[], r#"{"a": null}"#, PASSED).await;
    check(&schema, &[], r#"{"b": null}"#, FAILED).await;
    check(&schema, &[], "none", FAILED).await;
    assert!(JsonSchemaMatches::new(&json!({ "type": 7 })).is_err());
    let path = || JsonPathMatches::new("b", "$.b[*]").unwrap();
    check(&path(), &[], object, PASSED).await;
    check(&path(), &[], "{}", FAILED).await;
    check(&path().equal_to(json!(2)), &[], object, PASSED).await;
    check(&path().equal_to(json!(3)), &[], object, FAILED).await;
    let error = JsonPathMatches::new("bad", "$[").unwrap_err();
    assert!(
        error
            .to_string()
            .starts_with("the path is not valid JSONPath"),
        "{error}"
    );
}

fn calls(calls: &[(&str, Value)]) -> Trial {
    let mut trial = Trial::answered("case", "done");
    let calls = calls
        .iter()
        .map(|(name, arguments)| ObservedCall::new(*name, &arguments.to_string()));
    trial.turns[0].calls = calls.collect();
    trial
}

#[tokio::test]
async fn trajectories() {
    use TrajectoryMatch::{Strict, Subset, Superset, Unordered};
    let (read, write) = (
        ExpectedCall::new("read"),
        ExpectedCall::new("write").with_arguments(json!({ "to": "a" })),
    );
    let case = EvalCase::new("case", "question")
        .expect_call(read)
        .expect_call(write);
    let to = |to: &str| ("write", json!({ "to": to, "text": "?" }));
    let reads = || ("read", json!({}));
    for (made, strict, unordered, subset, superset) in [
        (
            vec![reads(), to("a")],
            "passed 1.00",
            "passed 1.00",
            "passed 1.00",
            "passed 1.00",
        ),
        (
            vec![to("a"), reads()],
            "failed 0.33",
            "passed 1.00",
            "passed 1.00",
            "passed 1.00",
        ),
        (
            vec![reads()],
            "failed 0.50",
            "failed 0.50",
            "passed 0.50",
            "failed 0.50",
        ),
        (
            vec![reads(), to("b")],
            "failed 0.33",
            "failed 0.33",
            "failed 0.33",
            "failed 0.33",
        ),
        (
            vec![reads(), reads(), to("a")],
            "failed 0.67",
            "failed 0.67",
            "failed 0.67",
            "passed 0.67",
        ),
        (
            vec![],
            "failed 0.00",
            "failed 0.00",
            "passed 0.00",
            "failed 0.00",
        ),
    ] {
        let trial = calls(&made);
        for (rule, expected) in [
            (Strict, strict),
            (Unordered, unordered),
            (Subset, subset),
            (Superset, superset),
        ] {
            let judged = Trajectory::new(rule).evaluate(&case, &trial).await.unwrap();
            let score = judged.score().unwrap();
            let found = format!(
                "{} {:.2}",
                if score.passed { "passed" } else { "failed" },
                score.value
            );
            assert_eq!(found, expected, "{rule:?} of {made:?}");
        }
    }
    // The call with any arguments must not take the place of the one that needs these.
    let any = EvalCase::new("case", "question")
        .expect_call(ExpectedCall::new("write"))
        .expect_call(ExpectedCall::new("write").with_arguments(json!({ "to": "a" })));
    assert_eq!(
        judge(
            &Trajectory::new(Unordered),
            &any,
            &calls(&[to("a"), to("b")])
        )
        .await,
        PASSED
    );
    let none = EvalCase::new("case", "question");
    assert_eq!(
        judge(&Trajectory::new(Strict), &none, &calls(&[])).await,
        "not applicable"
    );
    let mut silent = none;
    silent.expected.tools = Some(vec![]);
    assert_eq!(
        judge(&Trajectory::new(Strict), &silent, &calls(&[])).await,
        PASSED
    );
    assert_eq!(
        judge(&Trajectory::new(Strict), &silent, &calls(&[reads()])).await,
        FAILED
    );
}

#[tokio::test]
async fn worlds() {
    let mut case = EvalCase::new("case", "question");
    let mut trial = Trial::answered("case", "done");
    assert_eq!(judge(&FilesMatch, &case, &trial).await, "not applicable");
    assert_eq!(judge(&StateMatches, &case, &trial).await, "not applicable");
    case.expected
        .files
        .insert("a.txt".into(), Some("new".into()));
    case.expected.files.insert("b.txt".into(), None);
    case.expected.state = Some(json!({ "rows": { "a": 1 } }));
    assert_eq!(judge(&FilesMatch, &case, &trial).await, FAILED);
    assert_eq!(judge(&StateMatches, &case, &trial).await, "invalid");
    trial.files.insert("a.txt".into(), Some("new".into()));
    trial.files.insert("b.txt".into(), Some("old".into()));
    trial.state_after = Some(json!({ "rows": { "a": 1.0, "b": 2 } }));
    assert_eq!(judge(&FilesMatch, &case, &trial).await, "failed 0.50");
    assert_eq!(judge(&StateMatches, &case, &trial).await, PASSED);
    trial.files.insert("b.txt".into(), None);
    trial.state_after = Some(json!({ "rows": { "a": 2 } }));
    assert_eq!(judge(&FilesMatch, &case, &trial).await, PASSED);
    assert_eq!(judge(&StateMatches, &case, &trial).await, FAILED);
}

#[tokio::test]
async fn resources() {
    let case = EvalCase::new("case", "question");
    let mut trial = Trial::answered("case", "done");
    trial.turns.push(TrialTurn::new("more", "done"));
    trial.usage = Usage::new(1, 1);
    let cost = CostWithin::new(NanoDollars::from_nanos(10));
    assert_eq!(judge(&cost, &case, &trial).await, "invalid");
    for (nanos, expected) in [(10, PASSED), (11, FAILED)] {
        trial.cost = Some(NanoDollars::from_nanos(nanos));
        assert_eq!(judge(&cost, &case, &trial).await, expected);
    }
    let latency = LatencyWithin::new(std::time::Duration::from_secs(1));
    for (millis, expected) in [(1_000, PASSED), (1_001, FAILED)] {
        trial.duration = std::time::Duration::from_millis(millis);
        assert_eq!(judge(&latency, &case, &trial).await, expected);
    }
}

#[tokio::test]
async fn meanings() {
    let alike = Similarity::new(victor_lexical::LexicalEmbedder::default(), 0.6);
    check(
        &alike,
        &["the train leaves at noon"],
        "the train leaves at noon",
        PASSED,
    )
    .await;
    check(&alike, &["the train leaves at noon"], "bananas", FAILED).await;
    check(&alike, &[], "bananas", "not applicable").await;
}
