//! Allowances of a turn, and the notes about them to the model.

use victor_chat_protocol::TurnOutcome;

use super::Phase;
use crate::Turn;

const LIMIT_NOTE: &str = "The allowance of tool calls for this turn is used up. Answer now with what you have found, \
                          and say what is still missing.";
const TOKENS_NOTE: &str = "The allowance of tokens for this turn is used up. Answer now with what you have found, and \
                           say what is still missing.";
const STUCK_NOTE: &str = "The same calls were made again and again. Answer now with what you have found, and say what \
                          is still missing.";

impl Turn {
    /// Asks the model next, for the last time and without tools if a limit is reached.
    pub(super) fn ask_model(&mut self) {
        if let Some(output) = &self.output
            && output.is_used_up()
        {
            self.phase = Phase::Ended(TurnOutcome::InvalidOutput);
            return;
        }
        let limits = &self.limits;
        let calls =
            (limits.max_tool_calls).map(|most| (u64::from(self.tool_calls), u64::from(most)));
        let tokens = self.usage.total_tokens().saturating_sub(self.tokens_before);
        let tokens = limits.max_tokens.map(|most| (tokens, most));
        let used_up = |used: Option<(u64, u64)>| used.is_some_and(|(used, most)| used >= most);
        let limit = |note: &str| (Some(note.to_owned()), Some(TurnOutcome::ToolLimit));
        let (note, last) = if self.stuck >= 2 {
            limit(STUCK_NOTE)
        } else if limits.max_tool_iterations == 0 && self.tool_iterations == 0 {
            (None, Some(TurnOutcome::Completed))
        } else if self.tool_iterations >= limits.max_tool_iterations
            || (used_up(calls) && self.tool_iterations > 0)
        {
            limit(LIMIT_NOTE)
        } else if used_up(tokens) && self.model_calls > 0 {
            limit(TOKENS_NOTE)
        } else if used_up(calls) {
            (None, Some(TurnOutcome::Completed))
        } else {
            let notes: Vec<_> = [
                nearly_used("Tool calls", calls),
                nearly_used("Tokens", tokens),
            ]
            .into_iter()
            .flatten()
            .collect();
            ((!notes.is_empty()).then(|| notes.join(" ")), None)
        };
        self.phase = Phase::Model {
            note,
            last,
            too_long: None,
            refusals: 0,
            over_budget: false,
        };
    }
}

/// Returns the note to the model when at least four fifths of an allowance are used.
fn nearly_used(what: &str, used: Option<(u64, u64)>) -> Option<String> {
    let (used, most) = used?;
    let left = most.saturating_sub(used);
    let few = used > 0 && left.saturating_mul(5) <= most;
    few.then(|| {
        format!(
            "{what} left in this turn: {left} of {most}; use them for what matters most, then answer."
        )
    })
}
