//! The provider at a server that answers as a test says.

use victor_anthropic::{AnthropicBuilder, AnthropicProvider};
use victor_http::{HttpOptions, HttpProxy};
use victor_testkit::{ApiRequest, FakeApi, Reply};

pub(crate) const KEY: &str = "sk-ant-secret-0123456789";

pub(crate) struct Server(FakeApi);

impl Server {
    pub(crate) async fn start(rule: impl Fn(&ApiRequest) -> Reply + Send + Sync + 'static) -> Self {
        Self(FakeApi::start(rule).await.unwrap())
    }

    pub(crate) async fn answering(reply: Reply) -> Self {
        Self(FakeApi::answering(reply).await.unwrap())
    }

    pub(crate) fn settings(&self) -> AnthropicBuilder {
        let options = HttpOptions::default().with_proxy(HttpProxy::None);
        AnthropicProvider::builder()
            .base_url(self.0.url())
            .api_key(KEY)
            .http_options(options)
    }

    pub(crate) fn provider(&self) -> AnthropicProvider {
        self.settings().build().unwrap()
    }

    /// The last request that came.
    pub(crate) fn last(&self) -> ApiRequest {
        self.0.last()
    }
}
