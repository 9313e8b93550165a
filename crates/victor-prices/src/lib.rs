//! Prices of model calls: a bundled table with dates and tiers, files of your own and of LiteLLM.
//!
//! Each table is a [`PriceTable`]. [`GenaiPrices`] carries the prices of some fifty providers, as the
//! [`genai-prices`](https://github.com/pydantic/genai-prices) project maintains them; a [`PriceFile`] holds prices of
//! your own; [`LiteLlmPrices`] reads `model_prices_and_context_window.json` of LiteLLM. [`Layered`] asks several in
//! turn, so that a file overrides the bundled table.
//!
//! ```
//! use std::sync::Arc;
//!
//! use victor_prices::core::{Timestamp, Usage};
//! use victor_prices::protocol::{PriceQuery, PriceTable};
//! use victor_prices::{GenaiPrices, Layered, PriceFile};
//!
//! let negotiated = PriceFile::from_toml(
//!     r#"
//!     [[price]]
//!     provider = "anthropic"
//!     model = "claude-sonnet-*"
//!     input = 1.80    # dollars per million tokens
//!     output = 9.00
//!     "#,
//! )?;
//! let prices = Layered::new([Arc::new(negotiated) as Arc<dyn PriceTable>, Arc::new(GenaiPrices::bundled())]);
//!
//! let (model, usage) = ("claude-sonnet-5".into(), Usage::new(1_000, 100));
//! let query = PriceQuery::new("anthropic", &model, &usage, Timestamp::now());
//! assert_eq!(prices.price(&query).unwrap().cost.to_string(), "$0.0027");
//! # Ok::<(), victor_prices::PriceFileError>(())
//! ```
//!
//! A price that no table knows is `None`, never zero: a model of a server on your own machine has no price until a file
//! gives it one. Amounts are exact from the first addition on; a floating-point price is rounded once, when it enters.

mod error;
mod file;
mod genai;
mod layered;
mod litellm;
mod rates;

pub use error::PriceFileError;
pub use file::PriceFile;
pub use genai::GenaiPrices;
pub use layered::Layered;
pub use litellm::LiteLlmPrices;
#[doc(no_inline)]
pub use victor_core as core;
#[doc(no_inline)]
pub use victor_provider_protocol as protocol;
#[cfg(doc)]
use victor_provider_protocol::PriceTable;
