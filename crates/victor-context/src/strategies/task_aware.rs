//! The strategy `task_aware`.

use async_trait::async_trait;
use victor_context_protocol::{CompactionBudget, CompactionError, CompactionStrategy};
use victor_core::Context;

use super::judgement::{Task, index, judge};
use super::selection::Selection;

/// Keeps what has to do with the task, by the words that it shares with it: the strategy `task_aware`.
///
/// The task is the field `current_task` of the context's metadata, or else the user's last request. Groups are ranked
/// by BM25 against it, and what stands near to a match counts too. Beside that counts what a group is worth whatever
/// the task is: in work with tools how recent it is, in a talk how much it says for its length. Groups are then taken
/// as long as they fit.
///
/// It needs no model and works in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TaskAware;

impl TaskAware {
    /// The strategy's name.
    pub const NAME: &str = "task_aware";
}

#[async_trait]
impl CompactionStrategy for TaskAware {
    fn name(&self) -> &str {
        Self::NAME
    }

    async fn compact(
        &self,
        context: &Context,
        budget: &CompactionBudget,
    ) -> Result<Context, CompactionError> {
        let Some(selection) = Selection::of(context, budget) else {
            return Ok(context.clone());
        };
        let task = Task::of(context);
        let index = index(&selection);
        let scores = judge(&selection, &task, &index, vec![index.scores(&task.text)]);
        Ok(context.with_messages(selection.take(budget.target_tokens, &scores)))
    }
}
