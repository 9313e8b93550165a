//! Mends a history that a provider would refuse.

use std::collections::HashMap;
use std::sync::Arc;

use victor_core::{Context, Message, Messages, Part, Role, ToolCallId, ToolOutcome, ToolResult};

use crate::rebuild::{derived_id, note, with_parts};

/// The text that takes the place of a lost result.
const LOST: &str = "The result of this call was lost. The call may have had its effect.";

/// The text before an answer whose question is gone.
const LEFT_OUT: &str = "(Earlier messages were left out.)";

/// Makes a context valid that some provider would refuse, and drops nothing that means something.
///
/// A valid context is returned as it is, with the very same messages. Repairing twice is repairing once, and the same
/// context is always repaired in the same way.
///
/// | what is broken | what becomes of it |
/// |---|---|
/// | a call without a result | is given one, with the outcome `cancelled`, that says that the result was lost |
/// | a result that stands elsewhere, later | moves next to its call |
/// | a result without a call | becomes a user's text, "Result of an earlier tool call ..." |
/// | the same result twice | stays once |
/// | two calls of one message with one identifier | the second is renamed, and so is its result |
/// | a part in a message of a role that may not have it | becomes text in place, or moves to a user message behind |
/// | an empty message | is left out |
/// | an answer at the beginning | is preceded by a note, "(Earlier messages were left out.)" |
///
/// A message that is changed keeps its identifier. Those that are added have identifiers that follow from their
/// neighbours'.
///
/// ```
/// use victor_context::repair;
/// use victor_core::{Context, Message, Part, Role, ToolCall};
///
/// // The turn was cut off while the tool ran.
/// let call = Part::ToolCall(ToolCall::new("1", "build", "{}"));
/// let broken = Context::from_iter([Message::user("Build it"), Message::new(Role::Assistant, vec![call])]);
/// assert!(broken.messages().validate().is_err());
///
/// let mended = repair(&broken);
/// assert!(mended.messages().validate().is_ok());
/// assert_eq!(mended.messages().len(), 3);
/// ```
#[must_use]
pub fn repair(context: &Context) -> Context {
    match context.messages().validate() {
        Ok(()) => context.clone(),
        Err(_) => context.with_messages(Repair::of(context.messages()).run()),
    }
}

/// The position of a part: the index of its message, and its index in that message.
type Place = (usize, usize);

/// A call, and where its result was found.
struct Call {
    part: usize,
    id: ToolCallId,
    answer: Option<Place>,
}

struct Repair<'a> {
    messages: &'a Messages,
    /// The calls of every message.
    calls: Vec<Vec<Call>>,
    /// The results that answer a call, by the number of the call's message, and those that repeat another (none).
    claimed: HashMap<Place, Option<usize>>,
    out: Messages,
}

impl<'a> Repair<'a> {
    /// Finds the result of every call: the first behind it that names it, and no later call under the same name.
    fn of(messages: &'a Messages) -> Self {
        let mut repair = Self {
            messages,
            calls: Vec::new(),
            claimed: HashMap::new(),
            out: Messages::new(),
        };
        let mut open: HashMap<&ToolCallId, Vec<(usize, usize)>> = HashMap::new();
        let mut answered: HashMap<&ToolCallId, &ToolResult> = HashMap::new();
        for (index, message) in messages.iter().enumerate() {
            repair.calls.push(calls_of(message));
            // The last pushed is found first, so a message's calls go in backwards.
            for number in (0..repair.calls[index].len()).rev() {
                if let Part::ToolCall(call) = &message.parts()[repair.calls[index][number].part] {
                    open.entry(&call.id).or_default().push((index, number));
                }
            }
            for (part, result) in message.parts().iter().enumerate() {
                let Part::ToolResult(result) = result else {
                    continue;
                };
                let place = (index, part);
                if let Some((caller, number)) = open.get_mut(&result.call_id).and_then(Vec::pop) {
                    repair.calls[caller][number].answer = Some(place);
                    repair.claimed.insert(place, Some(caller));
                    answered.insert(&result.call_id, result);
                } else if answered.get(&result.call_id) == Some(&result) {
                    repair.claimed.insert(place, None);
                }
            }
        }
        repair
    }

    fn run(mut self) -> Messages {
        for index in 0..self.messages.len() {
            self.message(index);
        }
        let first = self
            .out
            .iter()
            .position(|message| *message.role() != Role::System);
        let Some((first, message)) = first.and_then(|first| Some((first, self.out.get(first)?)))
        else {
            return self.out;
        };
        if *message.role() == Role::User {
            return self.out;
        }
        let marker = note(derived_id(message.id(), 0), LEFT_OUT);
        let (system, rest) = (self.out.iter().take(first), self.out.iter().skip(first));
        system
            .chain([&Arc::new(marker)])
            .chain(rest)
            .cloned()
            .collect()
    }

    /// Writes a message, the results of its calls, and what it may not hold.
    fn message(&mut self, index: usize) {
        let Some(message) = self.messages.get(index) else {
            return;
        };
        let mut kept = Kept {
            role: message.role(),
            parts: Vec::new(),
            behind: Vec::new(),
            changed: false,
        };
        for (number, part) in message.parts().iter().enumerate() {
            match part {
                Part::ToolResult(_) if self.claimed.contains_key(&(index, number)) => {
                    kept.changed = true;
                }
                Part::ToolCall(call) if *message.role() == Role::Assistant => {
                    let renamed = self.calls[index]
                        .iter()
                        .find(|call| call.part == number)
                        .map(|call| &call.id);
                    match renamed.filter(|id| **id != call.id) {
                        Some(id) => {
                            let mut call = call.clone();
                            call.id = id.clone();
                            kept.change(Part::ToolCall(call));
                        }
                        None => kept.parts.push(part.clone()),
                    }
                }
                part => kept.part(part),
            }
        }
        let claims = || {
            (0..message.parts().len())
                .any(|part| matches!(self.claimed.get(&(index, part)), Some(Some(_))))
        };
        // A tool message that answers a call was written beside it, with all that it may hold.
        let is_written = *message.role() == Role::Tool && claims();
        if !is_written && !kept.parts.iter().all(is_empty) {
            let changed = kept.changed;
            self.out.push(if changed {
                Arc::new(with_parts(message, kept.parts))
            } else {
                message.clone()
            });
        }
        self.results(index);
        if !kept.behind.is_empty() {
            self.push_derived(message, 1, Role::User, kept.behind);
        }
    }

    /// Writes the results of a message's calls, in the order in which they came.
    fn results(&mut self, caller: usize) {
        let Some(message) = self
            .messages
            .get(caller)
            .filter(|_| !self.calls[caller].is_empty())
        else {
            return;
        };
        let calls = std::mem::take(&mut self.calls[caller]);
        let mut answers: Vec<(Place, &ToolCallId)> = calls
            .iter()
            .filter_map(|call| Some((call.answer?, &call.id)))
            .collect();
        answers.sort_unstable_by_key(|(place, _)| *place);
        for answers in answers.chunk_by(|((one, _), _), ((other, _), _)| one == other) {
            self.results_out_of(caller, answers);
        }
        let lost: Vec<Part> = calls
            .iter()
            .filter(|call| call.answer.is_none())
            .filter_map(|call| match &message.parts()[call.part] {
                Part::ToolCall(original) => {
                    let mut result = ToolResult::new(original, ToolOutcome::Cancelled, LOST);
                    result.call_id = call.id.clone();
                    Some(Part::ToolResult(result))
                }
                _ => None,
            })
            .collect();
        if !lost.is_empty() {
            self.push_derived(message, 2, Role::Tool, lost);
        }
    }

    /// Writes those results of one caller that stand in one message.
    fn results_out_of(&mut self, caller: usize, answers: &[(Place, &ToolCallId)]) {
        let Some(source) = answers
            .first()
            .and_then(|((index, _), _)| self.messages.get(*index))
        else {
            return;
        };
        let index = answers[0].0.0;
        let first_caller =
            (0..source.parts().len()).find_map(|part| *self.claimed.get(&(index, part))?);
        let is_first = *source.role() == Role::Tool && first_caller == Some(caller);
        let mut changed = false;
        let parts: Vec<Part> = source
            .parts()
            .iter()
            .enumerate()
            .filter_map(|(number, part)| {
                let answer = answers.iter().find(|(place, _)| *place == (index, number));
                match (part, answer) {
                    (Part::ToolResult(result), Some((_, id))) if **id != result.call_id => {
                        changed = true;
                        let mut result = result.clone();
                        result.call_id = (*id).clone();
                        Some(Part::ToolResult(result))
                    }
                    (_, Some(_)) => Some(part.clone()),
                    (Part::Opaque(_) | Part::Unknown(_), None) if is_first => Some(part.clone()),
                    _ => None,
                }
            })
            .collect();
        if !is_first {
            self.push_derived(source, 3 + caller as u64, Role::Tool, parts);
        } else if changed || parts.len() < source.parts().len() {
            self.out.push(with_parts(source, parts));
        } else {
            self.out.push(source.clone());
        }
    }

    fn push_derived(&mut self, origin: &Message, purpose: u64, role: Role, parts: Vec<Part>) {
        let message = Message::with_id(derived_id(origin.id(), purpose), role, parts);
        self.out.push(if origin.is_pinned() {
            message.pinned()
        } else {
            message
        });
    }
}

/// The parts that stay in a message, and the message that follows with those that it may not hold.
struct Kept<'a> {
    role: &'a Role,
    parts: Vec<Part>,
    behind: Vec<Part>,
    changed: bool,
}

impl Kept<'_> {
    fn part(&mut self, part: &Part) {
        let role = self.role;
        match part {
            Part::ToolResult(result) => {
                let name = if result.name.is_empty() {
                    String::new()
                } else {
                    format!(" `{}`", result.name)
                };
                self.text(format!(
                    "Result of an earlier tool call{name}: {}",
                    result.text()
                ));
                let others = result
                    .content
                    .iter()
                    .filter(|part| !matches!(part, Part::Text(_)));
                others.for_each(|part| self.part(part));
            }
            Part::ToolCall(call) => {
                self.text(format!("Tool call `{}`: {}", call.name, call.arguments));
            }
            Part::Thinking(thinking) if *role != Role::Assistant => {
                self.changed = true;
                if !thinking.text.is_empty() {
                    self.text(thinking.text.clone());
                }
            }
            Part::Text(text) if *role == Role::Tool => {
                self.changed = true;
                if !text.text.is_empty() {
                    self.behind.push(part.clone());
                }
            }
            Part::Image(_) | Part::Document(_) if matches!(role, Role::Tool | Role::System) => {
                self.changed = true;
                self.behind.push(part.clone());
            }
            _ => self.parts.push(part.clone()),
        }
    }

    fn text(&mut self, text: String) {
        let place = if *self.role == Role::Tool {
            &mut self.behind
        } else {
            &mut self.parts
        };
        place.push(Part::text(text));
        self.changed = true;
    }

    fn change(&mut self, part: Part) {
        self.parts.push(part);
        self.changed = true;
    }
}

/// The calls of a message of the model, each under an identifier of its own.
fn calls_of(message: &Message) -> Vec<Call> {
    let mut calls: Vec<Call> = Vec::new();
    if *message.role() != Role::Assistant {
        return calls;
    }
    for (part, call) in message.parts().iter().enumerate() {
        let Part::ToolCall(call) = call else { continue };
        let is_taken = |calls: &[Call], id: &ToolCallId| calls.iter().any(|call| call.id == *id);
        let mut id = call.id.clone();
        let mut number = 2;
        while is_taken(&calls, &id)
            || (number > 2 && message.tool_calls().any(|other| other.id == id))
        {
            id = ToolCallId::new(format!("{}-{number}", call.id));
            number += 1;
        }
        calls.push(Call {
            part,
            id,
            answer: None,
        });
    }
    calls
}

fn is_empty(part: &Part) -> bool {
    matches!(part, Part::Text(text) if text.text.is_empty())
}
