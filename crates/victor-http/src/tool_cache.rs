//! The list of tools, written once.

use std::sync::Arc;

use serde::Serialize;
use serde_json::value::{RawValue, to_raw_value};
use victor_core::{Lock, ToolSpec};

/// Keeps the last list of tools as it was written: it is large, and the same in nearly every request.
#[derive(Debug, Default)]
pub struct ToolCache(Lock<Option<Kept>>);

type Kept = (Arc<[ToolSpec]>, Arc<RawValue>);

impl ToolCache {
    /// The list as JSON, written by `write` unless it was the last one asked for. Lists are told apart by being shared,
    /// so a list must always be written in the same way.
    ///
    /// # Errors
    ///
    /// It cannot be written as JSON.
    pub fn json<T: Serialize>(
        &self,
        tools: &Arc<[ToolSpec]>,
        write: impl FnOnce() -> T,
    ) -> serde_json::Result<Arc<RawValue>> {
        let kept = self.0.lock().clone();
        if let Some((list, json)) = kept
            && Arc::ptr_eq(&list, tools)
        {
            return Ok(json);
        }
        let json: Arc<RawValue> = to_raw_value(&write())?.into();
        *self.0.lock() = Some((tools.clone(), json.clone()));
        Ok(json)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_list_is_written_once() {
        let cache = ToolCache::default();
        let list = |name: &str| Arc::from([ToolSpec::new(name, "", json!({}))]);
        let (one, other) = (list("one"), list("other"));
        let check = |tools: &Arc<[ToolSpec]>, written: &str, expected: &str| {
            let json = cache.json(tools, || written).unwrap();
            assert_eq!(json.get(), format!("\"{expected}\""));
        };
        check(&one, "1", "1");
        check(&one, "2", "1");
        check(&other, "3", "3");
        check(&one, "4", "4");
    }
}
