//! The laws of tool selectors.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use victor_core::{SessionId, ToolSpec};
use victor_tool_selection_protocol::{
    Selection, SelectionError, SelectionReason, SelectionRequest, ToolDecision,
    ToolSelectionStrategy, ToolSelector,
};

use super::tool_selection_strategy::tools;
use super::{calm, drop_at_polls, succeed};

/// Checks a selector that is healthy and has pinned none of the tools of the suite.
///
/// It is left with a strategy of the suite's.
///
/// # Panics
///
/// A law is broken.
pub async fn tool_selector<S: ToolSelector + ?Sized>(selector: &S) {
    let tools = tools();
    check_selections(selector, &tools).await;
    check_exceptions(selector, &tools).await;
    check_search(selector, &tools).await;
    check_sessions(selector, &tools).await;
    check_strategies(selector, &tools).await;
}

fn request(session: &str) -> SelectionRequest {
    SelectionRequest::new(SessionId::new(session), "mail me the weather of the city")
}

/// Selects, and checks what holds of every selection.
async fn select<S>(selector: &S, request: &SelectionRequest, tools: &Arc<[ToolSpec]>) -> Selection
where
    S: ToolSelector + ?Sized,
{
    let selection = calm(selector.select_tools(request, tools)).await;
    let decisions = selection.decisions.iter();
    law!(
        decisions
            .clone()
            .map(|one| &one.tool)
            .eq(tools.iter().map(|tool| &tool.name)),
        "there is a decision about each tool, in their order",
        "{:?}",
        selection.decisions
    );
    let shown = tools.iter().zip(decisions).filter(|(_, one)| one.shown);
    law!(
        shown.map(|(tool, _)| tool).eq(selection.tools.iter()),
        "the tools that are shown are those of which it was decided, in their order",
        "{selection:?}"
    );
    selection
}

async fn check_selections<S: ToolSelector + ?Sized>(selector: &S, tools: &Arc<[ToolSpec]>) {
    for limit in 0..=tools.len() + 1 {
        let request = request("limits").with_limit(limit);
        let selection = select(selector, &request, tools).await;
        law!(
            selection.tools.len() <= limit,
            "the limit is kept",
            "{} of {limit}",
            selection.tools.len()
        );
        law!(
            limit < tools.len() || Arc::ptr_eq(&selection.tools, tools),
            "where there is room for all, the list itself is returned"
        );
        let again = select(selector, &request, tools).await;
        law!(
            again.tools == selection.tools,
            "the same request is shown the same",
            "{again:?} after {selection:?}"
        );
    }
    select(selector, &request("nothing"), &Arc::default()).await;
}

async fn check_exceptions<S: ToolSelector + ?Sized>(selector: &S, tools: &Arc<[ToolSpec]>) {
    let names: Vec<&str> = tools.iter().map(|tool| &*tool.name).collect();
    let used = request("used")
        .with_limit(1)
        .with_used(names[2..5].to_vec());
    let selection = select(selector, &used, tools).await;
    law!(
        names[2..5].iter().all(|name| shows(&selection, name)),
        "a tool that was used is shown, even beyond the limit",
        "{selection:?}"
    );
    let none = request("pinned").with_limit(0);
    for pinned in [true, false] {
        selector.pin(names[5], pinned);
        let selection = select(selector, &none, tools).await;
        law!(
            shows(&selection, names[5]) == pinned,
            "a tool is shown while it is pinned, even beyond the limit",
            "pinned is {pinned}: {selection:?}"
        );
    }
}

async fn check_search<S: ToolSelector + ?Sized>(selector: &S, tools: &Arc<[ToolSpec]>) {
    let session = SessionId::new("search");
    let none = request("search").with_limit(0);
    select(selector, &none, tools).await;
    let query = &*tools[1].name;
    let found: Vec<ToolDecision> =
        succeed(calm(selector.search_tools(&session, query, 2, tools)).await);
    law!(
        found.len() <= 2,
        "a search finds no more than were asked for",
        "{found:?}"
    );
    law!(
        found
            .iter()
            .all(|one| tools.iter().any(|tool| tool.name == one.tool)),
        "a search finds what is among the tools",
        "{found:?}"
    );
    let scores: Vec<_> = found.iter().map(|one| one.score).collect();
    law!(
        scores.is_sorted_by(|one, next| one >= next),
        "the best comes first",
        "{found:?}"
    );
    let selection = select(selector, &none, tools).await;
    law!(
        found.iter().all(|one| shows(&selection, &one.tool)),
        "what was searched for is shown, even beyond the limit",
        "{found:?}, and then {selection:?}"
    );
    let other = select(selector, &request("other").with_limit(0), tools).await;
    law!(
        other.tools.is_empty(),
        "sessions are independent",
        "{other:?}"
    );
}

async fn check_sessions<S: ToolSelector + ?Sized>(selector: &S, tools: &Arc<[ToolSpec]>) {
    let (one, other) = (
        request("one").with_limit(3),
        request("another").with_limit(4),
    );
    law!(
        selector.last_selection(&one.session).is_none(),
        "a session that has not selected has no last selection"
    );
    let selection = select(selector, &one, tools).await;
    select(selector, &other, tools).await;
    let last = || selector.last_selection(&one.session);
    let is_last = |last: Option<Arc<Selection>>| last.is_some_and(|last| *last == selection);
    law!(
        is_last(last()),
        "the last selection is the one that was returned",
        "{:?}",
        last()
    );
    let next = request("one").with_limit(1);
    drop_at_polls(
        async || select(selector, &next, tools).await,
        async |polls| {
            law!(
                is_last(last()),
                "a dropped call leaves nothing behind",
                "after {polls} polls"
            );
        },
    )
    .await;
    selector.reset(&one.session);
    law!(last().is_none(), "a reset forgets the session");
    law!(
        selector.last_selection(&other.session).is_some(),
        "a reset forgets no other session"
    );
}

async fn check_strategies<S: ToolSelector + ?Sized>(selector: &S, tools: &Arc<[ToolSpec]>) {
    let strategy = || Arc::new(Moody(AtomicUsize::new(0)));
    let before = selector.strategies();
    succeed(selector.register_strategy(strategy()));
    let expected = before.len() + 1;
    law!(
        selector.strategies().len() == expected
            && selector.strategies().iter().any(|one| one == MOODY),
        "a strategy that was registered is among the strategies",
        "{:?}",
        selector.strategies()
    );
    law!(
        matches!(
            selector.register_strategy(strategy()),
            Err(SelectionError::DuplicateStrategy(_))
        ),
        "no two strategies have the same name"
    );
    law!(
        matches!(
            selector.use_strategy("no such strategy"),
            Err(SelectionError::UnknownStrategy { .. })
        ),
        "a strategy that there is not cannot be used"
    );
    check_named(selector, tools).await;
    succeed(selector.use_strategy(MOODY));
    for mood in &MOODS[1..] {
        let request = request("moods").with_limit(3);
        let selection = select(selector, &request, tools).await;
        let is_well = *mood == "well";
        law!(
            &*selection.strategy == MOODY,
            "the strategy that was chosen is used",
            "{selection:?}"
        );
        law!(
            selection.tools.len() == 3 && selection.problem.is_none() == is_well,
            "where a strategy does not work, tools are shown up to the limit, and it is said",
            "it {mood}: {selection:?}"
        );
        law!(
            selector.health().is_healthy() == is_well,
            "health is degraded until the strategy works again",
            "it {mood}: {:?}",
            selector.health()
        );
        let ranked = selection.decision(&tools[6].name).map(|one| &one.reason);
        law!(
            !is_well || ranked == Some(&SelectionReason::Ranked),
            "what fits best is shown",
            "{selection:?}"
        );
    }
}

/// A request may name another strategy than the one in use.
async fn check_named<S: ToolSelector + ?Sized>(selector: &S, tools: &Arc<[ToolSpec]>) {
    let plain = request("plain").with_limit(3);
    let used = select(selector, &plain, tools).await.strategy;
    let named = request("named").with_limit(3).with_strategy(MOODY);
    let selection = select(selector, &named, tools).await;
    law!(
        &*selection.strategy == MOODY && selection.problem.is_none(),
        "the strategy that a request names is used",
        "{selection:?}"
    );
    let selection = select(selector, &plain, tools).await;
    law!(
        selection.strategy == used,
        "the strategy of one request is not that of another",
        "{selection:?}"
    );
    for limit in [3, tools.len()] {
        let unknown = request("unknown")
            .with_limit(limit)
            .with_strategy("no such strategy");
        let selection = select(selector, &unknown, tools).await;
        law!(
            selection.strategy == used && selection.problem.is_some(),
            "where a request names a strategy that there is not, it is said",
            "{selection:?}"
        );
    }
}

fn shows(selection: &Selection, tool: &str) -> bool {
    selection.tools.iter().any(|shown| shown.name == tool)
}

const MOODY: &str = "conformance_moody";

/// Results of the calls of [`Moody`], one after the other. The first is that of a request that names it.
const MOODS: [&str; 8] = [
    "well",
    "well",
    "fails",
    "panics",
    "is short",
    "is not a number",
    "is negative",
    "well",
];

/// The later tools fit better; but it does not always work.
#[derive(Debug)]
struct Moody(AtomicUsize);

#[async_trait]
impl ToolSelectionStrategy for Moody {
    fn name(&self) -> &str {
        MOODY
    }

    async fn score(
        &self,
        _request: &SelectionRequest,
        tools: &Arc<[ToolSpec]>,
    ) -> Result<Vec<f32>, SelectionError> {
        let mut scores: Vec<f32> = (0..tools.len()).map(|at| at as f32).collect();
        match MOODS[self.0.fetch_add(1, Ordering::Relaxed) % MOODS.len()] {
            "fails" => return Err(SelectionError::new("in a bad mood")),
            "panics" => panic!("in a bad mood"),
            "is short" => drop(scores.pop()),
            "is not a number" => scores[1] = f32::NAN,
            "is negative" => scores[1] = -1.0,
            _ => {}
        }
        Ok(scores)
    }
}
