//! Exchanges that the model declined to go on with.

use victor_core::{Context, Messages};

/// Returns the index at which the exchange begins that the last message marks as declined; `None` if it marks none. If
/// the first message of the exchange is gone, only the last one is left of it.
pub(crate) fn declined_from(messages: &Messages) -> Option<usize> {
    let first = messages.last()?.declines_from()?;
    let found = messages.iter().rposition(|message| message.id() == first);
    Some(found.unwrap_or(messages.len() - 1))
}

/// The context without the exchanges that the model declined to go on with.
///
/// Each has a last message that [names its first](victor_core::Message::declines_from). All between them goes, the
/// notes of earlier compactions too, which may tell of what was declined.
pub(crate) fn without_declined(context: Context) -> Context {
    let messages = context.messages();
    let is_declined = messages
        .iter()
        .any(|message| message.declines_from().is_some());
    if !is_declined {
        return context;
    }
    let mut kept = Messages::new();
    for message in messages {
        kept.push(message.clone());
        if let Some(from) = declined_from(&kept) {
            kept = kept.iter().take(from).cloned().collect();
        }
    }
    context.with_messages(kept)
}
