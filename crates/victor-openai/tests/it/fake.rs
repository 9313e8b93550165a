//! The provider at a server that answers as a test says.

use victor_http::{HttpOptions, HttpProxy};
use victor_openai::{Dialect, OpenAiBuilder, OpenAiProvider, Server};
use victor_testkit::FakeApi;
pub(crate) use victor_testkit::{ApiRequest as Asked, Reply};

pub(crate) struct Fake(FakeApi);

impl Fake {
    /// A server that answers every request by this rule.
    pub(crate) async fn new(rule: impl Fn(&Asked) -> Reply + Send + Sync + 'static) -> Self {
        Self(FakeApi::start(rule).await.unwrap())
    }

    pub(crate) async fn saying(reply: Reply) -> Self {
        Self(FakeApi::answering(reply).await.unwrap())
    }

    /// All that it was asked.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.0.requests()
    }

    pub(crate) fn url(&self) -> String {
        format!("{}/v1", self.0.url())
    }

    pub(crate) fn builder(&self, server: Server, dialect: Dialect) -> OpenAiBuilder {
        let options = HttpOptions::default().with_proxy(HttpProxy::None);
        OpenAiProvider::builder()
            .server(server)
            .dialect(dialect)
            .base_url(self.url())
            .http_options(options)
    }

    pub(crate) fn provider(&self, server: Server, dialect: Dialect) -> OpenAiProvider {
        self.builder(server, dialect).build().unwrap()
    }
}
