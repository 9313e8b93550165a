//! What a group of messages is worth.

use victor_core::{Context, Role};
use victor_lexical::Bm25;

use super::selection::Selection;
use super::texts::texts;
use crate::groups::GroupKind;

/// What the model is to do now, as far as the context tells.
pub(crate) struct Task {
    /// In words.
    pub(crate) text: String,
    /// How much nearness to it is worth beside what a message is worth by itself.
    pub(crate) weight: f32,
}

impl Task {
    /// The field `current_task` of the metadata, and without it the user's last request. The latter counts half: it
    /// may be no more than "yes, do that".
    pub(crate) fn of(context: &Context) -> Self {
        let stated = context.metadata().get("current_task");
        if let Some(task) = stated
            .and_then(|task| task.as_str())
            .filter(|task| !task.trim().is_empty())
        {
            let text = task.to_owned();
            return Self { text, weight: 1.0 };
        }
        let is_request = |role: &Role| *role == Role::User;
        let mut messages = context.messages().iter().rev();
        let request = messages.find(|message| is_request(message.role()) && !message.is_note());
        let text = request
            .map(|message| message.text().into_owned())
            .unwrap_or_default();
        Self { text, weight: 0.5 }
    }
}

/// An index of the groups by their words.
pub(crate) fn index(selection: &Selection<'_>) -> Bm25 {
    let mut index = Bm25::default();
    for group in &selection.groups {
        let texts = texts(group.messages(selection.history));
        index.add_fields(texts.into_iter().map(|text| (text, 1.0)));
    }
    index
}

/// What each group is worth whatever the task is, from 0 to 1.
///
/// Where tools are at work, it is what was done last: the next step follows from the last ones. In a talk it is what
/// was said densely, in words that are not said elsewhere. Between the two the worth is mixed by the share of tokens
/// that steps with tools have; half of the tokens make it work and nothing else.
pub(crate) fn worth(selection: &Selection<'_>, index: &Bm25) -> Vec<f32> {
    let sizes = || selection.groups.iter().zip(&selection.tokens);
    let with_tools =
        sizes().filter(|(group, _)| group.kind == GroupKind::Step && group.range.len() > 1);
    let with_tools: u64 = with_tools.map(|(_, tokens)| tokens).sum();
    let all: u64 = sizes().map(|(_, tokens)| tokens).sum();
    let work = (2.0 * with_tools as f32 / all.max(1) as f32).min(1.0);
    let count = selection.groups.len() as f32;
    let mut worth = index.densities();
    to_one(&mut worth);
    for (place, worth) in worth.iter_mut().enumerate() {
        let recency = (place + 1) as f32 / count;
        *worth = (1.0 - work) * *worth + work * recency;
    }
    worth
}

/// Lets the score of a group reach its neighbours, by half with every step: what is said around something that
/// matters is needed to understand it.
pub(crate) fn spread(scores: &mut [f32]) {
    let mut forward = scores.to_vec();
    let mut reach = 0.0;
    for score in &mut forward {
        let own = *score;
        *score = reach;
        reach = (reach + own) / 2.0;
    }
    reach = 0.0;
    for (score, forward) in scores.iter_mut().zip(forward).rev() {
        let own = *score;
        *score += reach + forward;
        reach = (reach + own) / 2.0;
    }
}

/// Brings scores into the range up to 1.
pub(crate) fn to_one(scores: &mut [f32]) {
    let largest = scores.iter().copied().fold(0.0, f32::max);
    if largest > 0.0 {
        scores.iter_mut().for_each(|score| *score /= largest);
    }
}
