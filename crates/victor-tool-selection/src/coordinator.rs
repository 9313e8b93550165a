//! The coordinator itself.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use async_trait::async_trait;
use victor_core::{Coordinator, Health, Lock, Problems, SessionId, ToolSpec, with_causes};
use victor_guard::{call, report};
use victor_tool_selection_protocol::{
    Selection, SelectionError, SelectionReason, SelectionRequest, ToolDecision,
    ToolSelectionStrategy, ToolSelector,
};

use crate::decide::{Reason, decide};
use crate::lists::PerList;
use crate::registry::{Named, Registry};
use crate::sessions::{Outcome, Session, Sessions, Why, Wishes};
use crate::{All, SearchToolsTool, SelectionOptions, ToolSelectionCoordinatorBuilder};

/// Chooses which of many tools a model is shown.
///
/// If there is room for all, all are shown, at no cost: no strategy is asked, and the list that was given is returned
/// itself. Otherwise, up to the limit:
///
/// 1. Always, even beyond the limit: what is pinned, what the conversation has used, and the latest 64 tools that the
///    model has searched for.
/// 2. In half of the room that is left: those that fit best, by the strategy.
/// 3. In the other half: those that the session was shown before, by how well they fit, and then the next best. So the
///    list changes only where another tool is among the best half, the provider's prompt cache holds as long as it can,
///    and a request that says nothing of tools, such as *yes, please*, takes none away.
///
/// A tool that has nothing to do with the request is not shown only because there is room. The order is always the one
/// that was given, and a list that comes out as before is the same allocation.
///
/// A strategy that fails, panics, takes too long or returns scores that break its contract is done without: tools are
/// shown up to the limit, first those that were shown before, then the others in their order. The selection says so,
/// and [`health`](Coordinator::health) until the strategy works again.
#[derive(Debug)]
pub struct ToolSelectionCoordinator {
    options: SelectionOptions,
    strategies: Registry,
    pinned: Lock<Arc<BTreeSet<String>>>,
    sessions: Sessions,
    /// The decisions about lists that were shown whole last, which all sessions share.
    whole: PerList<Arc<[ToolDecision]>>,
    problems: Problems,
}

impl Default for ToolSelectionCoordinator {
    fn default() -> Self {
        let built = Self::builder().build();
        built.expect("the strategies that come with the crate have names of their own")
    }
}

impl ToolSelectionCoordinator {
    /// A coordinator to be set up. It knows the strategies `keyword`, `semantic`, `hybrid` and `all`.
    #[must_use]
    pub fn builder() -> ToolSelectionCoordinatorBuilder {
        ToolSelectionCoordinatorBuilder::default()
    }

    pub(crate) fn new(
        options: SelectionOptions,
        strategies: Registry,
        pinned: BTreeSet<String>,
    ) -> Self {
        Self {
            sessions: Sessions::new(options.max_sessions),
            options,
            strategies,
            pinned: Lock::new(Arc::new(pinned)),
            whole: PerList::default(),
            problems: Problems::default(),
        }
    }

    /// The strategy that a request is for, and why that is not the one that it names.
    fn strategy_for(&self, request: &SelectionRequest) -> (Named, Option<String>) {
        let used = self.strategies.used();
        match request.strategy.as_deref() {
            Some(name) if *name != *used.name => match self.strategies.find(name) {
                Ok(named) => (named, None),
                Err(unknown) => {
                    let problem = format!("{unknown}; `{}` chooses in its place", used.name);
                    (used, Some(problem))
                }
            },
            _ => (used, None),
        }
    }

    /// The selection that shows everything.
    fn everything(
        &self,
        session: &SessionId,
        strategy: &Named,
        tools: &Arc<[ToolSpec]>,
        wishes: Wishes,
        problem: Option<String>,
    ) -> Selection {
        let last = self.sessions.last(session).filter(|last| {
            Arc::ptr_eq(&last.given, tools)
                && Arc::ptr_eq(&last.strategy, &strategy.name)
                && matches!(last.why, Why::Everything(_))
                && (&last.wishes, &last.problem) == (&wishes, &problem)
        });
        if let Some(last) = last {
            return last.selection();
        }
        let known = self.whole.of(tools);
        let shown = |tool: &ToolSpec| ToolDecision::shown(&*tool.name, SelectionReason::Everything);
        let decisions = known.get().cloned().unwrap_or_else(|| {
            let decisions: Arc<[ToolDecision]> = tools.iter().map(shown).collect();
            let _another_was_faster = known.set(decisions.clone());
            decisions
        });
        self.note(
            session,
            Outcome {
                strategy: strategy.name.clone(),
                given: tools.clone(),
                shown: tools.clone(),
                why: Why::Everything(decisions),
                problem,
                wishes,
            },
        )
    }

    /// Keeps what came of a selection.
    fn note(&self, session: &SessionId, outcome: Outcome) -> Selection {
        let selection = outcome.selection();
        self.sessions.select(session, Arc::new(outcome));
        selection
    }

    /// Why each tool is shown in any case, if it is.
    fn due(
        &self,
        request: &SelectionRequest,
        session: &Session,
        tools: &[ToolSpec],
    ) -> Vec<Option<Reason>> {
        let pinned = self.pinned.lock().clone();
        let requested: HashSet<&str> = session.requested.iter().map(|name| &**name).collect();
        let due = |tool: &ToolSpec| {
            let name = &*tool.name;
            if pinned.contains(name) {
                Some(Reason::Pinned)
            } else if request.used.contains(name) {
                Some(Reason::Used)
            } else {
                requested.contains(name).then_some(Reason::Requested)
            }
        };
        tools.iter().map(due).collect()
    }

    /// Asks a strategy, and checks what it says.
    async fn score(
        &self,
        strategy: &Named,
        request: &SelectionRequest,
        tools: &Arc<[ToolSpec]>,
    ) -> Result<Vec<f32>, SelectionError> {
        let scores = call(self.options.strategy_timeout, || {
            strategy.strategy.score(request, tools)
        })
        .await
        .map_err(|fault| SelectionError::new(fault.to_string()))
        .flatten()
        .and_then(|scores| check(scores, tools.len()));
        let component = component(&strategy.name);
        // Of a strategy that nobody uses any more, nobody would notice that it works again.
        let is_asked_again =
            request.strategy.is_some() || Arc::ptr_eq(&self.strategies.used().name, &strategy.name);
        if scores.is_ok() || is_asked_again {
            report(&self.problems, &component, scores.as_ref().err());
        }
        scores
    }
}

/// Name of a strategy in health.
fn component(strategy: &str) -> String {
    format!("strategy `{strategy}`")
}

/// Checks that scores keep the contract.
fn check(scores: Vec<f32>, tools: usize) -> Result<Vec<f32>, SelectionError> {
    let message = if scores.len() != tools {
        format!("it has {} scores for {tools} tools", scores.len())
    } else if let Some(odd) = scores
        .iter()
        .find(|score| !score.is_finite() || **score < 0.0)
    {
        format!("it has a score of {odd}, and scores are finite and not negative")
    } else {
        return Ok(scores);
    };
    Err(SelectionError::new(message))
}

#[async_trait]
impl Coordinator for ToolSelectionCoordinator {
    fn name(&self) -> &str {
        "tool-selection"
    }

    fn health(&self) -> Health {
        self.problems.health(self.name())
    }

    fn reset(&self, session: &SessionId) {
        self.sessions.forget(session);
    }

    fn evict(&self, session: &SessionId) {
        self.reset(session);
    }
}

#[async_trait]
impl ToolSelector for ToolSelectionCoordinator {
    async fn select_tools(&self, request: &SelectionRequest, tools: &Arc<[ToolSpec]>) -> Selection {
        let (strategy, unknown) = self.strategy_for(request);
        let wishes = Wishes {
            strategy: request.strategy.clone(),
            alpha: request.hybrid_alpha,
        };
        let limit = self.options.limit.filter(|_| *strategy.name != *All::NAME);
        let limit = request.limit.or(limit).unwrap_or(usize::MAX);
        if tools.len() <= limit {
            return self.everything(&request.session, &strategy, tools, wishes, unknown);
        }

        let session = self.sessions.get(&request.session);
        let due = self.due(request, &session, tools);
        let room = limit.saturating_sub(due.iter().flatten().count());
        let scores = if room > 0 {
            self.score(&strategy, request, tools).await.map(Some)
        } else {
            Ok(None)
        };
        let problem = scores
            .as_ref()
            .err()
            .map(|error| {
                format!(
                    "the strategy `{}` does not work, so it chose no tools: {}",
                    strategy.name,
                    with_causes(error)
                )
            })
            .or(unknown);
        let before = session
            .last
            .as_ref()
            .map(|last| last.shown.clone())
            .unwrap_or_default();
        let names = before.iter().map(|tool| &*tool.name).collect();
        let scores = scores.ok().flatten();
        let verdicts = decide(tools, &due, scores.as_deref(), &names, room);

        let shown = tools
            .iter()
            .zip(&verdicts)
            .filter(|(_, verdict)| verdict.shows())
            .map(|(tool, _)| tool);
        // Whoever keeps something by the list's address finds it again.
        let shown = if shown.clone().eq(before.iter()) {
            before
        } else {
            shown.cloned().collect()
        };
        self.note(
            &request.session,
            Outcome {
                strategy: strategy.name,
                given: tools.clone(),
                shown,
                why: Why::Each(verdicts.into()),
                problem,
                wishes,
            },
        )
    }

    /// Finds everything but [`SearchToolsTool`], whose description is about every search.
    async fn search_tools(
        &self,
        session: &SessionId,
        query: &str,
        count: usize,
        tools: &Arc<[ToolSpec]>,
    ) -> Result<Vec<ToolDecision>, SelectionError> {
        let mut request = SelectionRequest::new(session.clone(), query);
        if let Some(last) = self.sessions.last(session) {
            request.strategy.clone_from(&last.wishes.strategy);
            request.hybrid_alpha = last.wishes.alpha;
        }
        let (strategy, _) = self.strategy_for(&request);
        let scores = self.score(&strategy, &request, tools).await?;
        let mut found: Vec<(&ToolSpec, f32)> = tools.iter().zip(scores).collect();
        found.retain(|(tool, score)| *score > 0.0 && tool.name != SearchToolsTool::NAME);
        found.sort_by(|one, other| other.1.total_cmp(&one.1));
        found.truncate(count);
        self.sessions
            .request(session, found.iter().map(|(tool, _)| &*tool.name));
        let decision = |(tool, score): (&ToolSpec, f32)| {
            ToolDecision::shown(&*tool.name, SelectionReason::Requested).with_score(score)
        };
        Ok(found.into_iter().map(decision).collect())
    }

    fn last_selection(&self, session: &SessionId) -> Option<Arc<Selection>> {
        // Only people ask for it, so it is worked out when they do, and not kept for every session.
        let last = self.sessions.last(session)?;
        Some(Arc::new(last.selection()))
    }

    fn pin(&self, tool: &str, pinned: bool) {
        let mut names = self.pinned.lock();
        if pinned {
            Arc::make_mut(&mut names).insert(tool.to_owned());
        } else {
            Arc::make_mut(&mut names).remove(tool);
        }
    }

    fn register_strategy(
        &self,
        strategy: Arc<dyn ToolSelectionStrategy>,
    ) -> Result<(), SelectionError> {
        self.strategies.add(strategy)
    }

    fn use_strategy(&self, name: &str) -> Result<(), SelectionError> {
        let before = self.strategies.used().name;
        self.strategies.choose(name)?;
        self.problems.clear(&component(&before));
        Ok(())
    }

    fn strategies(&self) -> Vec<String> {
        self.strategies.names()
    }
}
