//! Endpoints of model APIs: addresses, credentials, and answers with an error status.

use std::time::Duration;

use victor_http::core::ModelId;
use victor_http::header::{AUTHORIZATION, HeaderValue};
use victor_http::protocol::{Capabilities, CapabilitySource, ProviderError, ProviderErrorKind};
use victor_http::{ApiEndpoint, ApiEndpointBuilder, ApiServer, BaseUrl, KeyHeader, RefusedRequest};

use crate::server::{Server, ok, options, send};

const URL: &str = "https://api.acme.example/v1";

/// Tells all that it is given, and a time to wait of its own.
fn read_refusal(provider: &str, refused: &RefusedRequest) -> ProviderError {
    let RefusedRequest {
        status,
        request_id,
        body,
        ..
    } = refused;
    let message = format!("{status} {request_id:?} {}", String::from_utf8_lossy(body));
    ProviderError::new(ProviderErrorKind::Overloaded, provider, message)
        .with_retry_after(Duration::from_secs(9))
}

fn acme() -> ApiServer<'static> {
    ApiServer::new("acme", URL, read_refusal)
        .with_hosts(&["acme.example", ".acme.cloud"])
        .with_key(Some("ACME_API_KEY"), KeyHeader::Named("acme-key"))
        .with_methods(&["/chat"])
        .with_header("acme-version", "1")
}

fn build(change: impl FnOnce(&mut ApiEndpointBuilder)) -> Result<ApiEndpoint, ProviderError> {
    let mut builder = ApiEndpointBuilder::default();
    builder.set_options(options());
    change(&mut builder);
    let default_model = |url: &BaseUrl| url.is_one_of(URL, &[]).then(|| "acme-1".into());
    builder.build(&acme(), default_model)
}

/// The headers, by name, without those of other names.
fn headers(endpoint: &ApiEndpoint) -> [Option<&str>; 3] {
    let text = |name: &str| endpoint.headers().get(name)?.to_str().ok();
    [
        text("acme-version"),
        text("acme-key"),
        text(AUTHORIZATION.as_str()),
    ]
}

#[test]
fn credentials_become_headers() {
    let check = |change: fn(&mut ApiEndpointBuilder), expected: [Option<&str>; 3]| {
        let endpoint = build(change).unwrap();
        assert_eq!(headers(&endpoint), expected);
        assert!(endpoint.headers().values().all(HeaderValue::is_sensitive));
    };
    check(|it| it.set_api_key(" k "), [Some("1"), Some("k"), None]);
    check(
        |it| it.set_auth_token("t"),
        [Some("1"), None, Some("Bearer t")],
    );
    check(
        |it| {
            it.set_api_key("k");
            it.add_header("acme-version", "2");
            it.add_header("Acme-Key", "mine");
        },
        [Some("2"), Some("mine"), None],
    );
    check(
        |it| it.set_base_url("http://user:p@localhost:1"),
        [Some("1"), None, Some("Basic dXNlcjpw")],
    );
}

#[test]
fn a_key_is_needed_at_the_address_of_the_server_alone() {
    let check = |url: &str, expected: Option<&str>| {
        let error = build(|it| it.set_base_url(url)).err();
        assert_eq!(
            error.map(|error| error.message).as_deref(),
            expected,
            "{url}"
        );
    };
    let no_key = "there is no API key; set ACME_API_KEY, or give one to the builder";
    check(URL, Some(no_key));
    check("https://acme.example/", Some(no_key));
    check("https://eu.acme.cloud/v2/chat", Some(no_key));
    check("https://acme.cloud.example", None);
    check("http://localhost:1", None);
}

#[test]
fn what_is_derived_gives_way_to_what_is_set() {
    let check = |url: &str, model: Option<&str>, expected: Option<&str>| {
        let endpoint = build(|it| {
            it.set_api_key("k");
            it.set_base_url(url);
            if let Some(model) = model {
                it.set_default_model(model);
            }
        });
        let endpoint = endpoint.unwrap();
        assert_eq!(endpoint.default_model().map(ModelId::as_str), expected);
    };
    check(URL, None, Some("acme-1"));
    check("https://api.acme.example/v1/chat", None, Some("acme-1"));
    check(URL, Some("mine"), Some("mine"));
    check("http://localhost:1", None, None);

    let endpoint = build(|it| {
        it.set_api_key("k");
        it.declare("m", Capabilities::default());
        let mut last = Capabilities::default();
        last.tools = true;
        it.declare("m", last);
    });
    let endpoint = endpoint.unwrap();
    let declared = endpoint.declared(&"m".into()).unwrap();
    assert_eq!(
        (&declared.source, declared.tools),
        (&CapabilitySource::Declared, true)
    );
    assert_eq!(endpoint.declared(&"other".into()), None);
}

#[test]
fn nothing_is_shown_that_may_be_secret() {
    let mut builder = ApiEndpointBuilder::default();
    builder.set_api_key("PLANT-1");
    builder.set_auth_token("PLANT-2");
    builder.add_header("x", "PLANT-3");
    builder.set_base_url("http://u:PLANT-4@localhost:1/?key=PLANT-5");
    let endpoint = builder.build(&acme(), |_| None).unwrap();
    let shown = format!("{builder:?} {endpoint:?} {:?}", endpoint.headers());
    assert!(!shown.contains("PLANT"), "{shown}");
}

#[tokio::test]
async fn a_refusal_is_read_and_its_secrets_are_taken_out() {
    let answer = "HTTP/1.1 503 Busy\r\nretry-after: 1\r\nx-should-retry: false\r\nx-request-id: r1\r\ncontent-length: 13\r\n\r\nnot PLANT-123";
    let server = Server::new([send(answer)]).await;
    let endpoint = build(|it| {
        it.set_api_key("PLANT-123");
        it.set_base_url(server.url());
    });
    let error = endpoint.unwrap().post("/chat", "{}").await.unwrap_err();
    assert_eq!(error.message, "503 Some(\"r1\") not [redacted]");
    // A header says it more surely than a message.
    assert_eq!(error.retry_after, Some(Duration::from_secs(1)));
    assert_eq!(error.should_retry, Some(false));

    let server = Server::answering(ok("{}")).await;
    let endpoint = build(|it| it.set_base_url(format!("{}/v1", server.url())));
    let above = endpoint.unwrap().above("/v1").unwrap();
    assert!(above.above("/v1").is_none());
    assert_eq!(
        above.get("/tags").await.unwrap().text().await.unwrap(),
        "{}"
    );
}
