use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use async_trait::async_trait;
use victor_core::{Coordinator, Health, Problems, SessionId, ToolSpec, contain};
use victor_testkit::conformance;
use victor_tool_selection_protocol::{
    Selection, SelectionError, SelectionReason, SelectionRequest, ToolDecision,
    ToolSelectionStrategy, ToolSelector,
};

use super::{Bug, breaks};

/// Shows the first tools, unless it knows better.
#[derive(Debug)]
struct Selector {
    bug: Bug,
    problems: Problems,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    pinned: BTreeSet<String>,
    requested: BTreeMap<SessionId, Vec<String>>,
    last: BTreeMap<SessionId, Arc<Selection>>,
    strategies: Vec<Arc<dyn ToolSelectionStrategy>>,
    used: Option<Arc<dyn ToolSelectionStrategy>>,
}

impl Selector {
    fn new(bug: &'static str) -> Self {
        Self {
            bug: Bug::new(bug),
            problems: Problems::default(),
            state: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn is(&self, bug: &str) -> bool {
        self.bug.is(bug)
    }

    fn strategy_for(
        &self,
        request: &SelectionRequest,
    ) -> (Option<Arc<dyn ToolSelectionStrategy>>, Option<String>) {
        let state = self.state();
        let wanted = request
            .strategy
            .as_deref()
            .filter(|_| !self.is("has one strategy"));
        let Some(name) = wanted else {
            return (state.used.clone(), None);
        };
        match state.strategies.iter().find(|one| one.name() == name) {
            Some(found) => (Some(found.clone()), None),
            None if self.is("takes any name") => (state.used.clone(), None),
            None => (
                state.used.clone(),
                Some(format!("unknown strategy `{name}`")),
            ),
        }
    }

    async fn scores(
        &self,
        request: &SelectionRequest,
        tools: &Arc<[ToolSpec]>,
    ) -> Result<Vec<f32>, String> {
        let (strategy, _) = self.strategy_for(request);
        let Some(strategy) = strategy else {
            return Ok(vec![1.0; tools.len()]);
        };
        let scores = contain(async { strategy.score(request, tools).await })
            .await
            .map_err(|panicked| panicked.to_string())?
            .map_err(|error| error.to_string())?;
        let right = scores.len() == tools.len() && scores.iter().all(|one| *one >= 0.0);
        if right {
            Ok(scores)
        } else {
            Err("rubbish".to_owned())
        }
    }
}

#[async_trait]
impl Coordinator for Selector {
    fn name(&self) -> &str {
        "selector"
    }

    fn health(&self) -> Health {
        self.problems.health("selector")
    }

    fn reset(&self, session: &SessionId) {
        if self.is("resets all") {
            self.state().last.clear();
        } else if !self.is("never forgets") {
            self.state().last.remove(session);
        }
    }
}

#[async_trait]
impl ToolSelector for Selector {
    async fn select_tools(&self, request: &SelectionRequest, tools: &Arc<[ToolSpec]>) -> Selection {
        if self.is("writes before it waits") {
            self.state().last.remove(&request.session);
        }
        let wrong = self.bug.shows().await;
        let scores = self.scores(request, tools).await;
        let mut limit = request.limit.unwrap_or(20);
        if self.is("is generous") && limit == 5 {
            limit += 1;
        } else if wrong {
            limit = limit.saturating_sub(1);
        }
        let (strategy, unknown) = self.strategy_for(request);
        let problem = scores.clone().err();
        match &problem {
            Some(problem) if !self.is("hides its health") => {
                self.problems.report("strategy", problem);
            }
            _ => self.problems.clear("strategy"),
        }
        let scores = scores.unwrap_or_else(|_| vec![0.0; tools.len()]);
        let mut state = self.state();
        let everyones: Vec<String> = state.requested.values().flatten().cloned().collect();
        let own = state
            .requested
            .get(&request.session)
            .cloned()
            .unwrap_or_default();
        let requested = if self.is("mixes sessions") {
            everyones
        } else {
            own
        };
        let reason = |tool: &ToolSpec| {
            if state.pinned.contains(&tool.name) && !self.is("pins nothing") {
                Some(SelectionReason::Pinned)
            } else if request.used.contains(&tool.name) && !self.is("hides what is used") {
                Some(SelectionReason::Used)
            } else {
                let requested = requested.contains(&tool.name) && !self.is("hides what is found");
                requested.then_some(SelectionReason::Requested)
            }
        };
        let mut reasons: Vec<_> = tools.iter().map(reason).collect();
        let mut best: Vec<usize> = (0..tools.len())
            .filter(|at| reasons[*at].is_none())
            .collect();
        if !self.is("goes by order") {
            best.sort_by(|one, other| scores[*other].total_cmp(&scores[*one]));
        }
        let room = limit.saturating_sub(tools.len() - best.len());
        for at in &best[..room.min(best.len())] {
            reasons[*at] = Some(SelectionReason::Ranked);
        }
        let decision = |(tool, reason): (&ToolSpec, Option<SelectionReason>)| match reason {
            Some(reason) => ToolDecision::shown(&tool.name, reason),
            None => ToolDecision::hidden(&tool.name, SelectionReason::OverLimit),
        };
        let mut decisions: Vec<_> = tools.iter().zip(reasons).map(decision).collect();
        if self.is("decides too little") {
            decisions.pop();
        }
        let strategy = strategy.as_ref().map_or("none", |used| used.name());
        let mut selection = Selection::new(strategy, tools, decisions);
        if self.is("copies") {
            selection.tools = selection.tools.to_vec().into();
        }
        if self.is("reorders") {
            selection.tools = selection.tools.iter().rev().cloned().collect();
        }
        selection.problem = problem.filter(|_| !self.is("keeps quiet")).or(unknown);
        let mut kept = selection.clone();
        if self.is("keeps another") {
            kept.strategy = "another".into();
        }
        state.last.insert(request.session.clone(), Arc::new(kept));
        selection
    }

    async fn search_tools(
        &self,
        session: &SessionId,
        query: &str,
        count: usize,
        tools: &Arc<[ToolSpec]>,
    ) -> Result<Vec<ToolDecision>, SelectionError> {
        if self.is("finds nothing") {
            return Err(SelectionError::new("bug"));
        }
        let score = |tool: &ToolSpec| if tool.name == query { 2.0 } else { 1.0 };
        let found = |tool: &ToolSpec| {
            ToolDecision::shown(&tool.name, SelectionReason::Requested).with_score(score(tool))
        };
        let mut found: Vec<_> = tools.iter().map(found).collect();
        if !self.is("finds the worst") {
            found.sort_by(|one, other| other.score.unwrap().total_cmp(&one.score.unwrap()));
        }
        if self.is("invents tools") {
            found[0].tool = "invented".to_owned();
        }
        found.truncate(if self.is("finds too many") {
            count + 1
        } else {
            count
        });
        let names = found.iter().map(|one| one.tool.clone()).collect();
        self.state().requested.insert(session.clone(), names);
        Ok(found)
    }

    fn last_selection(&self, session: &SessionId) -> Option<Arc<Selection>> {
        let state = self.state();
        let any = state
            .last
            .values()
            .next()
            .filter(|_| self.is("remembers others"));
        state.last.get(session).or(any).cloned()
    }

    fn pin(&self, tool: &str, pinned: bool) {
        if pinned {
            self.state().pinned.insert(tool.to_owned());
        } else {
            self.state().pinned.remove(tool);
        }
    }

    fn register_strategy(
        &self,
        strategy: Arc<dyn ToolSelectionStrategy>,
    ) -> Result<(), SelectionError> {
        let mut state = self.state();
        if state
            .strategies
            .iter()
            .any(|one| one.name() == strategy.name())
            && !self.is("takes both")
        {
            return Err(SelectionError::DuplicateStrategy(
                strategy.name().to_owned(),
            ));
        }
        if !self.is("registers nothing") {
            state.strategies.push(strategy);
        }
        Ok(())
    }

    fn use_strategy(&self, name: &str) -> Result<(), SelectionError> {
        let mut state = self.state();
        let found = state
            .strategies
            .iter()
            .find(|one| one.name() == name)
            .cloned();
        if found.is_none() && !self.is("uses anything") {
            return Err(SelectionError::unknown_strategy(name, [""; 0]));
        }
        state.used = found.filter(|_| !self.is("uses nothing"));
        Ok(())
    }

    fn strategies(&self) -> Vec<String> {
        let state = self.state();
        state
            .strategies
            .iter()
            .map(|one| one.name().to_owned())
            .collect()
    }
}

#[tokio::test]
async fn a_right_selector_passes() {
    conformance::tool_selector(&Selector::new("none")).await;
}

#[tokio::test]
async fn each_law_can_be_broken() {
    for (bug, law) in [
        ("panics", "no call panics"),
        (
            "decides too little",
            "there is a decision about each tool, in their order",
        ),
        (
            "reorders",
            "the tools that are shown are those of which it was decided, in their order",
        ),
        ("is generous", "the limit is kept"),
        (
            "copies",
            "where there is room for all, the list itself is returned",
        ),
        ("every other call", "the same request is shown the same"),
        (
            "hides what is used",
            "a tool that was used is shown, even beyond the limit",
        ),
        (
            "pins nothing",
            "a tool is shown while it is pinned, even beyond the limit",
        ),
        ("finds nothing", "a valid call succeeds"),
        (
            "finds too many",
            "a search finds no more than were asked for",
        ),
        ("invents tools", "a search finds what is among the tools"),
        ("finds the worst", "the best comes first"),
        (
            "hides what is found",
            "what was searched for is shown, even beyond the limit",
        ),
        ("mixes sessions", "sessions are independent"),
        (
            "remembers others",
            "a session that has not selected has no last selection",
        ),
        (
            "keeps another",
            "the last selection is the one that was returned",
        ),
        (
            "writes before it waits",
            "a dropped call leaves nothing behind",
        ),
        ("never forgets", "a reset forgets the session"),
        ("resets all", "a reset forgets no other session"),
        (
            "registers nothing",
            "a strategy that was registered is among the strategies",
        ),
        ("takes both", "no two strategies have the same name"),
        (
            "uses anything",
            "a strategy that there is not cannot be used",
        ),
        (
            "has one strategy",
            "the strategy that a request names is used",
        ),
        (
            "takes any name",
            "where a request names a strategy that there is not, it is said",
        ),
        ("uses nothing", "the strategy that was chosen is used"),
        (
            "keeps quiet",
            "where a strategy does not work, tools are shown up to the limit, and it is said",
        ),
        (
            "hides its health",
            "health is degraded until the strategy works again",
        ),
        ("goes by order", "what fits best is shown"),
    ] {
        breaks(law, conformance::tool_selector(&Selector::new(bug))).await;
    }
}
