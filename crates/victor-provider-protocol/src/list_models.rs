//! The optional ability to list models.

use std::fmt;

use async_trait::async_trait;
use victor_core::ModelId;

use crate::ProviderError;

/// A model API that lists its models.
///
/// Implemented by the adapters whose API can do so, beside [`ChatProvider`](crate::ChatProvider); called by programs
/// that let a person choose, or that help with a misspelled name. Calls may overlap.
#[async_trait]
pub trait ListModels: fmt::Debug + Send + Sync + 'static {
    /// Asks for the names of the models, in the order of the API.
    ///
    /// # Errors
    ///
    /// Those of a request; see [`ProviderErrorKind`](crate::ProviderErrorKind).
    ///
    /// # Cancel safety
    ///
    /// Dropping the call ends the request.
    async fn models(&self) -> Result<Vec<ModelId>, ProviderError>;
}

#[deny(clippy::missing_trait_methods)]
impl<T: ListModels + ?Sized> ListModels for std::sync::Arc<T> {
    victor_core::forward! {
        async fn models(&self) -> Result<Vec<ModelId>, ProviderError>;
    }
}
