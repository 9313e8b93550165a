//! The laws of approval policies.

use futures_util::future::join_all;
use serde_json::{Value, json};
use victor_core::SessionId;
use victor_tool_protocol::{ApprovalPolicy, ApprovalRequest, ApprovalScope, Verdict};

use super::{SIDE_BY_SIDE, calm, drop_at_polls, guarded};

/// Checks a policy with calls whose arguments fit. `make` makes a new one, which remembers nothing.
///
/// The suite finds the more, the more kinds of verdicts the policy has for the calls.
///
/// # Panics
///
/// A law is broken, or there are no calls.
pub async fn approval_policy<P: ApprovalPolicy>(
    make: impl Fn() -> P,
    requests: &[ApprovalRequest],
) {
    law!(!requests.is_empty(), "there are calls to decide about");
    for request in requests {
        reviews(&make(), request).await;
        for scope in [
            ApprovalScope::Call,
            ApprovalScope::Arguments,
            ApprovalScope::Prefix,
            ApprovalScope::Tool,
        ] {
            approvals(&make(), request, scope).await;
        }
    }
}

async fn reviews(policy: &impl ApprovalPolicy, request: &ApprovalRequest) {
    let verdict = decided(policy, request).await;
    let told = match &verdict {
        Verdict::Deny { reason } | Verdict::Reject { reason } => reason,
        Verdict::Ask { question, .. } => question,
        _ => "nothing to tell",
    };
    law!(
        !told.trim().is_empty(),
        "who is asked or denied is told something",
        "{verdict:?}"
    );
    let check = |again: &Verdict| {
        law!(
            *again == verdict,
            "a review changes nothing",
            "{verdict:?} became {again:?}"
        );
    };
    check(&decided(policy, request).await);
    let beside = (0..SIDE_BY_SIDE).map(|_| decided(policy, request));
    join_all(beside).await.iter().for_each(check);
    drop_at_polls(
        async || decided(policy, request).await,
        async |_| check(&decided(policy, request).await),
    )
    .await;
}

/// Approves a call, and checks for which others that counts.
async fn approvals(policy: &impl ApprovalPolicy, request: &ApprovalRequest, scope: ApprovalScope) {
    let mut same = request.clone();
    same.call.id = "another call".into();
    let mut elsewhere = same.clone();
    elsewhere.session = SessionId::new(format!("not {}", request.session));
    let mut changed = same.clone();
    let mut spec = (*request.spec).clone();
    spec.description += " (as another one)";
    changed.spec = spec.into();
    let mut renamed = same.clone();
    let mut spec = (*request.spec).clone();
    spec.name += "_2";
    renamed.call.name.clone_from(&spec.name);
    renamed.spec = spec.into();
    let mut different = same.clone();
    let mut arguments = different.call.parse_arguments().unwrap_or_default();
    arguments.insert("one more".into(), json!(1));
    different.call.arguments = Value::Object(arguments).to_string();

    let others = [
        ("an approval counts in its session only", &elsewhere),
        ("an approval counts for the tool as it was only", &changed),
        ("an approval counts for its tool only", &renamed),
    ];
    let (before, before_different) = (
        decided(policy, &same).await,
        decided(policy, &different).await,
    );
    let mut before_others = Vec::new();
    for (_, other) in others {
        before_others.push(decided(policy, other).await);
    }

    guarded(|| policy.approved(request, scope));
    for ((law, other), before) in others.iter().zip(&before_others) {
        unchanged(policy, other, before, law).await;
    }
    if scope != ApprovalScope::Tool {
        let law = "an approval of arguments counts for no others";
        unchanged(policy, &different, &before_different, law).await;
    }
    let after = decided(policy, &same).await;
    let lifted = matches!((&before, &after), (Verdict::Ask { .. }, Verdict::Run));
    law!(
        lifted || after == before,
        "an approval takes the place of a question and of nothing else",
        "{before:?} became {after:?}"
    );
    law!(
        !lifted || !scope.is_call(),
        "an approval of a call counts for no other",
        "{after:?}"
    );
    guarded(|| policy.forget(&elsewhere.session));
    let law = "what is forgotten leaves other sessions";
    unchanged(policy, &same, &after, law).await;
    guarded(|| policy.forget(&request.session));
    let law = "what is forgotten counts no more";
    unchanged(policy, &same, &before, law).await;
}

async fn decided(policy: &impl ApprovalPolicy, request: &ApprovalRequest) -> Verdict {
    calm(policy.review(request)).await
}

async fn unchanged(
    policy: &impl ApprovalPolicy,
    request: &ApprovalRequest,
    before: &Verdict,
    law: &str,
) {
    let after = decided(policy, request).await;
    assert!(
        after == *before,
        "law broken: {law}: {before:?} became {after:?}"
    );
}
