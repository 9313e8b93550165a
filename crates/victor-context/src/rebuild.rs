//! New messages from old ones.

use victor_core::{Message, MessageId, Part};

/// A note of the program, under an identifier that follows from what it stands for.
pub(crate) fn note(id: MessageId, text: impl Into<String>) -> Message {
    let note = Message::note(text);
    let renamed = Message::with_id(id, note.role().clone(), note.parts().to_vec());
    with_extras(renamed, &note)
}

/// The same message with other parts.
pub(crate) fn with_parts(message: &Message, parts: Vec<Part>) -> Message {
    let mut rebuilt = Message::with_id(message.id(), message.role().clone(), parts);
    if message.is_pinned() {
        rebuilt = rebuilt.pinned();
    }
    if let Some(model) = message.model() {
        rebuilt = rebuilt.with_model(model.clone());
    }
    with_extras(rebuilt, message)
}

/// The message with the fields of another.
fn with_extras(message: Message, other: &Message) -> Message {
    other
        .extra()
        .iter()
        .fold(message, |message, (field, value)| {
            message.with_extra(field.clone(), value.clone())
        })
}

/// An identifier for a message that is made out of another: the same for the same `id` and `purpose`, near to it in
/// time, and nobody else's.
pub(crate) fn derived_id(id: MessageId, purpose: u64) -> MessageId {
    // The lower 62 bits of a version 7 identifier are random; the finalizer of splitmix64 makes others of them.
    let mut mixed = purpose.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^= mixed >> 31;
    MessageId::from_u128(id.as_u128() ^ u128::from(mixed >> 2))
}

#[cfg(test)]
mod tests {
    use victor_core::ModelId;

    use super::*;

    #[test]
    fn all_but_the_parts_stays() {
        let message = Message::user("a")
            .pinned()
            .with_model(ModelId::new("m"))
            .with_extra("own", 1);
        assert_eq!(with_parts(&message, message.parts().to_vec()), message);
    }

    #[test]
    fn derived_identifiers_differ_and_stay_near() {
        let id = MessageId::generate();
        let derived = [derived_id(id, 0), derived_id(id, 1)];
        assert!(derived[0] != derived[1] && !derived.contains(&id));
        assert_eq!(derived[0], derived_id(id, 0));
        assert_eq!(derived[0].as_u128() >> 62, id.as_u128() >> 62);
    }
}
