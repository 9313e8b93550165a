//! The log of inspect-ai, so that its viewer opens our runs.

use std::collections::HashMap;

use serde_json::{Map, Value, json};
use victor_evaluation_protocol::{
    Dataset, EvalCase, EvaluationRun, Judgement, RunEnd, TrialRecord, TrialState,
};

use crate::statistics::Interval;
use crate::{EvaluatorSummary, Summary};

/// The format version of inspect-ai's JSON logs that is written.
const VERSION: u32 = 2;

/// A run as a JSON log of [inspect-ai](https://inspect.aisi.org.uk/eval-logs.html) 0.3: save it as `.json` in a log
/// folder and open it by `inspect view`. A trial is a sample, a repetition an epoch; a judgement that does not count is
/// an unscored value, and a trial that failed has its error.
#[must_use]
pub fn inspect_log(run: &EvaluationRun, dataset: &Dataset, agent: &str, level: f64) -> Value {
    let summary = Summary::of(run, level);
    let completed = run
        .trials
        .iter()
        .filter(|record| record.trial.state == TrialState::Completed);
    let epochs = run
        .trials
        .iter()
        .map(|record| record.trial.repeat)
        .max()
        .unwrap_or(1);
    let by_id = dataset.cases().iter().map(|case| (case.id.as_str(), case));
    let by_id: HashMap<&str, &EvalCase> = by_id.collect();
    let ids: Vec<&str> = dataset
        .cases()
        .iter()
        .map(|case| case.id.as_str())
        .collect();
    json!({
        "version": VERSION,
        "status": if run.end == RunEnd::Completed { "success" } else { "cancelled" },
        "eval": {
            "created": run.started,
            "task": run.name,
            "model": agent,
            "dataset": { "name": run.dataset, "samples": ids.len(), "sample_ids": ids },
            "config": { "epochs": epochs },
        },
        "results": {
            "total_samples": run.trials.len(),
            "completed_samples": completed.count(),
            "scores": summary.evaluators.iter().map(score).collect::<Vec<_>>(),
        },
        "stats": { "started_at": run.started, "completed_at": run.ended },
        "samples": run.trials.iter().map(|record| sample(record, &by_id)).collect::<Vec<_>>(),
    })
}

fn score(summary: &EvaluatorSummary) -> Value {
    let bounds =
        |interval: Option<Interval>| interval.map(|interval| (interval.lower, interval.upper));
    let values = [
        ("mean", summary.mean),
        ("stderr", summary.standard_error),
        ("ci_lower", bounds(summary.interval).map(|(lower, _)| lower)),
        ("ci_upper", bounds(summary.interval).map(|(_, upper)| upper)),
        ("pass_rate", summary.pass_rate),
    ];
    let metrics = values.into_iter().filter_map(|(name, value)| {
        Some((name.to_owned(), json!({ "name": name, "value": value? })))
    });
    json!({
        "name": summary.name,
        "scorer": summary.name,
        "scored_samples": summary.scored,
        "unscored_samples": summary.invalid + summary.unjudged,
        "metrics": metrics.collect::<Map<_, _>>(),
    })
}

fn sample(record: &TrialRecord, cases: &HashMap<&str, &EvalCase>) -> Value {
    let trial = &record.trial;
    let case = cases.get(trial.case.as_str());
    let target = case
        .map(|case| case.expected.text.clone())
        .unwrap_or_default();
    let mut messages = Vec::new();
    for turn in &trial.turns {
        messages.push(json!({ "role": "user", "content": turn.input }));
        messages.push(json!({ "role": "assistant", "content": turn.content }));
    }
    let input: Vec<Value> = case.map_or_else(Vec::new, |case| {
        let turns = case.turns.iter();
        turns
            .map(|turn| json!({ "role": "user", "content": turn.input }))
            .collect()
    });
    let mut sample = json!({
        "id": trial.case,
        "epoch": trial.repeat,
        "input": input,
        "target": target,
        "messages": messages,
        "scores": scores(record, trial.answer()),
        "metadata": { "state": trial.state, "attempts": trial.attempts, "group": record.group },
        "total_time": trial.duration.as_secs_f64(),
    });
    if trial.state != TrialState::Completed {
        let reason = trial.reason.clone().unwrap_or_default();
        let message = format!("{}: {reason}", trial.state);
        sample["error"] =
            json!({ "message": message, "traceback": message, "traceback_ansi": message });
    }
    sample
}

fn scores(record: &TrialRecord, answer: &str) -> Map<String, Value> {
    let scores = record.judgements.iter().filter_map(|(name, judgement)| {
        let score = match judgement {
            Judgement::Scored(score) => {
                json!({ "value": score.value, "answer": answer, "explanation": score.reason })
            }
            // JSON has no NaN; Python's reader, which inspect uses, takes a null for a value that is not there.
            Judgement::Invalid { reason, .. } => {
                json!({ "value": "N", "answer": answer, "explanation": reason })
            }
            _ => return None,
        };
        Some((name.clone(), score))
    });
    scores.collect()
}
