//! Strategies that are registered, chosen and not to be trusted.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::future::join_all;
use victor_context_protocol::{
    CompactionBudget, CompactionError, CompactionStrategy, ContextError, ContextManager,
    WindowRequest,
};
use victor_core::{Context, Message, Part, Role, SessionId, ToolCall, ToolOutcome, ToolResult};

use super::super::puppet::{Act, ends, perform};
use super::super::{SIDE_BY_SIDE, drop_at_polls, guarded, life, succeed};
use super::compactions::ample;
use super::{context, conversation};
use crate::Puppet;

const NAME: &str = "suite_strategy";

pub(super) async fn check<M: ContextManager>(make: &impl Fn() -> M) {
    check_names(&make()).await;
    for fault in [
        Act::Fails,
        Act::Panics,
        Act::Hangs,
        Act::Rubbish("grows"),
        Act::Rubbish("empties"),
        Act::Rubbish("separates"),
    ] {
        check_fault(&make(), fault).await;
    }
    check_drops(&make()).await;
}

/// A request that is compacted in any case, by the suite's strategy.
fn forced() -> WindowRequest {
    let mut request = ample();
    request.force = true;
    request.strategy = Some(NAME.to_owned());
    request
}

async fn check_names<M: ContextManager>(manager: &M) {
    let session = SessionId::new("s");
    guarded(|| manager.append(&session, &conversation("s", 10)));
    let before = context(manager, &session);
    let refused = ends(manager.prepare(&session, &forced())).await;
    law!(
        matches!(&refused, Err(ContextError::UnknownStrategy(unknown)) if unknown.name == NAME),
        "a strategy that there is not is refused by its name",
        "{refused:?}"
    );
    law!(
        context(manager, &session) == before,
        "a request that is refused leaves the context as it is"
    );
    let strategy = Arc::new(Strategy(Puppet::new(Act::Works)));
    for name in [NAME, "suite_another"] {
        guarded(|| manager.register_strategy(name, strategy.clone()));
    }
    let names = guarded(|| manager.strategies());
    law!(
        names.is_sorted()
            && [NAME, "suite_another"]
                .iter()
                .all(|name| names.contains(&(*name).to_owned())),
        "the strategies that are registered are known, in order of their names",
        "{names:?}"
    );
    for name in &names {
        law!(
            matches!(&refused, Err(ContextError::UnknownStrategy(unknown)) if unknown.known.contains(name))
                || name.starts_with("suite_"),
            "who asks for a strategy that there is not is told which there are",
            "{name}: {refused:?}"
        );
    }
    for (calls, name) in [NAME, "suite_another"].into_iter().enumerate() {
        guarded(|| manager.set_context(&session, before.clone()));
        let mut request = forced();
        request.strategy = Some(name.to_owned());
        let prepared = succeed(ends(manager.prepare(&session, &request)).await);
        let report = prepared.compaction.as_ref();
        law!(
            strategy.0.calls() == calls + 1 && report.is_some_and(|report| report.strategy == name),
            "the strategy that a request names is used",
            "{report:?}"
        );
    }
    life::is_well(manager);
}

/// Checks that faults of a strategy are repaired or done without, and reported.
async fn check_fault<M: ContextManager>(manager: &M, fault: Act) {
    let session = SessionId::new("s");
    let strategy = Arc::new(Strategy(Puppet::new(fault)));
    guarded(|| manager.register_strategy(NAME, strategy.clone()));
    let mut messages = conversation("s", 20);
    messages[4] = Arc::new(Message::user("Never forget this.").pinned());
    let call = ToolCall::new("1", "read", "{}");
    let result = ToolResult::new(&call, ToolOutcome::Success, "Here it is.");
    let step = [
        Message::new(Role::Assistant, vec![Part::ToolCall(call)]),
        Message::tool_results_of([result]),
    ];
    messages.splice(39..39, step.map(Arc::new));
    guarded(|| manager.append(&session, &messages));
    let prepared = succeed(ends(manager.prepare(&session, &forced())).await);
    let after = prepared.context.messages();
    law!(
        after.validate().is_ok() && after.len() < messages.len(),
        "a strategy that does not work is mended or replaced",
        "{fault:?}: {:?}",
        prepared.compaction
    );
    for stays in [&messages[0], &messages[4], &messages[38]] {
        law!(
            after.iter().any(|message| message.id() == stays.id()),
            "what the system says, what is pinned, and the user's first and last request stay",
            "{fault:?}: {after:?}"
        );
    }
    life::shows_problem(manager, NAME, &format!("{fault:?}"));
    life::counts_faults(manager, NAME, &format!("{fault:?}"));
    law!(
        strategy.0.running() == 0,
        "a strategy that takes too long is dropped"
    );
    strategy.0.becomes(Act::Works);
    guarded(|| manager.set_context(&session, messages.iter().cloned().collect()));
    succeed(ends(manager.prepare(&session, &forced())).await);
    life::is_well(manager);
}

async fn check_drops<M: ContextManager>(manager: &M) {
    let strategy = Arc::new(Strategy(Puppet::new(Act::Works)));
    guarded(|| manager.register_strategy(NAME, strategy.clone()));
    let session = SessionId::new("s");
    let before: Context = conversation("s", 20).into_iter().collect();
    guarded(|| manager.set_context(&session, before.clone()));
    drop_at_polls(
        async || ends(manager.prepare(&session, &forced())).await,
        async |polls| {
            law!(
                context(manager, &session) == before,
                "a dropped call leaves the context as it was",
                "after {polls} polls"
            );
            law!(
                strategy.0.running() == 0,
                "dropping a call drops the call of the strategy",
                "after {polls} polls"
            );
        },
    )
    .await;
    let sessions: Vec<_> = (0..SIDE_BY_SIDE)
        .map(|n| SessionId::new(format!("beside {n}")))
        .collect();
    let compactions = sessions.iter().map(async |session| {
        guarded(|| manager.append(session, &conversation(session.as_str(), 20)));
        let prepared = succeed(ends(manager.prepare(session, &forced())).await);
        let requests = prepared
            .context
            .messages()
            .iter()
            .filter(|message| message.text().contains("question"));
        law!(
            requests
                .clone()
                .all(|message| !message.text().contains("beside")
                    || message.text().starts_with(session.as_str())),
            "sessions are independent",
            "{session}: {:?}",
            prepared.context
        );
    });
    join_all(compactions).await;
}

/// Keeps the first message, the last ones and what is pinned, and more as far as the budget goes.
#[derive(Debug)]
struct Strategy(Puppet<Act>);

#[async_trait]
impl CompactionStrategy for Strategy {
    fn name(&self) -> &str {
        NAME
    }

    async fn compact(
        &self,
        context: &Context,
        budget: &CompactionBudget,
    ) -> Result<Context, CompactionError> {
        let act = perform(&self.0).await;
        let mut messages: Vec<Arc<Message>> = context.messages().iter().cloned().collect();
        match act {
            Act::Fails => return Err(CompactionError::new("it is broken")),
            Act::Rubbish("grows") => messages.push(Arc::new(Message::user("more ".repeat(10_000)))),
            Act::Rubbish("empties") => messages.clear(),
            Act::Rubbish(_) => messages.retain(|message| message.tool_calls().next().is_none()),
            _ => messages = newest(&messages, budget),
        }
        Ok(context.with_messages(messages.into_iter().collect()))
    }
}

/// Returns the messages that stay in any case, and as many of the newest as there is room for.
fn newest(messages: &[Arc<Message>], budget: &CompactionBudget) -> Vec<Arc<Message>> {
    let end = messages.len().saturating_sub(4);
    let stays = |at: usize| at == 0 || at >= end || messages[at].is_pinned();
    let tokens = |at: usize| u64::from(budget.counter.count_message(&messages[at]));
    let fixed: u64 = (0..messages.len())
        .filter(|at| stays(*at))
        .map(tokens)
        .sum();
    let mut left = budget.target_tokens.saturating_sub(fixed);
    let mut kept: Vec<usize> = (0..messages.len()).rev().collect();
    kept.retain(|at| {
        let fits = stays(*at) || tokens(*at) <= left;
        if !stays(*at) {
            left = if fits { left - tokens(*at) } else { 0 };
        }
        fits
    });
    kept.into_iter()
        .rev()
        .map(|at| messages[at].clone())
        .collect()
}
