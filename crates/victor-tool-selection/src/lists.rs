//! The memory of lists of tools.

use std::sync::Arc;

use tokio::sync::OnceCell;
use victor_core::{Lock, ToolSpec};

/// Maximum number of lists that something is kept for: the modes of a program have a list each, and there are few.
const LISTS: usize = 8;

/// Something that is computed from a list of tools, kept for the lists that were asked about last.
///
/// The same list is found by its address, which costs nothing; one that is only equal by comparing, once. When a tool
/// changes, the list is another one.
#[derive(Debug)]
pub(crate) struct PerList<T>(Lock<Vec<Known<T>>>);

#[derive(Debug)]
struct Known<T> {
    tools: Arc<[ToolSpec]>,
    value: Arc<OnceCell<T>>,
}

impl<T> Default for PerList<T> {
    fn default() -> Self {
        Self(Lock::default())
    }
}

impl<T> PerList<T> {
    /// Returns what is kept for a list; empty if it is a new one. Whoever fills it does so for all who wait.
    pub(crate) fn of(&self, tools: &Arc<[ToolSpec]>) -> Arc<OnceCell<T>> {
        let mut lists = self.0.lock();
        let same = lists
            .iter()
            .position(|known| Arc::ptr_eq(&known.tools, tools));
        let found = same.or_else(|| lists.iter().position(|known| known.tools == *tools));
        let mut known = match found {
            Some(place) => lists.remove(place),
            None => Known {
                tools: tools.clone(),
                value: Arc::default(),
            },
        };
        if found.is_none() && lists.len() == LISTS {
            lists.remove(0);
        }
        known.tools = tools.clone();
        let value = known.value.clone();
        lists.push(known);
        value
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn tools(name: &str) -> Arc<[ToolSpec]> {
        [ToolSpec::new(name, "", json!({}))].into()
    }

    #[test]
    fn equal_lists_share_and_the_oldest_of_too_many_is_forgotten() {
        let lists = PerList::default();
        let first = tools("first");
        lists.of(&first).set(1).expect("an empty cell");
        for number in 0..LISTS {
            assert_eq!(lists.of(&first).get(), Some(&1));
            assert_eq!(lists.of(&tools("first")).get(), Some(&1));
            assert_eq!(lists.of(&tools(&number.to_string())).get(), None);
        }
        for number in 0..LISTS {
            lists.of(&tools(&number.to_string()));
        }
        assert_eq!(lists.of(&first).get(), None);
    }
}
