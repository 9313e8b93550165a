//! The strategies that there are.

use std::collections::BTreeMap;
use std::sync::Arc;

use victor_core::{SharedLock, contain_sync};
use victor_tool_selection_protocol::{SelectionError, ToolSelectionStrategy};

/// The strategies that there are, and which of them is used.
#[derive(Debug)]
pub(crate) struct Registry(SharedLock<Strategies>);

#[derive(Debug)]
struct Strategies {
    known: BTreeMap<Arc<str>, Arc<dyn ToolSelectionStrategy>>,
    used: Named,
}

/// A strategy with the name by which it was registered.
#[derive(Debug, Clone)]
pub(crate) struct Named {
    pub(crate) name: Arc<str>,
    pub(crate) strategy: Arc<dyn ToolSelectionStrategy>,
}

impl Named {
    /// Asks a strategy for its name.
    fn new(strategy: Arc<dyn ToolSelectionStrategy>) -> Result<Self, SelectionError> {
        let name = contain_sync(|| Arc::from(strategy.name())).map_err(|panicked| {
            SelectionError::new("the strategy has no name").with_source(panicked)
        })?;
        Ok(Self { name, strategy })
    }
}

impl Registry {
    /// One strategy, which is used.
    pub(crate) fn new(strategy: Arc<dyn ToolSelectionStrategy>) -> Result<Self, SelectionError> {
        let used = Named::new(strategy)?;
        let known = BTreeMap::from([(used.name.clone(), used.strategy.clone())]);
        Ok(Self(SharedLock::new(Strategies { known, used })))
    }

    pub(crate) fn add(
        &self,
        strategy: Arc<dyn ToolSelectionStrategy>,
    ) -> Result<(), SelectionError> {
        let Named { name, strategy } = Named::new(strategy)?;
        let known = &mut self.0.write().known;
        if known.contains_key(&name) {
            return Err(SelectionError::DuplicateStrategy(name.to_string()));
        }
        known.insert(name, strategy);
        Ok(())
    }

    pub(crate) fn choose(&self, name: &str) -> Result<(), SelectionError> {
        let named = self.find(name)?;
        self.0.write().used = named;
        Ok(())
    }

    /// The strategy of this name.
    pub(crate) fn find(&self, name: &str) -> Result<Named, SelectionError> {
        let strategies = self.0.read();
        let Some((name, strategy)) = strategies.known.get_key_value(name) else {
            let known = strategies.known.keys().map(|known| &**known);
            return Err(SelectionError::unknown_strategy(name, known));
        };
        Ok(Named {
            name: name.clone(),
            strategy: strategy.clone(),
        })
    }

    pub(crate) fn used(&self) -> Named {
        self.0.read().used.clone()
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.0
            .read()
            .known
            .keys()
            .map(ToString::to_string)
            .collect()
    }
}
