//! Choosing groups by their scores.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use victor_context_protocol::{CompactionBudget, TokenCounterExt};
use victor_core::{Context, Messages};

use crate::groups::{Group, GroupKind, groups};

/// With how many of the groups taken last a group is compared.
const COMPARED: usize = 64;

/// The groups of a history, from which a strategy chooses.
pub(crate) struct Selection<'a> {
    pub(crate) history: &'a Messages,
    pub(crate) groups: Vec<Group>,
    /// The tokens of each group.
    pub(crate) tokens: Vec<u64>,
}

impl<'a> Selection<'a> {
    /// The groups of a context, or none if it is within the budget as it is.
    pub(crate) fn of(context: &'a Context, budget: &CompactionBudget) -> Option<Self> {
        let history = context.messages();
        let counter = &*budget.counter;
        if counter.tokens_of(history) <= budget.target_tokens {
            return None;
        }
        let groups = groups(history);
        let tokens = groups.iter().map(|group| group.tokens(history, counter));
        Some(Self {
            history,
            tokens: tokens.collect(),
            groups,
        })
    }

    /// Takes groups while they fit into `target` tokens: first those that are protected, then notes, then by score, of
    /// equals the newer. A group that does not fit is passed over for smaller ones.
    pub(crate) fn take(&self, target: u64, scores: &[f32]) -> Messages {
        self.take_unlike(target, scores, None)
    }

    /// Takes groups by score, as [`take`](Self::take) does, where the score sinks by how like a group is to what is
    /// taken before.
    ///
    /// It is compared with the last [`COMPARED`] alone. What is alike has about the same score, and so is taken soon
    /// after; to compare with all would take seconds in a long history.
    pub(crate) fn take_unlike(
        &self,
        target: u64,
        scores: &[f32],
        likeness: Option<&dyn Fn(usize, usize) -> f32>,
    ) -> Messages {
        let mut taken: Vec<bool> = self.groups.iter().map(|group| group.protected).collect();
        let mut order: Vec<usize> = (0..taken.len()).filter(|index| taken[*index]).collect();
        let protected: u64 = order.iter().map(|index| self.tokens[*index]).sum();
        let mut left = target.saturating_sub(protected);
        let mut candidates: BinaryHeap<Candidate> = (0..taken.len())
            .filter(|index| !taken[*index])
            .map(|index| Candidate {
                is_note: self.groups[index].kind == GroupKind::Note,
                score: scores[index],
                index,
                likeness: 0.0,
                compared: 0,
            })
            .collect();
        while let Some(mut candidate) = candidates.pop() {
            let index = candidate.index;
            if self.tokens[index] > left {
                continue;
            }
            if let Some(likeness) = likeness
                && candidate.compared < order.len()
            {
                let from = candidate.compared.max(order.len().saturating_sub(COMPARED));
                let likeness = order[from..].iter().map(|taken| likeness(index, *taken));
                candidate.likeness = likeness.fold(candidate.likeness, f32::max);
                candidate.compared = order.len();
                candidate.score = scores[index] - candidate.likeness;
                candidates.push(candidate);
                continue;
            }
            left -= self.tokens[index];
            taken[index] = true;
            order.push(index);
        }
        let taken = self.groups.iter().zip(taken).filter(|(_, taken)| *taken);
        taken
            .flat_map(|(group, _)| group.messages(self.history))
            .cloned()
            .collect()
    }

    /// Marks the oldest groups that must go so that the others have at most `target` tokens.
    pub(crate) fn oldest(&self, target: u64) -> Vec<bool> {
        let mut left: u64 = self.tokens.iter().sum();
        let groups = self.groups.iter().zip(&self.tokens);
        groups
            .map(|(group, tokens)| {
                let goes = left > target && !group.protected;
                left -= if goes { *tokens } else { 0 };
                goes
            })
            .collect()
    }
}

/// A group that may be taken. The greatest is the next.
struct Candidate {
    is_note: bool,
    score: f32,
    index: usize,
    /// The highest similarity to the groups that it was compared with.
    likeness: f32,
    /// The number of groups that had been taken when it was compared last.
    compared: usize,
}

impl Ord for Candidate {
    fn cmp(&self, other: &Self) -> Ordering {
        let notes = self.is_note.cmp(&other.is_note);
        notes
            .then(self.score.total_cmp(&other.score))
            .then(self.index.cmp(&other.index))
    }
}

impl PartialOrd for Candidate {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Candidate {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Candidate {}
