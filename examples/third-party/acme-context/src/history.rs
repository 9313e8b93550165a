//! Rules of histories: what may not go, what belongs together, what a provider would refuse.

use std::ops::Range;
use std::sync::Arc;

use victor_core::{Message, Messages, Role};

/// Whether each message must stay: the system's, pinned ones, and the user's first and last request.
pub(crate) fn must_stay(messages: &Messages) -> Vec<bool> {
    let is_request = |message: &&Arc<Message>| *message.role() == Role::User && !message.is_note();
    let first = messages.iter().find(is_request).map(|message| message.id());
    let last = messages
        .iter()
        .rfind(is_request)
        .map(|message| message.id());
    let stays = |message: &Arc<Message>| {
        let id = Some(message.id());
        message.is_pinned() || *message.role() == Role::System || id == first || id == last
    };
    messages.iter().map(stays).collect()
}

/// The parts of a history that go or stay as a whole: tool calls with their results, and each other message by itself.
pub(crate) fn units(messages: &Messages) -> Vec<Range<usize>> {
    let mut units: Vec<Range<usize>> = Vec::new();
    for (index, message) in messages.iter().enumerate() {
        match units.last_mut() {
            Some(unit) if *message.role() == Role::Tool => unit.end = index + 1,
            _ => units.push(index..index + 1),
        }
    }
    units
}

/// Leaves out what a provider would refuse: calls whose results are not all there, results of no call, and what says
/// nothing. An answer at the beginning gets a note before it. A valid history stays as it is.
pub(crate) fn mended(messages: &Messages) -> Messages {
    if messages.validate().is_ok() {
        return messages.clone();
    }
    let mut kept = Messages::new();
    for unit in units(messages) {
        let unit: Vec<_> = messages
            .iter()
            .skip(unit.start)
            .take(unit.len())
            .cloned()
            .collect();
        // A unit is asked about behind a user's message, as it stands in a history.
        let mut alone = Messages::new();
        alone.push(Message::user("?"));
        unit.iter().for_each(|message| alone.push(message.clone()));
        if alone.validate().is_err() {
            continue;
        }
        let begins = kept.iter().all(|message| *message.role() == Role::System);
        if begins
            && unit
                .iter()
                .any(|message| *message.role() == Role::Assistant)
        {
            kept.push(Message::note("(Earlier messages were left out.)"));
        }
        unit.into_iter().for_each(|message| kept.push(message));
    }
    kept
}

/// Takes out the exchange that the last message marks as declined: the model would go on declining what it sees again.
pub(crate) fn without_declined(messages: &Messages) -> Option<Messages> {
    let first = messages.last()?.declines_from()?;
    let from = messages.iter().position(|message| message.id() == first);
    let from = from.unwrap_or(messages.len() - 1);
    Some(messages.iter().take(from).cloned().collect())
}
