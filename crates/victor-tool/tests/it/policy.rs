//! Policies as data, and what persons have approved for more than one call.

use serde_json::{Value, json};
use victor_core::{Effect, SessionId, ToolSpec};
use victor_testkit::{check_golden, check_refused, check_survives, check_unknown_fields};
use victor_tool::{
    ArgumentTest, Decision, EffectPolicy, Rule, RuleError, RulePolicy, StandingApprovals,
};
use victor_tool_protocol::{ApprovalPolicy, ApprovalRequest, ApprovalScope, Verdict};

use crate::support::{call, spec};

fn request(tool: &str, effect: Effect, arguments: &str) -> ApprovalRequest {
    let spec = spec(tool).with_effect(effect);
    ApprovalRequest::new(SessionId::new("s"), call("1", tool, arguments), spec)
}

/// The verdict in words.
async fn decided(policy: &impl ApprovalPolicy, request: &ApprovalRequest) -> String {
    match policy.review(request).await {
        Verdict::Run => "run".to_owned(),
        Verdict::Ask { question, .. } => format!("ask: {question}"),
        Verdict::Deny { reason } => format!("deny: {reason}"),
        other => format!("{other:?}"),
    }
}

const RULES: &str = r#"
    default = "ask"

    [[rules]]
    decision = "deny"
    arguments = [{ at = "/path", matches = "*.env" }]
    reason = "keys are kept there"

    [[rules]]
    decision = "allow"
    tools = ["write_*", "edit"]
    max_effect = "write"
    arguments = [{ at = "/path", prefix = "docs/" }, { at = "/draft", equals = true }]

    [[rules]]
    decision = "ask"
    tools = ["read_mail"]
    reason = "mail is private"

    [[rules]]
    decision = "allow"
    max_effect = "read_only"

    [[rules]]
    decision = "deny"
    min_effect = "destructive"
"#;

#[tokio::test]
async fn the_first_rule_that_is_about_a_call_counts() {
    let policy: RulePolicy = toml::from_str(RULES).unwrap();
    let check = async |tool: &str, effect, arguments: &str, expected: &str| {
        let found = decided(&policy, &request(tool, effect, arguments)).await;
        assert!(found.starts_with(expected), "{found}");
    };
    let env = r#"{"path":"docs/.env","draft":true}"#;
    let secret = "is not allowed here, by rule 1 (keys are kept there): do without it";
    for (tool, effect) in [("read", Effect::ReadOnly), ("write_file", Effect::Write)] {
        let expected = format!("deny: this call of `{tool}` {secret}");
        check(tool, effect, env, &expected).await;
    }
    let draft = r#"{"path":"docs/a.md","draft":true}"#;
    check("write_file", Effect::Write, draft, "run").await;
    check("edit", Effect::Idempotent, draft, "run").await;
    check(
        "edits",
        Effect::Write,
        draft,
        "ask: run `edits`, which changes",
    )
    .await;
    check(
        "write_file",
        Effect::Destructive,
        draft,
        "deny: this call of `write_file` is not",
    )
    .await;
    for other in [
        r#"{"path":"docs/a.md"}"#,
        r#"{"path":"docs/a.md","draft":"true"}"#,
        r#"{"path":"src/docs/a.md","draft":true}"#,
        r#"{"path":["docs/a.md"],"draft":true}"#,
        "",
    ] {
        check("edit", Effect::Write, other, "ask: run `edit`").await;
    }
    let mail = "ask: run `read_mail`, which only reads, with {}? (mail is private)";
    check("read_mail", Effect::ReadOnly, "", mail).await;
    check("read", Effect::ReadOnly, r#"{"path":"src"}"#, "run").await;
    check(
        "drop",
        Effect::Destructive,
        "",
        "deny: this call of `drop` is not allowed here, by rule 5:",
    )
    .await;

    let closed = RulePolicy::new(Decision::Deny, []).unwrap();
    let found = decided(&closed, &request("read", Effect::ReadOnly, "")).await;
    assert!(
        found.contains("not allowed here, since no rule allows it"),
        "{found}"
    );
}

#[test]
fn rules_are_data_and_written_as_they_are_read() {
    let from_toml: RulePolicy = toml::from_str(RULES).unwrap();
    let json = serde_json::to_value(&from_toml).unwrap();
    check_survives::<RulePolicy>(&json);
    check_survives::<RulePolicy>(&json!({
        "default": "deny",
        "rules": [{ "decision": "allow", "arguments": [{ "at": "", "equals": null }] }]
    }));
    let in_code = RulePolicy::new(
        Decision::Ask,
        [
            Rule::deny()
                .argument("/path", ArgumentTest::Matches("*.env".into()))
                .because("keys are kept there"),
            Rule::allow()
                .tools(["write_*", "edit"])
                .up_to_effect(Effect::Write)
                .argument("/path", ArgumentTest::Prefix("docs/".into()))
                .argument("/draft", ArgumentTest::Equals(true.into())),
            Rule::ask().tools(["read_mail"]).because("mail is private"),
            Rule::allow().up_to_effect(Effect::ReadOnly),
            Rule::deny().from_effect(Effect::Destructive),
        ],
    );
    assert_eq!(in_code.unwrap(), from_toml);
}

#[test]
fn an_error_names_rule_and_field() {
    let check = |rule: Value, expected: &str| {
        let rules = json!({ "rules": [{ "decision": "allow" }, rule] });
        check_refused::<RulePolicy>(&rules, &format!("rule 2, {expected}"));
    };
    check(
        json!({ "decision": "alow" }),
        "`decision`: unknown variant `alow`, expected one of",
    );
    check(json!({}), "`.`: missing field `decision`");
    check(
        json!({ "decision": "ask", "tool": "a" }),
        "`tool`: unknown field `tool`",
    );
    check(
        json!({ "decision": "ask", "tools": "a" }),
        "`tools`: invalid type: string",
    );
    check(
        json!({ "decision": "ask", "tools": [] }),
        "`tools`: names no tool",
    );
    check(
        json!({ "decision": "ask", "max_effect": "reads" }),
        "`max_effect`: unknown variant",
    );
    check(
        json!({ "decision": "ask", "min_effect": "write", "max_effect": "read_only" }),
        "`min_effect`: is graver than `max_effect`",
    );
    let argument = |argument: Value, expected: &str| {
        check(
            json!({ "decision": "ask", "arguments": [argument] }),
            expected,
        );
    };
    let one = "`arguments[0]`: needs exactly one of `equals`, `prefix` and `matches`";
    argument(json!({ "at": "/a" }), one);
    argument(json!({ "at": "/a", "equals": 1, "prefix": "b" }), one);
    argument(
        json!({ "at": "/a", "equal": 1 }),
        "`arguments[0].equal`: unknown field",
    );
    argument(
        json!({ "at": "a", "equals": 1 }),
        "`arguments[0].at`: is not a JSON pointer",
    );
    check_refused::<RulePolicy>(&json!({ "default": "no" }), "unknown variant `no`");
    check_refused::<RulePolicy>(&json!({ "rule": [] }), "unknown field `rule`");

    let error = RulePolicy::new(Decision::Ask, [Rule::ask().tools(Vec::<String>::new())]);
    let RuleError { rule, field, .. } = error.unwrap_err();
    assert_eq!((rule, &*field), (1, "tools"));
}

/// What is decided about calls like the one that was approved.
async fn after(policy: &impl ApprovalPolicy, scope: ApprovalScope) -> [bool; 6] {
    let approved = request("write", Effect::Write, r#"{"a":1,"b":{"c":2,"d":3}}"#);
    assert!(decided(policy, &approved).await.starts_with("ask"));
    policy.approved(&approved, scope);
    let same = request("write", Effect::Write, r#" { "b":{"d":3,"c":2}, "a":1 }"#);
    let mut elsewhere = same.clone();
    elsewhere.session = SessionId::new("t");
    let mut changed = same.clone();
    let other = ToolSpec::new("write", "another one", json!({ "type": "object" }));
    changed.spec = other.with_effect(Effect::Write).into();
    let others = [
        same,
        request("write", Effect::Write, r#"{"a":1}"#),
        elsewhere,
        changed,
        request("other", Effect::Write, r#"{"a":1,"b":{"c":2,"d":3}}"#),
        request("drop", Effect::Destructive, "{}"),
    ];
    let mut runs = [false; 6];
    for (request, runs) in others.iter().zip(&mut runs) {
        *runs = decided(policy, request).await == "run";
    }
    runs
}

#[tokio::test]
async fn an_approval_counts_for_what_it_was_given_for() {
    let rules = || {
        let deny = Rule::deny().from_effect(Effect::Destructive);
        RulePolicy::new(Decision::Ask, [deny]).unwrap()
    };
    let effects = || EffectPolicy::ask_above(Effect::ReadOnly);
    for (scope, expected) in [
        (ApprovalScope::Call, [false; 6]),
        (
            ApprovalScope::Arguments,
            [true, false, false, false, false, false],
        ),
        (
            ApprovalScope::Tool,
            [true, true, false, false, false, false],
        ),
    ] {
        assert_eq!(after(&rules(), scope).await, expected);
        assert_eq!(after(&effects(), scope).await, expected);
    }
}

#[tokio::test]
async fn what_a_rule_denies_stays_denied() {
    let policy = RulePolicy::new(
        Decision::Ask,
        [Rule::deny().argument("/path", ArgumentTest::Prefix("/etc/".into()))],
    )
    .unwrap();
    let denied = request("write", Effect::Write, r#"{"path":"/etc/passwd"}"#);
    for scope in [ApprovalScope::Arguments, ApprovalScope::Tool] {
        policy.approved(&denied, scope);
        assert!(decided(&policy, &denied).await.starts_with("deny"));
    }
    let strict = EffectPolicy::deny_above(Effect::ReadOnly);
    strict.approved(&denied, ApprovalScope::Tool);
    assert!(decided(&strict, &denied).await.starts_with("deny"));
}

#[tokio::test]
async fn standing_approvals_survive_a_restart_and_are_forgotten_with_their_session() {
    let standing = StandingApprovals::default();
    let policy = EffectPolicy::ask_above(Effect::ReadOnly).with_standing(standing.clone());
    let write = request("write", Effect::Write, r#"{"b":2,"a":1}"#);
    let mut elsewhere = request("drop", Effect::Destructive, "{}");
    elsewhere.session = SessionId::new("t");
    for _ in 0..2 {
        policy.approved(&write, ApprovalScope::Arguments);
        policy.approved(&elsewhere, ApprovalScope::Tool);
    }
    check_golden(env!("CARGO_MANIFEST_DIR"), "standing_approvals", &standing);
    check_unknown_fields(
        "standing_approvals",
        &standing,
        &["sessions", "input_schema"],
    );

    let stored = serde_json::to_string(&standing).unwrap();
    let restored: StandingApprovals = serde_json::from_str(&stored).unwrap();
    let later = EffectPolicy::ask_above(Effect::ReadOnly).with_standing(restored.clone());
    assert_eq!(decided(&later, &write).await, "run");
    assert_eq!(decided(&later, &elsewhere).await, "run");

    later.forget(&write.session);
    assert!(decided(&later, &write).await.starts_with("ask"));
    assert_eq!(decided(&later, &elsewhere).await, "run");
    assert_eq!(
        (
            restored.of(&write.session).len(),
            standing.of(&write.session).len()
        ),
        (0, 1)
    );
}

#[tokio::test]
async fn an_approval_for_every_session_outlives_them() {
    let standing = StandingApprovals::default();
    let policy = EffectPolicy::ask_above(Effect::ReadOnly).with_standing(standing.clone());
    let write = request("write", Effect::Write, r#"{"command":"git a"}"#);
    let mut elsewhere = request("write", Effect::Write, r#"{"command":"git b"}"#);
    elsewhere.session = SessionId::new("t");
    for (scope, counts) in [
        (ApprovalScope::Call.everywhere(), false),
        (ApprovalScope::ArgumentsEverywhere, false),
        (ApprovalScope::Prefix.everywhere(), true),
        (ApprovalScope::ToolEverywhere, true),
    ] {
        let standing = StandingApprovals::default();
        let policy = EffectPolicy::ask_above(Effect::ReadOnly).with_standing(standing.clone());
        policy.approved(&write, scope);
        policy.forget(&write.session);
        assert_eq!(decided(&policy, &elsewhere).await == "run", counts);
        assert_eq!(decided(&policy, &write).await == "run", !scope.is_call());
        assert_eq!(standing.everywhere().is_empty(), scope.is_call());
    }
    policy.approved(&write, ApprovalScope::PrefixEverywhere);
    check_golden(
        env!("CARGO_MANIFEST_DIR"),
        "everywhere_approvals",
        &standing,
    );
}

#[test]
fn an_approval_of_what_a_tool_was_makes_way_for_one_of_what_it_is() {
    let standing = StandingApprovals::default();
    let mut write = request("write", Effect::Write, "{}");
    standing.remember(&write, ApprovalScope::Tool);
    standing.remember(&request("other", Effect::Write, "{}"), ApprovalScope::Tool);
    let changed = spec("write").with_effect(Effect::Destructive);
    write.spec = changed.into();
    assert!(!standing.covers(&write));
    standing.remember(&write, ApprovalScope::Arguments);
    assert!(standing.covers(&write));
    let known = standing.of(&write.session);
    let known: Vec<_> = known
        .iter()
        .map(|known| (&*known.tool.name, known.tool.effect))
        .collect();
    assert_eq!(
        known,
        [("other", Effect::Write), ("write", Effect::Destructive)]
    );
}
