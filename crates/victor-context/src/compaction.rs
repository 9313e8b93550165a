//! One compaction, from the chosen strategy down to the last resort.

mod contract;
mod omission_note;
mod trim_results;

use std::sync::Arc;
use std::time::Duration;

use tracing::{debug, warn};
use victor_context_protocol::{
    CompactionBudget, CompactionReport, CompactionStrategy, Prepared, TokenCounter, TokenCounterExt,
};
use victor_core::{Context, Problems, with_causes};
use victor_guard::call;

use self::contract::enforce;
use self::omission_note::{note_allowance, note_omission};
use self::trim_results::trim_results;
use crate::Truncation;
use crate::groups::{Group, groups};
use crate::strategies::truncate;

/// The sizes that a compaction aims for and must reach, in tokens.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Goal {
    /// The size that strategies are asked for.
    pub(crate) target: u64,
    /// The largest result of a strategy that is not followed by truncation.
    pub(crate) accept: u64,
    /// The largest result of truncation for which tool results stay whole.
    pub(crate) uncut: u64,
    /// The size that must be reached.
    pub(crate) limit: u64,
}

/// The error of a context whose mandatory part is above the limit.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Incompressible {
    /// The tokens of that part.
    pub(crate) tokens: u64,
}

/// A compaction by one strategy, and what guards it.
#[derive(Debug)]
pub(crate) struct Compaction<'a> {
    pub(crate) name: &'a str,
    pub(crate) strategy: &'a dyn CompactionStrategy,
    pub(crate) counter: &'a Arc<dyn TokenCounter>,
    pub(crate) problems: &'a Problems,
    pub(crate) timeout: Duration,
}

impl Compaction<'_> {
    /// Compacts a valid context. Nothing is reported if nothing changed.
    ///
    /// # Errors
    ///
    /// What may not be left out is above the limit.
    pub(crate) async fn run(
        &self,
        context: &Context,
        goal: Goal,
    ) -> Result<Prepared, Incompressible> {
        let history = context.messages();
        let wanted = goal.target - note_allowance(goal.target);
        let before = self.counter.tokens_of(history);
        let (mut taken, mut result, mut fallback) = match self.ask(context, before, wanted).await {
            Ok(result) => {
                let tokens = self.counter.tokens_of(result.messages());
                if tokens <= goal.accept {
                    (self.name, result.messages().clone(), None)
                } else {
                    let why = format!(
                        "`{}` left {tokens} tokens, and {} are wanted",
                        self.name, goal.target
                    );
                    let shorter = truncate(result.messages(), wanted, &**self.counter);
                    (
                        Truncation::NAME,
                        shorter,
                        (self.name != Truncation::NAME).then_some(why),
                    )
                }
            }
            Err(why) => {
                warn!(strategy = self.name, %why, "a compaction strategy failed: truncation takes its place");
                self.problems.report(self.component(), &why);
                (
                    Truncation::NAME,
                    truncate(history, wanted, &**self.counter),
                    Some(format!("`{}`: {why}", self.name)),
                )
            }
        };
        let mut after = self.counter.tokens_of(&result);
        if after > goal.uncut {
            let shorter = trim_results(&result, goal.target, &**self.counter);
            let tokens = self.counter.tokens_of(&shorter);
            if tokens < after {
                let why =
                    format!("what may not be left out had {after} tokens: tool results were cut");
                fallback =
                    Some(fallback.map_or_else(|| why.clone(), |first| format!("{first}; {why}")));
                (taken, result, after) = (Truncation::NAME, shorter, tokens);
            }
        }
        if after > goal.limit {
            return Err(Incompressible { tokens: after });
        }
        let room = if after <= goal.target {
            goal.target
        } else {
            goal.limit
        };
        result = note_omission(
            history,
            &result,
            room.min(before.saturating_sub(1)),
            &**self.counter,
        );
        after = self.counter.tokens_of(&result);
        debug!(strategy = taken, before, after, "compacted a context");
        if result == *history {
            return Ok(Prepared::new(context.clone(), None));
        }
        let mut report =
            CompactionReport::new(taken, (history.len(), before), (result.len(), after));
        report.fallback = fallback;
        Ok(Prepared::new(context.with_messages(result), Some(report)))
    }

    /// Asks the strategy, and returns its context if that is valid and not larger than before, or the reason why it is
    /// not used.
    async fn ask(&self, context: &Context, before: u64, target: u64) -> Result<Context, String> {
        let groups: Vec<Group> = groups(context.messages());
        let budget = CompactionBudget::new(target, self.counter.clone());
        let result = call(self.timeout, || self.strategy.compact(context, &budget))
            .await
            .map_err(|fault| fault.to_string())?
            .map_err(|error| with_causes(&error))?;
        let enforced = enforce(context, &groups, result.messages())?;
        let after = self.counter.tokens_of(enforced.context.messages());
        if after > before {
            return Err(format!("it made {after} tokens of {before}"));
        }
        if enforced.was_broken {
            self.problems.report(
                self.component(),
                "it left out what must stay or broke the history; that was mended",
            );
        } else {
            self.problems.clear(&self.component());
        }
        Ok(enforced.context)
    }

    /// The name of the strategy in the health of the coordinator.
    fn component(&self) -> String {
        format!("strategy `{}`", self.name)
    }
}
