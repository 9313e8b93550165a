//! The hashes of the messages of a session, so that only new messages are hashed.

use std::sync::Arc;

use tokio::task::yield_now;
use victor_checkpoint_protocol::{ContentHash, History, HistoryLink};
use victor_core::{Message, Messages};

/// A list of messages that a store has, with the hash of every history that begins it.
#[derive(Debug, Default)]
pub(crate) struct HashChain {
    messages: Messages,
    heads: Vec<ContentHash>,
}

impl HashChain {
    /// Hashes all messages.
    pub(crate) async fn of(messages: Messages) -> Self {
        let mut chain = Self::default();
        chain.apply(chain.extend(messages).await);
        chain
    }

    pub(crate) fn messages(&self) -> &Messages {
        &self.messages
    }

    /// The name of all messages.
    pub(crate) fn history(&self) -> History {
        self.history_of(self.heads.len())
    }

    /// Returns the number of messages at the beginning whose content is the same in both.
    pub(crate) fn common(&self, other: &Self) -> usize {
        let both = self.heads.iter().zip(&other.heads);
        both.take_while(|(mine, other)| mine == other).count()
    }

    /// Computes the extension that turns this list into `messages`: hashes what follows the messages that both share.
    pub(crate) async fn extend(&self, messages: Messages) -> Extension {
        let shared = shared(&self.messages, &messages);
        let mut history = self.history_of(shared);
        let links = hash(&mut history, messages.iter().skip(shared)).await;
        // Messages that were read anew are equal and not shared.
        let both = links.iter().zip(&self.heads[shared..]);
        let known = both.take_while(|(link, head)| link.hash == **head).count();
        Extension {
            messages,
            shared,
            history,
            links,
            known,
        }
    }

    /// Applies an extension of this chain.
    pub(crate) fn apply(&mut self, extension: Extension) {
        self.heads.truncate(extension.shared);
        self.heads
            .extend(extension.links.iter().map(|link| link.hash));
        self.messages = extension.messages;
    }

    fn history_of(&self, len: usize) -> History {
        let last = len.checked_sub(1).and_then(|last| self.heads.get(last));
        History {
            head: last.copied(),
            len: len as u64,
        }
    }
}

/// The step from the messages of a [`HashChain`] to another list.
#[derive(Debug)]
pub(crate) struct Extension {
    messages: Messages,
    /// The number of messages at the beginning that stay.
    shared: usize,
    history: History,
    /// The links of the messages after them.
    links: Vec<HistoryLink>,
    /// The number of links that the store has.
    known: usize,
}

impl Extension {
    /// The name of the new list.
    pub(crate) fn history(&self) -> History {
        self.history
    }

    /// Leaves out the links of a history that the store has.
    pub(crate) fn leave_out(&mut self, stored: &History) {
        let links = usize::try_from(stored.len)
            .ok()
            .and_then(|len| len.checked_sub(self.shared));
        let Some(links @ 1..) = links else { return };
        if self.links.get(links - 1).map(|link| link.hash) == stored.head {
            self.known = self.known.max(links);
        }
    }

    /// Returns the links that the store is not known to have.
    pub(crate) fn new_links(&self) -> &[HistoryLink] {
        &self.links[self.known..]
    }

    /// Whether the new links are not all.
    pub(crate) fn builds_on_something(&self) -> bool {
        self.shared + self.known > 0
    }

    /// Returns the links of all messages, for a store that has none of them.
    pub(crate) async fn all_links(&self) -> Vec<HistoryLink> {
        hash(&mut History::default(), self.messages.iter()).await
    }
}

/// Appends messages to a history, and lets other tasks work now and then: a message takes some microseconds.
async fn hash(
    history: &mut History,
    messages: impl ExactSizeIterator<Item = &Arc<Message>>,
) -> Vec<HistoryLink> {
    const AT_ONCE: usize = 64;
    let mut links = Vec::with_capacity(messages.len());
    for message in messages {
        links.push(history.push(Arc::clone(message)));
        if links.len().is_multiple_of(AT_ONCE) {
            yield_now().await;
        }
    }
    links
}

/// Returns the number of messages at the beginning that both lists share.
fn shared(one: &Messages, other: &Messages) -> usize {
    let most = one.len().min(other.len());
    if one.shares_first(most, other) {
        return most;
    }
    let (mut yes, mut no) = (0, most);
    while no - yes > 1 {
        let middle = yes.midpoint(no);
        if one.shares_first(middle, other) {
            yes = middle;
        } else {
            no = middle;
        }
    }
    yes
}

#[cfg(test)]
mod tests {
    use victor_testkit::drive;

    use super::*;

    fn messages(texts: std::ops::Range<u128>) -> impl Iterator<Item = Arc<Message>> {
        texts.map(|number| {
            let id = victor_core::MessageId::from_u128(number);
            Arc::new(Message::with_id(id, "user".into(), Vec::new()))
        })
    }

    fn chain(messages: Messages) -> HashChain {
        drive(HashChain::of(messages)).unwrap()
    }

    /// Goes from one list to another, of which so many messages are hashed and so many of those are new to the store.
    #[track_caller]
    fn check(from: &Messages, to: &Messages, expected: (usize, usize)) {
        let mut mine = chain(from.clone());
        let extension = drive(mine.extend(to.clone())).unwrap();
        assert_eq!(
            (extension.links.len(), extension.new_links().len()),
            expected
        );
        let all = drive(extension.all_links()).unwrap();
        assert_eq!(
            (all.len(), all.last().map(|link| link.hash)),
            (to.len(), extension.history().head)
        );
        mine.apply(extension);
        let anew = chain(to.clone());
        assert_eq!((mine.history(), &mine.heads), (anew.history(), &anew.heads));
    }

    #[test]
    fn only_what_is_not_shared_is_hashed() {
        let base: Messages = messages(0..200).collect();
        let and = |keep: usize, more: u128| {
            let kept = base.iter().take(keep).cloned();
            kept.chain(messages(1000..1000 + more))
                .collect::<Messages>()
        };
        let mut grown = base.clone();
        grown.extend(messages(200..203));
        check(&base, &base, (0, 0));
        check(&base, &grown, (3, 3));
        check(&grown, &base, (0, 0));
        check(&Messages::new(), &base, (200, 200));
        check(&base, &Messages::new(), (0, 0));
        for keep in [0, 1, 63, 64, 65, 128, 199, 200] {
            check(&base, &and(keep, 0), (0, 0));
            check(&base, &and(keep, 2), (2, 2));
        }
        // Read anew, they are the same and are hashed to see that.
        let anew: Messages = messages(0..203).collect();
        check(&base, &anew, (203, 3));
    }

    #[test]
    fn what_the_store_lists_is_left_out() {
        let base: Messages = messages(0..10).collect();
        let mut extension = drive(HashChain::default().extend(base.clone())).unwrap();
        let left = |extension: &Extension| extension.new_links().len();
        let of = |count: usize| chain(base.iter().take(count).cloned().collect()).history();
        extension.leave_out(&History::default());
        extension.leave_out(&chain(messages(1..3).collect()).history());
        extension.leave_out(&chain(messages(0..12).collect()).history());
        assert_eq!(left(&extension), 10);
        extension.leave_out(&of(4));
        extension.leave_out(&of(2));
        assert_eq!(left(&extension), 6);
        extension.leave_out(&of(10));
        assert_eq!(left(&extension), 0);
    }
}
