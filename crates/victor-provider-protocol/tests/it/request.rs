use async_trait::async_trait;
use victor_core::{Context, ModelId};
use victor_provider_protocol::{
    Capabilities, ChatProvider, ChatRequest, CompletionStream, ProviderError, ProviderErrorKind,
};

#[derive(Debug)]
struct Provider(Option<&'static str>);

#[async_trait]
impl ChatProvider for Provider {
    fn name(&self) -> &str {
        "p"
    }

    async fn stream_chat(&self, _: &ChatRequest) -> Result<CompletionStream, ProviderError> {
        Ok(CompletionStream::from_events([]))
    }

    fn default_model(&self) -> Option<ModelId> {
        self.0.map(Into::into)
    }

    fn capabilities(&self, _: &ModelId) -> Capabilities {
        Capabilities::default()
    }
}

#[test]
fn a_request_without_a_model_goes_to_the_default_one() {
    let check = |own: Option<&str>, default, expected: Result<&str, ProviderErrorKind>| {
        let mut request = ChatRequest::to_current_model(Context::default());
        request.model = own.map(Into::into);
        let found = request
            .model_for(&Provider(default))
            .map_err(|error| error.kind);
        assert_eq!(found, expected.map(ModelId::from));
    };
    check(Some("own"), Some("default"), Ok("own"));
    check(Some("own"), None, Ok("own"));
    check(None, Some("default"), Ok("default"));
    check(None, None, Err(ProviderErrorKind::InvalidRequest));
}
