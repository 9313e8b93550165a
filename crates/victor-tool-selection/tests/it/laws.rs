//! What always holds.

use std::collections::BTreeSet;
use std::sync::Arc;

use proptest::prelude::*;
use victor_testkit::{conformance, drive};
use victor_tool_selection::{All, Fusion, Hybrid, Keyword, Semantic, ToolSelectionCoordinator};
use victor_tool_selection_protocol::ToolSelector;

use super::{names, numbered, request, told};

#[tokio::test]
async fn every_strategy_keeps_the_laws() {
    conformance::tool_selection_strategy(&Keyword::default()).await;
    conformance::tool_selection_strategy(&Semantic::default()).await;
    conformance::tool_selection_strategy(&All).await;
    for (alpha, fusion) in [
        (0.7, Fusion::Scores),
        (0.7, Fusion::Ranks),
        (0.0, Fusion::Scores),
        (1.0, Fusion::Scores),
        (f32::NAN, Fusion::Scores),
    ] {
        let hybrid = Hybrid::new(Arc::default(), Arc::default())
            .with_alpha(alpha)
            .with_fusion(fusion);
        conformance::tool_selection_strategy(&hybrid).await;
    }
}

#[tokio::test]
async fn the_coordinator_keeps_the_laws() {
    for strategy in ["keyword", "semantic", "hybrid", "all"] {
        let coordinator = ToolSelectionCoordinator::builder().strategy(strategy);
        conformance::tool_selector(&coordinator.build().unwrap()).await;
    }
}

proptest! {
    #[test]
    fn every_selection_of_a_conversation_is_right(
        count in 0..30_usize,
        limit in 0..12_usize,
        pinned in prop::collection::btree_set(0..30_usize, 0..4),
        turns in prop::collection::vec(
            (prop::collection::vec((0..30_usize, 0..4_u8), 0..12), prop::collection::btree_set(0..30_usize, 0..4)),
            1..6,
        ),
    ) {
        let coordinator = told(limit);
        let tools = numbered(count);
        for number in &pinned {
            coordinator.pin(&format!("t{number}"), true);
        }
        for (scores, used) in turns {
            let text: String = scores.iter().map(|(at, score)| format!("t{at}:{score} ")).collect();
            let request = request(&text).with_used(used.iter().map(|at| format!("t{at}")));
            let select = || drive(coordinator.select_tools(&request, &tools)).expect("nothing waits");
            let selection = select();

            let due: BTreeSet<usize> = pinned.union(&used).copied().filter(|at| *at < count).collect();
            let shown: Vec<usize> = names(&selection).iter().map(|name| name[1..].parse().unwrap()).collect();
            prop_assert!(shown.is_sorted_by(|one, next| one < next), "{:?}", shown);
            prop_assert!(shown.iter().all(|at| *at < count));
            prop_assert!(due.iter().all(|at| shown.contains(at)), "{:?} {:?}", due, shown);
            prop_assert!(shown.len() <= limit.max(due.len()), "{:?}", shown);

            let score = |at: &usize| scores.iter().find(|(of, _)| of == at).map_or(0, |(_, score)| *score);
            let free = |at: &usize| !due.contains(at);
            let best = (0..count).filter(free).filter(|at| score(at) > 0).max_by_key(|at| (score(at), count - at));
            if let Some(best) = best && due.len() < limit {
                prop_assert!(shown.contains(&best), "{} is not in {:?}", best, shown);
            }
            prop_assert!(Arc::ptr_eq(&select().tools, &selection.tools), "the same request is shown the same");
        }
    }
}
