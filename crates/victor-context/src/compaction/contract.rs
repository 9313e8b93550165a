//! The contract that a strategy's result must keep.

use std::collections::HashMap;
use std::sync::Arc;

use victor_core::{Context, Messages};

use crate::groups::Group;
use crate::repair;

/// The result of a strategy after the contract was enforced.
pub(crate) struct Enforced {
    pub(crate) context: Context,
    /// Whether the strategy broke a rule, which was repaired.
    pub(crate) was_broken: bool,
}

/// Makes the result of a strategy fit for use: puts back protected messages and the missing members of groups that it
/// cut apart, and repairs what is still invalid.
///
/// # Errors
///
/// The reason why the result cannot be used at all.
pub(crate) fn enforce(
    original: &Context,
    groups: &[Group],
    result: &Messages,
) -> Result<Enforced, String> {
    if result.is_empty() && !original.messages().is_empty() {
        return Err("it returned no messages".to_owned());
    }
    let history = original.messages();
    let positions = positions(history, result)?;
    let required = required(history, groups, result, &positions);
    let mut was_broken = false;
    let mut list = Messages::new();
    let mut next = 0;
    let mut put_back = |list: &mut Messages, next: &mut usize, until: usize| {
        for (index, message) in history.iter().enumerate().take(until).skip(*next) {
            if required[index] {
                list.push(message.clone());
                was_broken = true;
            }
        }
        *next = until;
    };
    for (message, position) in result.iter().zip(&positions) {
        match position {
            Some(position) if required[*position] && !is_same(history, *position, message) => {
                put_back(&mut list, &mut next, *position + 1);
            }
            Some(position) => {
                put_back(&mut list, &mut next, *position);
                list.push(message.clone());
                next = *position + 1;
            }
            None => list.push(message.clone()),
        }
    }
    put_back(&mut list, &mut next, history.len());
    let context = original.with_messages(list);
    was_broken |= context.messages().validate().is_err();
    Ok(Enforced {
        context: repair(&context),
        was_broken,
    })
}

/// Returns the position in `history` of each message of `result`, or `None` for a new one.
fn positions(history: &Messages, result: &Messages) -> Result<Vec<Option<usize>>, String> {
    let last: HashMap<_, _> = history
        .iter()
        .enumerate()
        .map(|(index, message)| (message.id(), index))
        .collect();
    let mut next = 0;
    let mut positions = Vec::with_capacity(result.len());
    for message in result {
        let Some(last) = last.get(&message.id()) else {
            positions.push(None);
            continue;
        };
        // An identifier may occur twice in a history, so that its last position is not always the one that is meant.
        let found = (next..=*last).find(|index| {
            history
                .get(*index)
                .is_some_and(|known| known.id() == message.id())
        });
        let position = found.ok_or_else(|| {
            format!(
                "it changed the order: message {} is not where it was",
                message.id()
            )
        })?;
        next = position + 1;
        positions.push(Some(position));
    }
    Ok(positions)
}

/// Tells for each message of the history whether the result must have it unchanged: it belongs to a protected group, or
/// to a group of which the result has another member.
fn required(
    history: &Messages,
    groups: &[Group],
    result: &Messages,
    positions: &[Option<usize>],
) -> Vec<bool> {
    // 0: left out, 1: there in another form, 2: there.
    let mut presence = vec![0_u8; history.len()];
    for (message, position) in result.iter().zip(positions) {
        if let Some(position) = position {
            presence[*position] = if is_same(history, *position, message) {
                2
            } else {
                1
            };
        }
    }
    let mut required = vec![false; history.len()];
    for group in groups {
        let is_begun = presence[group.range.clone()].contains(&2);
        for index in group.range.clone() {
            required[index] = group.protected || (is_begun && presence[index] != 1);
        }
    }
    required
}

fn is_same(history: &Messages, position: usize, message: &Arc<victor_core::Message>) -> bool {
    history
        .get(position)
        .is_some_and(|known| Arc::ptr_eq(known, message) || known == message)
}
