//! The laws of evaluators.

use futures_util::future::join_all;
use victor_evaluation_protocol::{EvalCase, Evaluator, Judgement, Trial, TrialState};

use super::{SIDE_BY_SIDE, calm, drop_at_polls, guarded};

/// Checks an evaluator, which must say the same of the same trial: give a judge a model that does. `case` and `trial`
/// are one that it judges.
///
/// The laws: the name stays the same; a score is from 0 to 1; the same trial is judged the same, also side by side, and
/// after a call that was dropped; a trial in which nothing was said, and one in any state, is judged or refused without
/// a panic.
///
/// # Panics
///
/// A law is broken.
pub async fn evaluator<E: Evaluator + ?Sized>(evaluator: &E, case: &EvalCase, trial: &Trial) {
    let name = guarded(|| evaluator.name().to_owned());
    law!(!name.is_empty(), "an evaluator has a name");
    law!(
        guarded(|| evaluator.judges(&trial.state)),
        "the trial is one that it judges",
        "{:?}",
        trial.state
    );
    let judge = async || {
        let judged = calm(evaluator.evaluate(case, trial)).await;
        let judged = judged.map_err(|error| error.to_string());
        if let Ok(Judgement::Scored(score)) = &judged {
            law!(
                (0.0..=1.0).contains(&score.value),
                "a score is from 0 to 1",
                "{score:?}"
            );
        }
        judged
    };
    let first = judge().await;
    law!(first.is_ok(), "the trial can be judged", "{first:?}");
    for again in join_all((0..SIDE_BY_SIDE).map(|_| judge())).await {
        law!(
            again == first,
            "the same trial is judged the same",
            "{again:?} in place of {first:?}"
        );
    }
    drop_at_polls(
        async || drop(judge().await),
        async |_| {
            let again = judge().await;
            law!(
                again == first,
                "a call that was dropped leaves nothing behind",
                "{again:?} in place of {first:?}"
            );
        },
    )
    .await;
    for state in [
        TrialState::Completed,
        TrialState::Refused,
        TrialState::Failed,
        TrialState::from("of a later version"),
    ] {
        guarded(|| evaluator.judges(&state));
        let silent = Trial::new(&case.id, 1, state);
        drop(calm(evaluator.evaluate(case, &silent)).await);
        drop(calm(evaluator.evaluate(&EvalCase::new("bare", ""), &silent)).await);
    }
    law!(
        guarded(|| evaluator.name().to_owned()) == name,
        "the name is always the same"
    );
}
