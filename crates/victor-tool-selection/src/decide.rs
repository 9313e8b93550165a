//! The decision about the tools that are shown.

use std::collections::HashSet;

use victor_core::ToolSpec;
use victor_tool_selection_protocol::{SelectionReason, ToolDecision};

/// Decision about a tool.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Verdict {
    pub(crate) reason: Reason,
    pub(crate) score: Option<f32>,
}

/// [`SelectionReason`] in one byte, since there is one for each tool of each session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reason {
    Pinned,
    Used,
    Requested,
    Ranked,
    Kept,
    Everything,
    OverLimit,
    Irrelevant,
}

impl Verdict {
    pub(crate) fn shows(self) -> bool {
        !matches!(self.reason, Reason::OverLimit | Reason::Irrelevant)
    }

    pub(crate) fn decision(self, tool: &ToolSpec) -> ToolDecision {
        let reason = match self.reason {
            Reason::Pinned => SelectionReason::Pinned,
            Reason::Used => SelectionReason::Used,
            Reason::Requested => SelectionReason::Requested,
            Reason::Ranked => SelectionReason::Ranked,
            Reason::Kept => SelectionReason::Kept,
            Reason::Everything => SelectionReason::Everything,
            Reason::OverLimit => SelectionReason::OverLimit,
            Reason::Irrelevant => SelectionReason::Irrelevant,
        };
        let decision = if self.shows() {
            ToolDecision::shown(&*tool.name, reason)
        } else {
            ToolDecision::hidden(&*tool.name, reason)
        };
        match self.score {
            Some(score) => decision.with_score(score),
            None => decision,
        }
    }
}

/// Decides about each tool.
///
/// - `due` says which are shown in any case, and why. `room` is for how many there is room beside those.
/// - Half of the room, rounded up, is for those that fit best.
/// - The rest is first for those that were `shown` before, by how well they fit, and then for the next best.
///
/// So a list changes only where something else is among the best half, and a conversation that asks the same again is
/// shown the same. Where the scores tell nothing apart, those that were shown before stay, and the others follow in
/// their order.
pub(crate) fn decide(
    tools: &[ToolSpec],
    due: &[Option<Reason>],
    scores: Option<&[f32]>,
    shown: &HashSet<&str>,
    room: usize,
) -> Vec<Verdict> {
    let score = |at: usize| scores.map(|scores| scores[at]);
    let fit = |at: usize| score(at).unwrap_or_default();
    let tells = scores.is_some_and(|scores| scores.iter().any(|score| *score != scores[0]));

    let mut best: Vec<usize> = (0..tools.len()).filter(|at| due[*at].is_none()).collect();
    best.sort_by(|one, other| fit(*other).total_cmp(&fit(*one)));
    let was_shown = |at: &&usize| shown.contains(&*tools[**at].name);
    let fits = |at: &&usize| !tells || fit(**at) > 0.0;

    let mut reasons: Vec<Option<Reason>> = due.to_vec();
    let mut left = room;
    let mut show = |places: &mut dyn Iterator<Item = &usize>, leave: usize, reason: Reason| {
        for place in places {
            if left == leave {
                return;
            }
            if reasons[*place].is_none() {
                reasons[*place] = Some(reason);
                left -= 1;
            }
        }
    };
    if tells {
        show(&mut best.iter().filter(fits), room / 2, Reason::Ranked);
    }
    show(&mut best.iter().filter(was_shown), 0, Reason::Kept);
    let rest = if tells {
        Reason::Ranked
    } else {
        Reason::Everything
    };
    show(&mut best.iter().filter(fits), 0, rest);

    let verdict = |(at, reason): (usize, Option<Reason>)| {
        let hidden = if fits(&&at) {
            Reason::OverLimit
        } else {
            Reason::Irrelevant
        };
        Verdict {
            reason: reason.unwrap_or(hidden),
            score: score(at),
        }
    };
    reasons.into_iter().enumerate().map(verdict).collect()
}
