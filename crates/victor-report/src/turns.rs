//! The course of single turns.

use std::collections::BTreeMap;
use std::time::Duration;

use victor_core::{Timestamp, ToolOutcome, TurnId};
use victor_provider_protocol::{AttemptOutcome, LedgerEntry, LedgerTotal};

use crate::charts::Step;
use crate::figures;
use crate::stats::{elapsed, is_failed};
use crate::{ReportData, ToolRecord};

/// Most turns that are shown.
const TURNS: usize = 12;

/// Most rows of a turn.
const STEPS: usize = 60;

/// The course of a turn.
#[derive(Debug)]
pub(crate) struct TurnCourse<'a> {
    pub(crate) attempts: Vec<&'a LedgerEntry>,
    pub(crate) tools: Vec<&'a ToolRecord>,
    pub(crate) begin: Timestamp,
    pub(crate) time: Duration,
    pub(crate) total: LedgerTotal,
}

/// Returns the turns that are worth a look: the one that is asked for, those that took longest, and the last ones.
pub(crate) fn turns(data: &ReportData) -> Vec<TurnCourse<'_>> {
    let mut turns = BTreeMap::<TurnId, Vec<&LedgerEntry>>::new();
    for entry in &data.attempts {
        if let Some(turn) = entry.turn {
            turns.entry(turn).or_default().push(entry);
        }
    }
    let mut all: Vec<_> = turns
        .into_iter()
        .map(|(turn, attempts)| course(data, turn, attempts))
        .collect();
    all.sort_by_key(|(_, course)| std::cmp::Reverse(course.begin));
    let latest: Vec<_> = all.iter().take(TURNS / 2).map(|(turn, _)| *turn).collect();
    all.sort_by_key(|(_, course)| std::cmp::Reverse(course.time));
    if let Some(asked) = data.turn
        && let Some(index) = all.iter().position(|(turn, _)| *turn == asked)
    {
        let asked = all.remove(index);
        all.insert(0, asked);
    }
    let mut longest = TURNS - latest.len().min(TURNS / 2);
    all.retain(|(turn, _)| {
        let is_long = longest > 0;
        longest = longest.saturating_sub(1);
        is_long || latest.contains(turn)
    });
    all.into_iter().map(|(_, course)| course).collect()
}

fn course<'a>(
    data: &'a ReportData,
    turn: TurnId,
    mut attempts: Vec<&'a LedgerEntry>,
) -> (TurnId, TurnCourse<'a>) {
    attempts.sort_by_key(|entry| (entry.started, entry.id));
    let mut total = LedgerTotal::default();
    attempts.iter().for_each(|entry| total += *entry);
    let begin = attempts.first().map_or(data.now, |entry| entry.started);
    let ends = attempts
        .iter()
        .map(|entry| entry.ended.unwrap_or(entry.started));
    let end = ends.max().unwrap_or(begin);
    let mut tools: Vec<_> = data
        .tools
        .iter()
        .filter(|call| call.turn == Some(turn))
        .collect();
    tools.sort_by_key(|call| call.after_call);
    let course = TurnCourse {
        attempts,
        tools,
        begin,
        time: end.saturating_duration_since(begin),
        total,
    };
    (turn, course)
}

impl TurnCourse<'_> {
    /// The steps: attempts, and the tools between them, for which the time between two answers is known.
    pub(crate) fn steps(&self) -> Vec<Step> {
        let mut steps = Vec::new();
        let mut answered = 0;
        for (index, entry) in self.attempts.iter().enumerate() {
            steps.push(self.attempt(entry));
            if !matches!(
                entry.outcome,
                AttemptOutcome::Answered | AttemptOutcome::Cached
            ) {
                continue;
            }
            answered += 1;
            let calls: Vec<_> = self
                .tools
                .iter()
                .filter(|call| call.after_call == answered)
                .collect();
            let next = self.attempts.get(index + 1).map(|entry| entry.started);
            let end = entry.ended.unwrap_or(entry.started);
            steps.extend(self.tool_step(&calls, end, next.unwrap_or(end)));
        }
        let more = steps.len().saturating_sub(STEPS);
        steps.truncate(STEPS);
        if more > 0
            && let Some(last) = steps.last_mut()
        {
            last.label = format!("{}, and {more} more steps", last.label);
        }
        steps
    }

    fn attempt(&self, entry: &LedgerEntry) -> Step {
        let cost = entry
            .cost
            .map_or_else(|| "cost unknown".to_owned(), figures::dollars);
        let error = entry
            .error
            .as_ref()
            .map(|error| format!(", {error}"))
            .unwrap_or_default();
        let said = format!(
            "{} of {}, attempt {}: {}{error}; {} tokens in, {} out, {cost}",
            entry.model,
            entry.provider,
            entry.attempt,
            entry.outcome,
            figures::short(entry.usage.input_tokens()),
            figures::short(entry.usage.output),
        );
        let label = match is_failed(entry) {
            true => format!("{}{error}", entry.model),
            false => entry.model.to_string(),
        };
        Step {
            label,
            said,
            class: if is_failed(entry) { "bad" } else { "c0" },
            begin: entry.started.saturating_duration_since(self.begin),
            time: elapsed(entry).unwrap_or_default(),
        }
    }

    fn tool_step(&self, calls: &[&&ToolRecord], from: Timestamp, to: Timestamp) -> Option<Step> {
        let names: Vec<_> = calls.iter().map(|call| &*call.name).collect();
        let failed = calls
            .iter()
            .filter(|call| call.outcome != ToolOutcome::Success);
        let failed: Vec<_> = failed
            .map(|call| format!("{}: {}", call.name, call.outcome))
            .collect();
        let label = names.join(", ");
        let said = match failed.is_empty() {
            true => format!("tools: {label}"),
            false => format!("tools: {label}; {}", failed.join(", ")),
        };
        (!names.is_empty()).then(|| Step {
            label,
            said,
            class: if failed.is_empty() { "c2" } else { "bad" },
            begin: from.saturating_duration_since(self.begin),
            time: to.saturating_duration_since(from),
        })
    }
}
