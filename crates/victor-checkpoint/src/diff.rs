//! The differences between two checkpoints.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;
use victor_checkpoint_protocol::CheckpointDiff;
use victor_core::{JsonMap, Message};

use crate::hash_chain::HashChain;

/// Compares the messages and the state of `to` with those of `from`.
pub(crate) fn diff(from: (&HashChain, &JsonMap), to: (&HashChain, &JsonMap)) -> CheckpointDiff {
    let common = from.0.common(to.0);
    let behind = |chain: &HashChain| -> Vec<Arc<Message>> {
        chain.messages().iter().skip(common).cloned().collect()
    };
    let mut diff = CheckpointDiff::default();
    diff.common = common;
    diff.removed = behind(from.0);
    diff.added = behind(to.0);
    diff.state = changes(from.1, to.1);
    diff
}

/// The entries that are not the same, in the order of their names.
fn changes(from: &JsonMap, to: &JsonMap) -> Vec<(String, Value, Value)> {
    let names: BTreeSet<_> = from.keys().chain(to.keys()).collect();
    let value = |map: &JsonMap, name: &String| map.get(name).cloned().unwrap_or_default();
    names
        .into_iter()
        .map(|name| (name.clone(), value(from, name), value(to, name)))
        .filter(|(_, was, is)| was != is)
        .collect()
}
