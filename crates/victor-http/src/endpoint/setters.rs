//! The setters that the builders of all adapters have in common.

/// Writes the setters of an adapter's builder that only fill its field `endpoint`, an
/// [`ApiEndpointBuilder`](crate::ApiEndpointBuilder).
///
/// ```
/// #[derive(Clone, Default)]
/// pub struct AcmeBuilder {
///     endpoint: victor_http::ApiEndpointBuilder,
/// }
///
/// impl AcmeBuilder {
///     victor_http::endpoint_setters!();
/// }
///
/// let builder = AcmeBuilder::default().api_key("k").base_url("http://localhost:1").default_model("small");
/// ```
#[macro_export]
macro_rules! endpoint_setters {
    () => {
        /// Sets the API key, sent in the header that the server takes it in. Servers on this machine usually need none.
        #[must_use]
        pub fn api_key(mut self, key: impl Into<$crate::Secret>) -> Self {
            self.endpoint.set_api_key(key);
            self
        }

        /// Sets the address of the API. Defaults to that of the server; elsewhere, no key is needed. It may have a
        /// query, a user and a password, or be behind a Unix domain socket; see [`BaseUrl`]($crate::BaseUrl). The path
        /// of a method at its end is cut.
        #[must_use]
        pub fn base_url(mut self, url: impl Into<String>) -> Self {
            self.endpoint.set_base_url(url);
            self
        }

        /// Adds a header to every request, or replaces one that would be sent. Its value counts as secret.
        #[must_use]
        pub fn header(mut self, name: impl Into<String>, value: impl Into<$crate::Secret>) -> Self {
            self.endpoint.add_header(name, value);
            self
        }

        /// Sets the client, to share its connections and limits with others.
        #[must_use]
        pub fn http(mut self, client: $crate::HttpClient) -> Self {
            self.endpoint.set_client(client);
            self
        }

        /// Sets the options of the client that is made where none is set.
        #[must_use]
        pub fn http_options(mut self, options: $crate::HttpOptions) -> Self {
            self.endpoint.set_options(options);
            self
        }

        /// Sets the model that is asked where none is chosen. Defaults to one of the vendor's own at its own address,
        /// and to none elsewhere.
        #[must_use]
        pub fn default_model(mut self, model: impl Into<$crate::core::ModelId>) -> Self {
            self.endpoint.set_default_model(model);
            self
        }

        /// Declares the capabilities of a model, in place of all that is known of it otherwise.
        #[must_use]
        pub fn capabilities(
            mut self,
            model: impl Into<$crate::core::ModelId>,
            capabilities: $crate::protocol::Capabilities,
        ) -> Self {
            self.endpoint.declare(model, capabilities);
            self
        }
    };
}
