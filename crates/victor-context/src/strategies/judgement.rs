//! The worth of a group of messages.

use victor_core::{Context, Role};
use victor_lexical::{Bm25, fuse};

use super::selection::Selection;
use super::texts::texts;
use crate::groups::GroupKind;

/// The task at hand, as far as the context tells.
pub(crate) struct Task {
    /// In words.
    pub(crate) text: String,
    /// Whether somebody has stated it, instead of its being the user's last request.
    is_stated: bool,
}

impl Task {
    /// The field `current_task` of the metadata, and without it the user's last request.
    pub(crate) fn of(context: &Context) -> Self {
        let stated = context
            .metadata()
            .get("current_task")
            .and_then(|task| task.as_str())
            .filter(|task| !task.trim().is_empty());
        let last_request = || {
            let mut messages = context.messages().iter().rev();
            let request =
                messages.find(|message| *message.role() == Role::User && !message.is_note());
            request
                .map(|message| message.text().into_owned())
                .unwrap_or_default()
        };
        Self {
            text: stated.map_or_else(last_request, str::to_owned),
            is_stated: stated.is_some(),
        }
    }
}

/// Scores each group by its similarity to the task (the mean of several measures), by that of its neighbours, and by
/// its worth for any task.
///
/// A last request counts a third of a stated task, since it may be no more than "yes, do that". It does not count as
/// near to itself.
pub(crate) fn judge(
    selection: &Selection<'_>,
    task: &Task,
    index: &Bm25,
    mut measures: Vec<Vec<f32>>,
) -> Vec<f32> {
    let mut requests = selection.groups.iter();
    let last_request = requests.rposition(|group| group.kind == GroupKind::Request);
    if let Some(request) = last_request.filter(|_| !task.is_stated) {
        measures
            .iter_mut()
            .for_each(|measure| measure[request] = 0.0);
    }
    let measures: Vec<_> = measures.iter().map(|measure| (&measure[..], 1.0)).collect();
    let mut nearness = fuse(&measures);
    spread(&mut nearness);
    let weight = if task.is_stated { 1.0 } else { 0.35 };
    fuse(&[(&nearness, weight), (&worth(selection, index), 1.0)])
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

/// Scores each group by its worth for any task.
///
/// Where tools are at work, it is what was done last: the next step follows from the last ones. In a talk it is what
/// was said densely, in words that are not said elsewhere. Between the two the worth is mixed by the share of tokens
/// that steps with tools have; half of the tokens make it work and nothing else.
fn worth(selection: &Selection<'_>, index: &Bm25) -> Vec<f32> {
    let sizes = || selection.groups.iter().zip(&selection.tokens);
    let with_tools =
        sizes().filter(|(group, _)| group.kind == GroupKind::Step && group.range.len() > 1);
    let with_tools: u64 = with_tools.map(|(_, tokens)| tokens).sum();
    let all: u64 = sizes().map(|(_, tokens)| tokens).sum();
    let work = (2.0 * with_tools as f32 / all.max(1) as f32).min(1.0);
    let recency: Vec<f32> = (1..=selection.groups.len())
        .map(|place| place as f32)
        .collect();
    fuse(&[(&index.densities(), 1.0 - work), (&recency, work)])
}

/// Lets the score of a group reach its neighbours, by half with every step: what is said around something that
/// matters is needed to understand it.
fn spread(scores: &mut [f32]) {
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
