//! The coordinator against a model that keeps whole copies.

use std::sync::Arc;

use proptest::prelude::*;
use victor_checkpoint::{CheckpointCoordinator, CheckpointOptions};
use victor_checkpoint_protocol::{
    CheckpointCause, CheckpointDraft, CheckpointManager, InMemoryCheckpointStore, Retention,
};
use victor_core::{CheckpointId, Context, Coordinator, Message, Messages, SessionId};
use victor_testkit::drive;

/// Of how many checkpoints all that nobody asked for are kept.
const KEPT: usize = 4;

/// One thing that happens. Numbers choose among what there is.
#[derive(Debug, Clone)]
enum Step {
    Append {
        session: usize,
        count: usize,
    },
    Compact {
        session: usize,
        kept: usize,
        tail: usize,
    },
    /// The session is taken up again with messages that were read anew.
    Reread {
        session: usize,
    },
    Checkpoint {
        session: usize,
        labelled: bool,
        automatic: bool,
    },
    Restore {
        checkpoint: usize,
        by: usize,
    },
    Fork {
        checkpoint: usize,
    },
    Prune {
        session: usize,
        count: usize,
        by: usize,
    },
    Diff {
        from: usize,
        to: usize,
        by: usize,
    },
    Forget {
        session: usize,
    },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let one = 0..1000_usize;
    let step = prop_oneof![
        4 => (one.clone(), 1..6_usize).prop_map(|(session, count)| Step::Append { session, count }),
        1 => (one.clone(), 70..140_usize).prop_map(|(session, count)| Step::Append { session, count }),
        2 => (one.clone(), 0..80_usize, 0..80_usize)
            .prop_map(|(session, kept, tail)| Step::Compact { session, kept, tail }),
        1 => one.clone().prop_map(|session| Step::Reread { session }),
        6 => (one.clone(), any::<bool>(), any::<bool>())
            .prop_map(|(session, labelled, automatic)| Step::Checkpoint { session, labelled, automatic }),
        2 => (one.clone(), one.clone()).prop_map(|(checkpoint, by)| Step::Restore { checkpoint, by }),
        1 => one.clone().prop_map(|checkpoint| Step::Fork { checkpoint }),
        1 => (one.clone(), 0..5_usize, one.clone())
            .prop_map(|(session, count, by)| Step::Prune { session, count, by }),
        1 => (one.clone(), one.clone(), one.clone()).prop_map(|(from, to, by)| Step::Diff { from, to, by }),
        1 => one.prop_map(|session| Step::Forget { session }),
    ];
    proptest::collection::vec(step, 1..50)
}

/// A checkpoint as one would keep it who had no idea.
#[derive(Debug, Clone, PartialEq)]
struct Copy {
    id: CheckpointId,
    session: SessionId,
    parent: Option<CheckpointId>,
    labelled: bool,
    messages: Vec<Message>,
}

#[derive(Debug)]
struct Conversation {
    id: SessionId,
    context: Context,
    at: Option<CheckpointId>,
}

/// Two processes on one store, each of which works on every other session; either may prune and read all.
struct World {
    processes: [CheckpointCoordinator; 2],
    store: Arc<InMemoryCheckpointStore>,
    conversations: Vec<Conversation>,
    /// All checkpoints, oldest first.
    copies: Vec<Copy>,
}

impl World {
    fn new() -> Self {
        let store = Arc::new(InMemoryCheckpointStore::default());
        let mut options = CheckpointOptions::default();
        options.retention.max_count = Some(KEPT);
        let process = || CheckpointCoordinator::with_options(store.clone(), options.clone());
        Self {
            processes: [process(), process()],
            store: store.clone(),
            conversations: ["a", "b", "c"].map(Conversation::new).into(),
            copies: Vec::new(),
        }
    }

    fn index(&self, session: usize) -> usize {
        session % self.conversations.len()
    }

    fn copy(&self, checkpoint: usize) -> Option<Copy> {
        let count = self.copies.len();
        (count > 0).then(|| self.copies[checkpoint % count].clone())
    }

    fn work(&mut self, step: &Step) {
        match *step {
            Step::Append { session, count } => {
                let index = self.index(session);
                for _ in 0..count {
                    self.conversations[index]
                        .context
                        .push(Message::user("more"));
                }
            }
            Step::Compact {
                session,
                kept,
                tail,
            } => {
                let index = self.index(session);
                let context = &mut self.conversations[index].context;
                let messages = context.messages();
                let mut left: Messages = messages.iter().take(kept).cloned().collect();
                left.push(Message::note("messages were left out"));
                left.extend(
                    messages
                        .tail(tail.min(messages.len().saturating_sub(kept)))
                        .cloned(),
                );
                *context = context.with_messages(left);
            }
            Step::Reread { session } => {
                let index = self.index(session);
                let context = &mut self.conversations[index].context;
                let anew = context
                    .messages()
                    .iter()
                    .map(|message| Message::clone(message));
                *context = context.with_messages(anew.collect());
            }
            Step::Checkpoint {
                session,
                labelled,
                automatic,
            } => {
                self.checkpoint(session, labelled, automatic);
            }
            Step::Restore { checkpoint, by } => self.restore(checkpoint, by),
            Step::Fork { checkpoint } => self.fork(checkpoint),
            Step::Prune { session, count, by } => {
                let id = self.conversations[self.index(session)].id.clone();
                let mut retention = Retention::default();
                retention.max_count = Some(count);
                let pruned = self.processes[by % 2].prune_checkpoints(&id, &retention);
                let pruned = drive(pruned).unwrap().unwrap();
                assert_eq!(pruned, self.prune(&id, count));
            }
            Step::Diff { from, to, by } => self.diff(from, to, by),
            Step::Forget { session } => {
                let index = self.index(session);
                let conversation = &mut self.conversations[index];
                conversation.at = None;
                self.processes[index % 2].reset(&conversation.id);
            }
        }
    }

    fn checkpoint(&mut self, session: usize, labelled: bool, automatic: bool) {
        let index = self.index(session);
        let conversation = &mut self.conversations[index];
        let cause = if automatic {
            CheckpointCause::ToolCalls
        } else {
            CheckpointCause::Manual
        };
        let (id, context) = (conversation.id.clone(), conversation.context.clone());
        let messages = copies(context.messages());
        let mut draft = CheckpointDraft::new(id.clone(), context, cause);
        draft.label = labelled.then(|| "kept".into());
        let made = drive(self.processes[index % 2].create_checkpoint(draft))
            .unwrap()
            .unwrap();
        let newest = self.copies.iter().rev().find(|copy| copy.session == id);
        let parent = conversation.at.or(newest.map(|copy| copy.id));
        conversation.at = Some(made.id);
        self.copies.push(Copy {
            id: made.id,
            session: id.clone(),
            parent,
            labelled,
            messages,
        });
        if automatic {
            self.prune(&id, KEPT);
        }
    }

    fn restore(&mut self, checkpoint: usize, by: usize) {
        let Some(copy) = self.copy(checkpoint) else {
            return;
        };
        let restored = drive(self.processes[by % 2].restore_checkpoint(copy.id))
            .unwrap()
            .unwrap();
        assert_eq!(copies(restored.context.messages()), copy.messages);
        let mut conversations = self.conversations.iter_mut().enumerate();
        let found = conversations.find(|(_, found)| found.id == copy.session);
        if let Some((index, conversation)) = found
            && index % 2 == by % 2
        {
            conversation.at = Some(copy.id);
            conversation.context = restored.context;
        }
    }

    fn fork(&mut self, checkpoint: usize) {
        let Some(origin) = self.copy(checkpoint) else {
            return;
        };
        let index = self.conversations.len();
        let id = SessionId::from(format!("fork {index}"));
        let fork = drive(self.processes[index % 2].fork_checkpoint(origin.id, &id))
            .unwrap()
            .unwrap();
        assert_eq!(copies(fork.context.messages()), origin.messages);
        self.copies.push(Copy {
            id: fork.checkpoint.id,
            session: id.clone(),
            parent: Some(origin.id),
            labelled: false,
            messages: origin.messages,
        });
        self.conversations.push(Conversation {
            id,
            context: fork.context,
            at: Some(fork.checkpoint.id),
        });
    }

    fn diff(&self, from: usize, to: usize, by: usize) {
        let (Some(from), Some(to)) = (self.copy(from), self.copy(to)) else {
            return;
        };
        let diff = drive(self.processes[by % 2].diff_checkpoints(from.id, to.id))
            .unwrap()
            .unwrap();
        let both = from.messages.iter().zip(&to.messages);
        let common = both.take_while(|(from, to)| from == to).count();
        assert_eq!(diff.common, common);
        assert!(
            diff.removed
                .iter()
                .map(|message| &**message)
                .eq(&from.messages[common..])
        );
        assert!(
            diff.added
                .iter()
                .map(|message| &**message)
                .eq(&to.messages[common..])
        );
    }

    /// Forgets copies as the coordinator should, and says how many.
    fn prune(&mut self, session: &SessionId, count: usize) -> usize {
        let before = self.copies.len();
        let of_session = self
            .copies
            .iter()
            .rev()
            .filter(|copy| copy.session == *session);
        let places = of_session.enumerate();
        let gone: Vec<_> = places
            .filter(|(place, copy)| *place >= count.max(1) && !copy.labelled)
            .map(|(_, copy)| copy.id)
            .collect();
        self.copies.retain(|copy| !gone.contains(&copy.id));
        before - self.copies.len()
    }

    /// Whether the store has what the model has, seen from a process that has just begun.
    fn check(&self) {
        let process = CheckpointCoordinator::new(self.store.clone());
        for conversation in &self.conversations {
            let list = drive(process.checkpoints(&conversation.id))
                .unwrap()
                .unwrap();
            let of_session = self.copies.iter().rev();
            let expected = of_session
                .filter(|copy| copy.session == conversation.id)
                .map(|copy| (copy.id, copy.parent, copy.labelled));
            let found = list
                .iter()
                .map(|found| (found.id, found.parent, found.label.is_some()));
            assert!(found.eq(expected), "{list:?}");
        }
        for copy in &self.copies {
            let restored = drive(process.restore_checkpoint(copy.id)).unwrap().unwrap();
            assert_eq!(copies(restored.context.messages()), copy.messages);
        }
    }
}

impl Conversation {
    fn new(id: &str) -> Self {
        Self {
            id: id.into(),
            context: Context::default(),
            at: None,
        }
    }
}

fn copies(messages: &Messages) -> Vec<Message> {
    messages
        .iter()
        .map(|message| Message::clone(message))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn whatever_happens_it_has_what_whole_copies_would_have(steps in steps()) {
        let mut world = World::new();
        for step in &steps {
            world.work(step);
        }
        world.check();
    }
}
