//! What holds for every history.

use std::collections::HashMap;
use std::sync::Arc;

use proptest::prelude::*;
use victor_context::{
    BudgetAware, CachedEmbedder, ContextCoordinator, EstimateCounter, Group, GroupKind, Hybrid,
    RecentMessages, Semantic, TaskAware, ToolResults, Truncation, groups,
};
use victor_context_protocol::{
    CompactionStrategy, ContextError, ContextManager, TokenCounterExt, WindowRequest,
};
use victor_core::{Context, Messages, Role, SessionId};
use victor_lexical::LexicalEmbedder;
use victor_testkit::{CharCounter, conformance, drive, histories};

use crate::summaries::summarizing;
use crate::{counting_chars, window};

#[tokio::test]
async fn strategies_keep_the_laws_of_strategies() {
    conformance::compaction_strategy(&RecentMessages::default()).await;
    conformance::compaction_strategy(&RecentMessages::new(3)).await;
    conformance::compaction_strategy(&Truncation).await;
    conformance::compaction_strategy(&ToolResults::default()).await;
    conformance::compaction_strategy(&ToolResults { keep_last: 0 }).await;
    conformance::compaction_strategy(&TaskAware).await;
    conformance::compaction_strategy(&Semantic::default()).await;
    conformance::compaction_strategy(&BudgetAware::default()).await;
    conformance::compaction_strategy(&BudgetAware::new(200, Arc::new(Truncation))).await;
    conformance::compaction_strategy(&Hybrid::default()).await;
    conformance::compaction_strategy(&summarizing()).await;
}

#[tokio::test(start_paused = true)]
async fn the_coordinator_keeps_the_laws_of_context_managers() {
    conformance::context_manager(ContextCoordinator::default).await;
    conformance::context_manager(|| counting_chars().build()).await;
    let strategies: [Arc<dyn CompactionStrategy>; 3] = [
        Arc::new(Truncation),
        Arc::new(TaskAware),
        Arc::new(Hybrid::default()),
    ];
    for strategy in strategies {
        let make = || counting_chars().strategy(strategy.clone()).build();
        conformance::context_manager(make).await;
    }
}

#[tokio::test]
async fn a_cached_embedder_keeps_the_laws_of_embedders() {
    let embedder = Arc::new(LexicalEmbedder::default());
    conformance::embedder(&CachedEmbedder::new(embedder.clone(), 1)).await;
    conformance::embedder(&CachedEmbedder::new(embedder, 1000)).await;
}

#[test]
fn the_estimate_keeps_the_laws_of_counters() {
    conformance::token_counter(&EstimateCounter);
}

fn is_required(history: &Messages, index: usize) -> bool {
    let message = history.get(index).unwrap();
    let last_request = history
        .iter()
        .rposition(|message| *message.role() == Role::User);
    message.is_pinned() || *message.role() == Role::System || last_request == Some(index)
}

/// Checks what must hold between a history and what became of it.
fn check(before: &Messages, after: &Messages) -> Result<(), TestCaseError> {
    prop_assert_eq!(after.validate(), Ok(()));
    prop_assert!(CharCounter.tokens_of(after) <= CharCounter.tokens_of(before));
    let places: HashMap<_, _> = before
        .iter()
        .enumerate()
        .map(|(index, message)| (message.id(), index))
        .collect();
    let kept: Vec<usize> = after
        .iter()
        .filter_map(|message| places.get(&message.id()).copied())
        .collect();
    prop_assert!(kept.is_sorted());
    for index in (0..before.len()).filter(|index| is_required(before, *index)) {
        prop_assert!(
            after
                .iter()
                .any(|message| message == before.get(index).unwrap()),
            "{index} is gone"
        );
    }
    Ok(())
}

const STRATEGIES: [&str; 8] = [
    "budget_aware",
    "hybrid",
    "recent",
    "semantic",
    "summarization",
    "task_aware",
    "tool_results",
    "truncation",
];

/// The tokens below which a strategy holds requests, however large the window is.
fn most_of(strategy: usize) -> u64 {
    let strategy = STRATEGIES[strategy];
    let most = BudgetAware::default().max_request_tokens();
    most.filter(|_| strategy == BudgetAware::NAME)
        .unwrap_or(u64::MAX)
}

proptest! {
    #[test]
    fn a_prepared_context_fits_and_keeps_what_matters(
        seed: u64, share in 5..150_u64, reserved in 0..50_u64, force: bool, strategy in 0..STRATEGIES.len(),
    ) {
        for history in histories(seed, 4) {
            let tokens = CharCounter.tokens_of(&history);
            let contexts = counting_chars().register_strategy("summarization", Arc::new(summarizing())).build();
            let session = SessionId::default();
            contexts.set_context(&session, Context::new(history.clone()));
            let mut request = window(tokens * share / 100);
            request.reserved = request.window.unwrap() * reserved / 100;
            request.force = force;
            request.strategy = Some(STRATEGIES[strategy].into());
            let window = request.window.map(|window| window.min(most_of(strategy)));
            let room = window.unwrap().saturating_sub(request.reserved);
            match drive(contexts.prepare(&session, &request)).unwrap() {
                Err(ContextError::TooLarge(too_large)) => {
                    prop_assert!(too_large.messages <= tokens && too_large.last_message <= too_large.messages);
                    match too_large.window {
                        Some(_) => prop_assert!(too_large.window == window && too_large.messages > room),
                        None => prop_assert!(force && too_large.messages == tokens),
                    }
                    let kept = contexts.context(&session);
                    prop_assert_eq!(kept.messages(), &history);
                }
                Err(error) => prop_assert!(false, "{error}"),
                Ok(prepared) => {
                    let after = prepared.context.messages();
                    check(&history, after)?;
                    let left = CharCounter.tokens_of(after);
                    prop_assert!(left <= room);
                    prop_assert!(!force || left < tokens || tokens == 0);
                    if let Some(report) = &prepared.compaction {
                        prop_assert_eq!((report.tokens_before, report.tokens_after), (tokens, left));
                        let is_protected = |group: &Group| group.protected || group.kind == GroupKind::Note;
                        prop_assert!(left <= room / 2 + 1 || groups(after).iter().all(is_protected));
                    }
                    prop_assert_eq!(&contexts.context(&session), &prepared.context);
                    prop_assert_eq!(contexts.stats(&session).tokens, left);
                    contexts.set_context(&session, Context::new(history.clone()));
                    let repeated = drive(contexts.prepare(&session, &request)).unwrap().unwrap();
                    prop_assert_eq!(&repeated.context, &prepared.context);
                    request.force = false;
                    let again = drive(contexts.prepare(&session, &request)).unwrap().unwrap();
                    if !force {
                        prop_assert!(again.compaction.is_none());
                        prop_assert_eq!(&again.context, &prepared.context);
                    }
                }
            }
        }
    }

    /// A server that refuses what does not fit its window, and perhaps tells it.
    #[test]
    fn shrinking_ends_in_a_request_that_fits_or_says_what_does_not(
        seed: u64, share in 0..120_u64, preamble in 0..200_u64, told: bool, best_effort: bool,
        strategy in 0..STRATEGIES.len(),
    ) {
        for history in histories(seed, 4) {
            let tokens = CharCounter.tokens_of(&history);
            if tokens == 0 {
                continue;
            }
            let server = (tokens + preamble) * share / 100;
            let contexts = counting_chars().register_strategy("summarization", Arc::new(summarizing())).build();
            let session = SessionId::default();
            contexts.set_context(&session, Context::new(history.clone()));
            let mut request = WindowRequest::default();
            (request.preamble, request.best_effort) = (preamble, best_effort);
            request.strategy = Some(STRATEGIES[strategy].into());
            let mut sent = Vec::new();
            loop {
                match drive(contexts.prepare(&session, &request)).unwrap() {
                    Ok(prepared) => {
                        let messages = prepared.context.messages();
                        check(&history, messages)?;
                        sent.push(CharCounter.tokens_of(messages) + preamble);
                    }
                    Err(ContextError::TooLarge(large)) => {
                        let most = most_of(strategy);
                        prop_assert!(large.messages + large.preamble > server.min(most));
                        let known = if told { server.min(most) } else { most };
                        prop_assert!(large.window.is_none_or(|window| window == known));
                        break;
                    }
                    Err(error) => prop_assert!(false, "{error}"),
                }
                let last = sent[sent.len() - 1];
                let most = if told && !best_effort { 2 } else { 11 };
                prop_assert!(sent.len() <= most, "{:?} for {}", sent, server);
                if last <= server {
                    break;
                }
                request.force = true;
                request.window = told.then_some(server);
            }
            prop_assert!(sent.is_sorted_by(|before, after| before > after));
        }
    }

    #[test]
    fn compacting_a_context_touches_no_session(seed: u64, keep_last in 1..10_usize) {
        for history in histories(seed, 4) {
            let contexts = counting_chars().strategy(Arc::new(RecentMessages::new(keep_last))).build();
            let context = Context::new(history.clone());
            let prepared = drive(contexts.compact_context(&context)).unwrap().unwrap();
            check(&history, prepared.context.messages())?;
            prop_assert!(contexts.context(&SessionId::default()).messages().is_empty());
        }
    }

    #[test]
    fn totals_are_what_a_fresh_count_says(seed: u64, batch in 1..20_usize) {
        let contexts = counting_chars().build();
        let session = SessionId::default();
        let messages: Vec<_> = histories(seed, 6).iter().flatten().cloned().collect();
        for batch in messages.chunks(batch) {
            contexts.append(&session, batch);
            contexts.append(&session, batch);
        }
        let stats = contexts.stats(&session);
        prop_assert_eq!(stats.messages, messages.len());
        prop_assert_eq!(stats.tokens, CharCounter.tokens_of(contexts.context(&session).messages()));
        prop_assert_eq!(stats.tokens_by_role.values().sum::<u64>(), stats.tokens);
    }
}
