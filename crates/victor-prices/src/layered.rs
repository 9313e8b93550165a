//! Several tables as one.

use std::sync::Arc;

use victor_core::contain_sync;
use victor_provider_protocol::{Price, PriceQuery, PriceTable};

/// Several tables, asked in their order. The first one that knows the model tells its price; a table that panics knows
/// nothing.
#[derive(Debug)]
pub struct Layered(Vec<Arc<dyn PriceTable>>);

impl Layered {
    /// Asks `tables` from first to last.
    pub fn new(tables: impl IntoIterator<Item = Arc<dyn PriceTable>>) -> Self {
        Self(tables.into_iter().collect())
    }
}

impl PriceTable for Layered {
    fn name(&self) -> &str {
        "layered"
    }

    fn price(&self, query: &PriceQuery<'_>) -> Option<Price> {
        self.0
            .iter()
            .find_map(|table| contain_sync(|| table.price(query)).ok().flatten())
    }
}
