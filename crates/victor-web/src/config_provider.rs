//! Settings of sessions from an HTTP service.

mod answer;
mod builder;

use async_trait::async_trait;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use victor_config_protocol::{ConfigError, ConfigMap, ConfigProvider};
use victor_core::{Lock, RecentMap, SessionId};
use victor_http::StatusCode;
use victor_http::header::{ACCEPT, ETAG, HeaderMap, HeaderValue, IF_NONE_MATCH};

use self::answer::Refusal;
pub use self::builder::HttpConfigProviderBuilder;
use crate::endpoint::Endpoint;

/// Asks an HTTP service for the settings of each session: `GET {base URL}/config/{session}`.
///
/// The answer is a JSON object of settings by their keys. It may stand under `config`, and `session_id` beside the
/// settings may name the session it is for; an answer for another session is refused, and with
/// [`requires_session_id`](HttpConfigProviderBuilder::requires_session_id) so is one that names none. The statuses 404
/// and 204 mean that the service has nothing to say, and the next provider is asked. Any other status, and anything
/// that is not JSON, such as the page of a login, is an error; the
/// [`ConfigLoader`](victor_config_protocol::ConfigLoader) passes the provider over and shows it in health.
///
/// Where the service gives an `ETag`, it is sent along with the next request for that session (`If-None-Match`, RFC
/// 9110), and the answer 304 stands for the settings that came with it. Those of the last thousand sessions are kept.
///
/// ```
/// use victor_web::HttpConfigProvider;
/// use victor_web::config::ConfigProvider;
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let api = victor_testkit::FakeApi::answering(victor_testkit::Reply::json(r#"{"temperature": 0.2}"#)).await?;
/// let provider = HttpConfigProvider::builder(api.url()).bearer_token("sk-123").build()?;
///
/// let values = provider.get_config(&"user-session-123".into()).await?;
/// assert_eq!(values["temperature"], 0.2);
/// assert_eq!(api.last().path, "/config/user-session-123");
/// assert_eq!(api.last().header("authorization"), "Bearer sk-123");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct HttpConfigProvider {
    name: String,
    priority: i32,
    path: String,
    requires_session_id: bool,
    endpoint: Endpoint,
    /// The last answers that had a validator.
    answers: Lock<RecentMap<SessionId, Validated>>,
}

/// An answer with its validator.
#[derive(Debug, Clone)]
struct Validated {
    etag: HeaderValue,
    values: ConfigMap,
}

/// Number of sessions whose answers are kept to be validated.
const KEPT: usize = 1_000;

/// The placeholder for the session in a path.
const PLACEHOLDER: &str = "{session}";

/// Characters of a session's name that a path has to escape: all but those that RFC 3986 calls unreserved.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

impl HttpConfigProvider {
    /// Returns a builder of a provider for the service at a base URL; see [`BaseUrl`](victor_http::BaseUrl) for its
    /// forms.
    pub fn builder(base_url: impl Into<String>) -> HttpConfigProviderBuilder {
        HttpConfigProviderBuilder::new(base_url.into())
    }

    /// Returns the path of a session.
    fn path(&self, session: &SessionId) -> Result<String, Refusal> {
        // Such a segment, escaped or not, would be another path (https://url.spec.whatwg.org/#double-dot-path-segment).
        if matches!(session.as_str(), "." | "..") {
            return Err(Refusal::Unaskable);
        }
        let name = utf8_percent_encode(session.as_str(), ESCAPED).to_string();
        Ok(self.path.replace(PLACEHOLDER, &name))
    }

    async fn ask(&self, session: &SessionId) -> Result<ConfigMap, Refusal> {
        let path = self.path(session)?;
        let known = self.answers.lock().get(session).cloned();
        let mut headers =
            HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("application/json"))]);
        headers.extend(
            known
                .as_ref()
                .map(|known| (IF_NONE_MATCH, known.etag.clone())),
        );
        let response = self.endpoint.get(&path, headers).await?;
        match (response.status(), known) {
            (StatusCode::OK, _) => {
                let etag = response.headers().get(ETAG).cloned();
                let values = answer::read(response, session, self.requires_session_id).await?;
                let mut answers = self.answers.lock();
                match etag {
                    Some(etag) => answers.insert(
                        session.clone(),
                        Validated {
                            etag,
                            values: values.clone(),
                        },
                    ),
                    None => drop(answers.remove(session)),
                }
                Ok(values)
            }
            (StatusCode::NOT_MODIFIED, Some(known)) => Ok(known.values),
            (StatusCode::NOT_FOUND | StatusCode::NO_CONTENT, _) => {
                self.answers.lock().remove(session);
                Ok(ConfigMap::new())
            }
            (status, _) => Err(Refusal::Status(status)),
        }
    }
}

#[async_trait]
impl ConfigProvider for HttpConfigProvider {
    fn name(&self) -> &str {
        &self.name
    }

    fn priority(&self) -> i32 {
        self.priority
    }

    async fn get_config(&self, session: &SessionId) -> Result<ConfigMap, ConfigError> {
        let answer = self.ask(session).await;
        answer.map_err(|refusal| refusal.into_error(&self.name, self.endpoint.host()))
    }
}
