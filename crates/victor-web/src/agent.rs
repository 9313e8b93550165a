//! Agents behind an HTTP service.

use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use victor_chat_protocol::{
    Agent, ChatError, ChatInput, ChatResponse, TurnEventKind, TurnOutcome, TurnStarted, TurnStream,
};
use victor_core::{BoxError, JsonMap, Message, SessionId, TurnId, Usage};
use victor_http::HttpError;
use victor_http::header::{ACCEPT, HeaderMap, HeaderValue};

use crate::endpoint::{Endpoint, EndpointBuilder, endpoint_setters};

/// Talks to an agent behind an HTTP service, such as one to be evaluated: `POST {base URL}/chat`.
///
/// The request is `{"session_id": "...", "message": "...", "facts": {...}}`, where the facts are those of the input and
/// absent without any. The service keeps the conversation by its `session_id`. The answer is `{"content": "..."}`, and may
/// have `usage` with `input` and `output` tokens. Any other status than 2xx, and anything else than such an answer, ends
/// the turn with an error that has the first words of what came.
///
/// Nothing is sent twice: a request that failed may have been heard. Dropping or cancelling the turn closes the
/// connection.
///
/// ```
/// use victor_web::HttpAgent;
/// use victor_web::chat::Agent;
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let api = victor_testkit::FakeApi::answering(victor_testkit::Reply::json(r#"{"content": "Four."}"#)).await?;
/// let agent = HttpAgent::builder(api.url()).bearer_token("sk-123").session("s").build()?;
/// assert_eq!(agent.chat("2 + 2?".into()).await?.content(), "Four.");
/// assert_eq!(api.last().json()["message"], "2 + 2?");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct HttpAgent {
    service: Arc<Service>,
    session: SessionId,
}

#[derive(Debug)]
struct Service {
    name: String,
    path: String,
    endpoint: Endpoint,
}

/// Puts an [`HttpAgent`] together.
#[derive(Debug, Clone)]
#[must_use = "nothing is built until `build` is called"]
pub struct HttpAgentBuilder {
    name: String,
    path: String,
    session: SessionId,
    endpoint: EndpointBuilder,
}

impl HttpAgent {
    /// Returns a builder of an agent behind the service at a base URL; see [`BaseUrl`](victor_http::BaseUrl) for its
    /// forms.
    pub fn builder(base_url: impl Into<String>) -> HttpAgentBuilder {
        HttpAgentBuilder {
            name: "http".to_owned(),
            path: "/chat".to_owned(),
            session: SessionId::generate(),
            endpoint: EndpointBuilder::new(base_url.into(), Duration::from_secs(600)),
        }
    }

    /// The same agent in another conversation, over the same connections.
    #[must_use]
    pub fn session(&self, session: impl Into<SessionId>) -> Self {
        let service = self.service.clone();
        let session = session.into();
        Self { service, session }
    }
}

impl HttpAgentBuilder {
    /// Sets the agent's name. Defaults to `http`.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Sets the path below the base URL. Defaults to `/chat`.
    pub fn path(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// Sets the conversation. Defaults to a new one.
    pub fn session(mut self, session: impl Into<SessionId>) -> Self {
        self.session = session.into();
        self
    }

    endpoint_setters! {
        timeout: "Sets the time limit of a turn. Defaults to 10 minutes.",
        http_options: "Sets the options of the HTTP client, but for the time limit of the exchange as a whole.",
    }

    /// Builds the agent. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// The URL, the token, a header or the options are wrong.
    pub fn build(self) -> Result<HttpAgent, HttpError> {
        let endpoint = self.endpoint.build()?;
        let (name, path) = (self.name, self.path);
        Ok(HttpAgent {
            service: Arc::new(Service {
                name,
                path,
                endpoint,
            }),
            session: self.session,
        })
    }
}

#[derive(Serialize)]
struct Request<'a> {
    session_id: &'a SessionId,
    message: &'a str,
    #[serde(skip_serializing_if = "JsonMap::is_empty")]
    facts: &'a JsonMap,
}

#[derive(Deserialize)]
struct Answer {
    content: String,
    #[serde(default)]
    usage: Usage,
}

impl Service {
    async fn ask(
        &self,
        session: &SessionId,
        message: &str,
        facts: &JsonMap,
    ) -> Result<Answer, BoxError> {
        let request = Request {
            session_id: session,
            message,
            facts,
        };
        let body = serde_json::to_vec(&request)?;
        let accept = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static("application/json"))]);
        let response = self.endpoint.post(&self.path, accept, body).await?;
        let (status, host) = (response.status(), self.endpoint.host());
        let text = response.text().await?;
        let start: String = text.chars().take(200).collect();
        if !status.is_success() {
            return Err(format!("{host} answered with status {status}: {start}").into());
        }
        let answer = serde_json::from_str(&text);
        answer.map_err(|error| {
            format!("the answer of {host} has no `content` ({error}): {start}").into()
        })
    }
}

impl Agent for HttpAgent {
    fn name(&self) -> &str {
        &self.service.name
    }

    fn stream_chat(&self, input: ChatInput) -> TurnStream {
        let (session, turn) = (self.session.clone(), TurnId::generate());
        let service = self.service.clone();
        TurnStream::new(session.clone(), turn, async move |events| {
            let (text, facts) = (input.text().into_owned(), input.metadata().clone());
            let message = Arc::new(input.into_message());
            events.emit(TurnStarted::new(message.id())).await;
            let Some(answer) = events
                .until_cancelled(service.ask(&session, &text, &facts))
                .await
            else {
                let mut response = ChatResponse::ended(session, turn, TurnOutcome::Cancelled);
                response.messages = vec![message];
                return Ok(response);
            };
            let answer = answer.map_err(|source| ChatError::Setup {
                coordinator: "the agent's service",
                source,
            })?;
            events
                .emit(TurnEventKind::text(answer.content.as_str()))
                .await;
            let mut response =
                ChatResponse::new(session, turn, Message::assistant(answer.content).into());
            response.usage = answer.usage;
            response.messages.insert(0, message);
            Ok(response)
        })
    }
}
