//! What is demanded of a strategy's result.

use std::collections::HashMap;
use std::sync::Arc;

use victor_core::{Context, Messages};

use crate::groups::Group;
use crate::repair;

/// A strategy's result, fit for use.
pub(crate) struct Mended {
    pub(crate) context: Context,
    /// Whether it broke a rule that could be mended.
    pub(crate) was_broken: bool,
}

/// Makes what a strategy returned fit for use: puts back what is protected and the other half of what it cut apart,
/// and repairs what is still invalid.
///
/// # Errors
///
/// Why it is beyond mending.
pub(crate) fn mend(
    original: &Context,
    groups: &[Group],
    result: &Messages,
) -> Result<Mended, String> {
    if result.is_empty() && !original.messages().is_empty() {
        return Err("it returned no messages".to_owned());
    }
    let history = original.messages();
    let places = places(history, result)?;
    let wanted = wanted(history, groups, result, &places);
    let mut was_broken = false;
    let mut list = Messages::new();
    let mut next = 0;
    let mut put_back = |list: &mut Messages, next: &mut usize, until: usize| {
        for (index, message) in history.iter().enumerate().take(until).skip(*next) {
            if wanted[index] {
                list.push(message.clone());
                was_broken = true;
            }
        }
        *next = until;
    };
    for (message, place) in result.iter().zip(&places) {
        match place {
            Some(place) if wanted[*place] && !is_same(history, *place, message) => {
                put_back(&mut list, &mut next, *place + 1);
            }
            Some(place) => {
                put_back(&mut list, &mut next, *place);
                list.push(message.clone());
                next = *place + 1;
            }
            None => list.push(message.clone()),
        }
    }
    put_back(&mut list, &mut next, history.len());
    let context = original.with_messages(list);
    was_broken |= context.messages().validate().is_err();
    Ok(Mended {
        context: repair(&context),
        was_broken,
    })
}

/// Where the messages of `result` stand in `history`; none for those that are new.
fn places(history: &Messages, result: &Messages) -> Result<Vec<Option<usize>>, String> {
    let last: HashMap<_, _> = history
        .iter()
        .enumerate()
        .map(|(index, message)| (message.id(), index))
        .collect();
    let mut next = 0;
    let mut places = Vec::with_capacity(result.len());
    for message in result {
        let Some(last) = last.get(&message.id()) else {
            places.push(None);
            continue;
        };
        // An identifier may occur twice in a history, so that its last place is not always the one that is meant.
        let found = (next..=*last).find(|index| {
            history
                .get(*index)
                .is_some_and(|known| known.id() == message.id())
        });
        let place = found.ok_or_else(|| {
            format!(
                "it changed the order: message {} is not where it was",
                message.id()
            )
        })?;
        next = place + 1;
        places.push(Some(place));
    }
    Ok(places)
}

/// Which messages of the history the result must have as they were: those of protected groups, and those of groups
/// of which it has a part.
fn wanted(
    history: &Messages,
    groups: &[Group],
    result: &Messages,
    places: &[Option<usize>],
) -> Vec<bool> {
    // 0: left out, 1: there in another form, 2: there.
    let mut presence = vec![0_u8; history.len()];
    for (message, place) in result.iter().zip(places) {
        if let Some(place) = place {
            presence[*place] = if is_same(history, *place, message) {
                2
            } else {
                1
            };
        }
    }
    let mut wanted = vec![false; history.len()];
    for group in groups {
        let is_begun = presence[group.range.clone()].contains(&2);
        for index in group.range.clone() {
            wanted[index] = group.protected || (is_begun && presence[index] != 1);
        }
    }
    wanted
}

fn is_same(history: &Messages, place: usize, message: &Arc<victor_core::Message>) -> bool {
    history
        .get(place)
        .is_some_and(|known| Arc::ptr_eq(known, message) || known == message)
}
