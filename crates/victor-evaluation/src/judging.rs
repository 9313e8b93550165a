//! One judgement of one trial.

use std::time::Duration;

use victor_core::with_causes;
use victor_evaluation_protocol::{EvalCase, Evaluator, Judgement, Trial};
use victor_guard::call;

/// Asks an evaluator, if it judges such trials. An evaluator that fails, panics or hangs gives a judgement that does not
/// count, and so does a score that is not a number.
pub(crate) async fn judge(
    evaluator: &dyn Evaluator,
    limit: Duration,
    case: &EvalCase,
    trial: &Trial,
) -> Option<Judgement> {
    let asked = call(limit, || async {
        match evaluator.judges(&trial.state) {
            true => Some(evaluator.evaluate(case, trial).await),
            false => None,
        }
    });
    let judgement = match asked.await {
        Ok(None) => return None,
        Ok(Some(Ok(judgement))) => judgement,
        Ok(Some(Err(error))) => Judgement::invalid(with_causes(&error)),
        Err(fault) => Judgement::invalid(format!("the evaluator failed: {fault}")),
    };
    Some(match judgement {
        Judgement::Scored(score) if !score.value.is_finite() => Judgement::Invalid {
            reason: format!("the score is {}, which is not a number", score.value),
            usage: score.usage,
            cost: score.cost,
        },
        judgement => judgement,
    })
}
