//! Evaluators from functions.

use std::fmt;

use async_trait::async_trait;
use victor_evaluation_protocol::{
    EvalCase, Evaluator, EvaluatorError, Judgement, Trial, TrialState,
};

type Function = dyn Fn(&EvalCase, &Trial) -> Judgement + Send + Sync;

/// An evaluator made of a function.
///
/// ```
/// use victor_evaluation::evaluators::Custom;
/// use victor_evaluation_protocol::Judgement;
///
/// let short = Custom::new("short", |_, trial| Judgement::passed(trial.answer().len() < 80));
/// ```
pub struct Custom {
    name: String,
    function: Box<Function>,
    states: Vec<TrialState>,
}

impl Custom {
    /// An evaluator of completed trials.
    pub fn new(
        name: impl Into<String>,
        function: impl Fn(&EvalCase, &Trial) -> Judgement + Send + Sync + 'static,
    ) -> Self {
        Self {
            name: name.into(),
            function: Box::new(function),
            states: vec![TrialState::Completed],
        }
    }

    /// Judges trials in these states in place of completed ones.
    #[must_use]
    pub fn of_states(mut self, states: impl IntoIterator<Item = TrialState>) -> Self {
        self.states = states.into_iter().collect();
        self
    }
}

#[async_trait]
impl Evaluator for Custom {
    fn name(&self) -> &str {
        &self.name
    }

    fn judges(&self, state: &TrialState) -> bool {
        self.states.contains(state)
    }

    async fn evaluate(&self, case: &EvalCase, trial: &Trial) -> Result<Judgement, EvaluatorError> {
        Ok((self.function)(case, trial))
    }
}

impl fmt::Debug for Custom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Custom")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}
