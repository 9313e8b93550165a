//! A list of messages that grows and is snapshot in constant time.

use std::sync::Arc;

use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{InvalidHistory, Message, validity};

/// Number of messages that share one allocation. An append while a snapshot is held copies at most so many pointers.
const CHUNK: usize = 64;

type Chunk = Vec<Arc<Message>>;

/// A list of shared messages: a clone is a snapshot that shares everything, and neither a clone nor an append gets
/// dearer as the list grows.
///
/// Full chunks of 64 messages are frozen and shared between all snapshots; only the open chunk at the end is ever
/// copied, when something is appended while a snapshot still holds it.
///
/// ```
/// use victor_core::{Message, Messages};
///
/// let mut messages: Messages = (0..1000).map(|n| Message::user(n.to_string())).collect();
/// let snapshot = messages.clone();
/// messages.push(Message::assistant("done"));
/// assert_eq!((snapshot.len(), messages.len()), (1000, 1001));
/// assert_eq!(messages.iter().rev().nth(1).unwrap().text(), "999");
/// ```
#[derive(Debug, Clone, Default)]
pub struct Messages {
    full: Arc<Vec<Arc<Chunk>>>,
    open: Arc<Chunk>,
}

impl Messages {
    /// An empty list.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends a message.
    pub fn push(&mut self, message: impl Into<Arc<Message>>) {
        let open = Arc::make_mut(&mut self.open);
        // To the next power of two, so that a chunk fits exactly when it is full and a short list stays small.
        open.reserve_exact((open.len() + 1).next_power_of_two().max(4) - open.len());
        open.push(message.into());
        if open.len() == CHUNK {
            Arc::make_mut(&mut self.full).push(std::mem::take(&mut self.open));
        }
    }

    /// Returns the number of messages.
    #[must_use]
    pub fn len(&self) -> usize {
        self.full.len() * CHUNK + self.open.len()
    }

    /// Whether there are no messages.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.full.is_empty() && self.open.is_empty()
    }

    /// The message at `index`, counted from the oldest.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<&Arc<Message>> {
        self.full
            .get(index / CHUNK)
            .unwrap_or(&self.open)
            .get(index % CHUNK)
    }

    /// The oldest message.
    #[must_use]
    pub fn first(&self) -> Option<&Arc<Message>> {
        self.get(0)
    }

    /// The newest message.
    #[must_use]
    pub fn last(&self) -> Option<&Arc<Message>> {
        self.get(self.len().checked_sub(1)?)
    }

    /// The messages, oldest first.
    #[must_use]
    pub fn iter(&self) -> Iter<'_> {
        Iter {
            messages: self,
            front: 0,
            back: self.len(),
        }
    }

    /// The last `count` messages, or all if there are fewer.
    #[must_use]
    pub fn tail(&self, count: usize) -> Iter<'_> {
        Iter {
            messages: self,
            front: self.len().saturating_sub(count),
            back: self.len(),
        }
    }

    /// Whether this list and `other` have at least `count` messages, and the first `count` of both are the same ones:
    /// shared, not merely alike. It looks at one pointer for every 64 messages where one list has grown out of the
    /// other.
    #[must_use]
    pub fn shares_first(&self, count: usize, other: &Self) -> bool {
        if count > self.len() || count > other.len() {
            return false;
        }
        let shared = self
            .full
            .iter()
            .zip(other.full.iter())
            .take_while(|(one, other)| Arc::ptr_eq(one, other));
        // The chunks behind those that are shared are compared message by message.
        let from = shared.take(count / CHUNK).count() * CHUNK;
        (from..count).all(|index| match (self.get(index), other.get(index)) {
            (Some(one), Some(other)) => Arc::ptr_eq(one, other),
            _ => false,
        })
    }

    /// Checks that every provider would accept these messages as a history.
    ///
    /// # Errors
    ///
    /// The first rule that is broken, and where.
    pub fn validate(&self) -> Result<(), InvalidHistory> {
        validity::validate(self.iter())
    }
}

/// The messages of a list, oldest first. Made by [`Messages::iter`].
#[derive(Debug, Clone)]
pub struct Iter<'a> {
    messages: &'a Messages,
    front: usize,
    back: usize,
}

impl<'a> Iterator for Iter<'a> {
    type Item = &'a Arc<Message>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.front == self.back {
            return None;
        }
        self.front += 1;
        self.messages.get(self.front - 1)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.back - self.front, Some(self.back - self.front))
    }

    fn nth(&mut self, n: usize) -> Option<Self::Item> {
        self.front = self.front.saturating_add(n).min(self.back);
        self.next()
    }
}

impl DoubleEndedIterator for Iter<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        if self.front == self.back {
            return None;
        }
        self.back -= 1;
        self.messages.get(self.back)
    }
}

impl ExactSizeIterator for Iter<'_> {}

impl<'a> IntoIterator for &'a Messages {
    type Item = &'a Arc<Message>;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

impl<M: Into<Arc<Message>>> Extend<M> for Messages {
    fn extend<I: IntoIterator<Item = M>>(&mut self, messages: I) {
        messages.into_iter().for_each(|message| self.push(message));
    }
}

impl<M: Into<Arc<Message>>> FromIterator<M> for Messages {
    fn from_iter<I: IntoIterator<Item = M>>(messages: I) -> Self {
        let mut list = Self::new();
        list.extend(messages);
        list
    }
}

impl PartialEq for Messages {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len()
            && self
                .iter()
                .zip(other)
                .all(|(own, other)| Arc::ptr_eq(own, other) || own == other)
    }
}

impl Serialize for Messages {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self)
    }
}

impl<'de> Deserialize<'de> for Messages {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct List;

        impl<'de> Visitor<'de> for List {
            type Value = Messages;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a list of messages")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Messages, A::Error> {
                let mut messages = Messages::new();
                while let Some(message) = seq.next_element::<Message>()? {
                    messages.push(message);
                }
                Ok(messages)
            }
        }

        deserializer.deserialize_seq(List)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn behaves_as_a_vector_does(pushes in proptest::collection::vec(any::<bool>(), 0..300)) {
            let (mut list, mut vector, mut snapshots) = (Messages::new(), Vec::new(), Vec::new());
            for snapshot in pushes {
                let message = Arc::new(Message::user("m"));
                list.push(message.clone());
                vector.push(message);
                if snapshot {
                    snapshots.push((list.clone(), vector.clone()));
                }
            }
            for (list, vector) in snapshots.into_iter().chain([(list, vector)]) {
                prop_assert_eq!(list.len(), vector.len());
                prop_assert_eq!(list.is_empty(), vector.is_empty());
                prop_assert!(list.iter().map(|m| m.id()).eq(vector.iter().map(|m| m.id())));
                prop_assert!(list.iter().rev().map(|m| m.id()).eq(vector.iter().rev().map(|m| m.id())));
                let tail = &vector[vector.len().saturating_sub(70)..];
                prop_assert!(list.tail(70).map(|m| m.id()).eq(tail.iter().map(|m| m.id())));
                prop_assert_eq!(list.iter().nth(65).map(|m| m.id()), vector.get(65).map(|m| m.id()));
                prop_assert_eq!(list.first(), vector.first());
                prop_assert_eq!(list.last(), vector.last());
                prop_assert_eq!(list.get(vector.len()), None);
            }
        }

        #[test]
        fn what_has_grown_from_one_list_shares_its_beginning(
            common in 0..200_usize, own in 0..100_usize, other_own in 0..100_usize, asked in 0..400_usize,
        ) {
            let message = || Arc::new(Message::user("m"));
            let common: Messages = (0..common).map(|_| message()).collect();
            let (mut one, mut other) = (common.clone(), common.clone());
            one.extend((0..own).map(|_| message()));
            other.extend((0..other_own).map(|_| message()));
            prop_assert_eq!(one.shares_first(asked, &other), asked <= common.len());
            prop_assert!(one.shares_first(one.len(), &one.iter().cloned().collect()));
        }
    }
}
