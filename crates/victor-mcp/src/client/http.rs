//! A server that answers HTTP requests.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::stream::{self, BoxStream, StreamExt as _};
use rmcp::model::{ClientJsonRpcMessage, ClientRequest, ErrorData, ServerJsonRpcMessage};
use rmcp::transport::StreamableHttpClientTransport;
use rmcp::transport::streamable_http_client::{
    HttpStatusError, SseError, StreamableHttpClient, StreamableHttpClientTransportConfig,
    StreamableHttpError, StreamableHttpPostResponse,
};
use sse_stream::{Sse, SseStream};
use victor_http::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use victor_http::{HttpClient, HttpError, HttpOptions, HttpResponse, StatusCode};
use victor_text::excerpt;

use super::answer::Answers;
use super::limits::{MAX_MESSAGE, Rate};
use crate::McpServerConfig;

/// The time limit for a silent server. It is long: streams for notifications are always open, and the executor limits
/// calls.
const SILENCE: Duration = Duration::from_secs(3_600);

const SESSION: HeaderName = HeaderName::from_static("mcp-session-id");
const LAST_EVENT: HeaderName = HeaderName::from_static("last-event-id");
const BOTH: HeaderValue = HeaderValue::from_static("application/json, text/event-stream");

/// The HTTP client behind the transport of rmcp. It follows no redirect and keeps headers secret.
#[derive(Clone)]
pub(super) struct Client {
    http: HttpClient,
    /// The headers of the configuration. The transport does not know them, so it cannot log them.
    headers: Arc<HeaderMap>,
    /// For the removal of secrets from the server's words before rmcp, which may log them, sees them.
    config: Arc<McpServerConfig>,
}

type Error = StreamableHttpError<HttpError>;
type Events = BoxStream<'static, Result<Sse, SseError>>;

pub(super) fn transport(
    url: &str,
    headers: &HeaderMap,
    config: &McpServerConfig,
) -> Result<StreamableHttpClientTransport<Client>, HttpError> {
    let http = HttpClient::new(
        &HttpOptions::default()
            .with_response_timeout(SILENCE)
            .with_idle_timeout(SILENCE)
            .with_max_body_bytes(MAX_MESSAGE),
    )?;
    let client = Client {
        http,
        headers: Arc::new(headers.clone()),
        config: Arc::new(config.clone()),
    };
    let config = StreamableHttpClientTransportConfig::with_uri(url);
    Ok(StreamableHttpClientTransport::with_client(client, config))
}

impl Client {
    fn headers(
        &self,
        protocol: HashMap<HeaderName, HeaderValue>,
        more: [(HeaderName, Option<&str>); 2],
    ) -> HeaderMap {
        let mut headers = (*self.headers).clone();
        headers.insert(ACCEPT, BOTH);
        headers.extend(protocol);
        for (name, value) in more {
            // What the server has sent as a header can be sent back as one.
            if let Some(value) = value.and_then(|value| HeaderValue::from_str(value).ok()) {
                headers.insert(name, value);
            }
        }
        headers
    }
}

impl StreamableHttpClient for Client {
    type Error = HttpError;

    async fn post_message(
        &self,
        url: Arc<str>,
        message: ClientJsonRpcMessage,
        session: Option<Arc<str>>,
        _authorization: Option<String>,
        protocol: HashMap<HeaderName, HeaderValue>,
    ) -> Result<StreamableHttpPostResponse, Error> {
        let headers = self.headers(
            protocol,
            [(SESSION, session.as_deref()), (LAST_EVENT, None)],
        );
        let mut answers = Answers::default();
        answers.expect(&message);
        let body = serde_json::to_string(&message)?;
        let sent = self.http.post_json(&url, headers, body).await;
        let response = sent.map_err(StreamableHttpError::Client)?;
        let status = response.status();
        if status == StatusCode::NOT_FOUND && session.is_some() {
            return Err(StreamableHttpError::SessionExpired);
        }
        if !status.is_success() {
            return refusal(response, &message, session.is_some(), &self.config).await;
        }
        let ClientJsonRpcMessage::Request(request) = message else {
            return Ok(StreamableHttpPostResponse::Accepted);
        };
        let session = text_of(&response, &SESSION);
        let kind = media_type(&response);
        let is_probe = matches!(request.request, ClientRequest::DiscoverRequest(_));
        match kind.as_deref() {
            Some("text/event-stream") => {
                let events = events(response, answers);
                return Ok(StreamableHttpPostResponse::Sse(events, session));
            }
            // The answer comes by another way, unless the server did not know what was asked.
            _ if !is_probe
                && (status == StatusCode::ACCEPTED || status == StatusCode::NO_CONTENT) =>
            {
                return Ok(StreamableHttpPostResponse::Accepted);
            }
            _ => {}
        }
        let read = response.bytes().await;
        let body = read.map_err(StreamableHttpError::Client)?;
        if let Some(answer) = answers.read(&String::from_utf8_lossy(&body)) {
            return Ok(StreamableHttpPostResponse::Json(answer, session));
        }
        if kind.as_deref() != Some("application/json") && !is_probe {
            return Err(StreamableHttpError::UnexpectedContentType(kind));
        }
        let error =
            ErrorData::internal_error("its answer cannot be read: it is not a message", None);
        let answer = ServerJsonRpcMessage::error(error, Some(request.id));
        Ok(StreamableHttpPostResponse::Json(answer, session))
    }

    async fn delete_session(
        &self,
        url: Arc<str>,
        session: Arc<str>,
        _authorization: Option<String>,
        protocol: HashMap<HeaderName, HeaderValue>,
    ) -> Result<(), Error> {
        let headers = self.headers(protocol, [(SESSION, Some(&session)), (LAST_EVENT, None)]);
        // A server need not know of it, and whatever it says, the session is over for us.
        let response = self.http.delete(&url, headers).await;
        response.map(drop).map_err(StreamableHttpError::Client)
    }

    async fn get_stream(
        &self,
        url: Arc<str>,
        session: Option<Arc<str>>,
        last_event: Option<String>,
        _authorization: Option<String>,
        protocol: HashMap<HeaderName, HeaderValue>,
    ) -> Result<Events, Error> {
        let more = [
            (SESSION, session.as_deref()),
            (LAST_EVENT, last_event.as_deref()),
        ];
        let sent = self.http.get(&url, self.headers(protocol, more)).await;
        let response = sent.map_err(StreamableHttpError::Client)?;
        match response.status() {
            StatusCode::METHOD_NOT_ALLOWED => Err(StreamableHttpError::ServerDoesNotSupportSse),
            status if !status.is_success() => Err(status_error(&response).into()),
            _ if media_type(&response).as_deref() == Some("text/event-stream") => {
                Ok(events(response, Answers::default()))
            }
            _ => Err(StreamableHttpError::UnexpectedContentType(media_type(
                &response,
            ))),
        }
    }
}

/// Interprets an unsuccessful answer.
///
/// The transport wants an answer of the server itself as one, also where it is an error. Servers that are older than
/// `server/discover` refuse that in one of many ways, of which it wants to hear as of an error too.
async fn refusal(
    response: HttpResponse,
    message: &ClientJsonRpcMessage,
    is_in_session: bool,
    config: &McpServerConfig,
) -> Result<StreamableHttpPostResponse, Error> {
    let status = response.status();
    let failure = status_error(&response);
    let ClientJsonRpcMessage::Request(request) = message else {
        return Err(failure.into());
    };
    // What comes of these does not depend on what is said besides.
    if matches!(status.as_u16(), 401 | 403 | 429 | 503) {
        return Err(failure.into());
    }
    let session = text_of(&response, &SESSION);
    let said = response.bytes().await.unwrap_or_default();
    let answer = |error| {
        let answer = ServerJsonRpcMessage::error(error, Some(request.id.clone()));
        Ok(StreamableHttpPostResponse::Json(answer, session))
    };
    let read = Answers::default().read(&String::from_utf8_lossy(&said));
    if let Some(ServerJsonRpcMessage::Error(error)) = read {
        return answer(error.error);
    }
    let said = String::from_utf8_lossy(&said[..said.len().min(2_000)]).into_owned();
    let reason = format!(
        "HTTP status {status}: {}",
        excerpt(&config.redact(said), 200)
    );
    let is_probe = matches!(request.request, ClientRequest::DiscoverRequest(_));
    if is_probe && !is_in_session {
        return answer(ErrorData::invalid_request(reason, None));
    }
    Err(StreamableHttpError::UnexpectedServerResponse(reason.into()))
}

fn status_error(response: &HttpResponse) -> HttpStatusError {
    HttpStatusError::new(response.status().as_u16(), text_of(response, &RETRY_AFTER))
}

fn text_of(response: &HttpResponse, name: &HeaderName) -> Option<String> {
    let value = response.headers().get(name)?;
    value.to_str().ok().map(str::to_owned)
}

fn media_type(response: &HttpResponse) -> Option<String> {
    let kind = text_of(response, &CONTENT_TYPE)?;
    let kind = kind.split(';').next().unwrap_or_default();
    Some(kind.trim().to_ascii_lowercase())
}

/// The body as events, as long as they are not too large and not too many, with messages that rmcp can read.
fn events(response: HttpResponse, mut answers: Answers) -> Events {
    let pieces = stream::unfold(
        (Some(response), Gauge::default()),
        async |(response, mut gauge)| {
            let mut response = response?;
            let checked = match response.chunk().await {
                Ok(None) => return None,
                Ok(Some(piece)) => match gauge.check(&piece, Instant::now()) {
                    Ok(()) => Ok(piece),
                    Err(fault) => Err(Broken(fault)),
                },
                Err(error) => Err(Broken(error.to_string())),
            };
            let response = checked.is_ok().then_some(response);
            Some((checked, (response, gauge)))
        },
    );
    let events = SseStream::from_bytes_stream(pieces.boxed());
    let readable = move |event: Result<Sse, SseError>| {
        let mut event = event?;
        if let Some(data) = &mut event.data
            && let Some(message) = answers.read(data)
            && let Ok(message) = serde_json::to_string(&message)
        {
            *data = message;
        }
        Ok(event)
    };
    events.map(readable).boxed()
}

/// The reason for which a stream of events was broken off.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Broken(String);

/// Measures the events of a stream.
#[derive(Debug, Default)]
struct Gauge {
    /// The number of bytes of the event so far.
    event: usize,
    /// Whether the line has only begun.
    is_line_empty: bool,
    messages: Rate,
}

impl Gauge {
    fn check(&mut self, bytes: &[u8], now: Instant) -> Result<(), String> {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.event += piece.len();
            if self.event > MAX_MESSAGE {
                return Err(format!(
                    "it sent a message of more than {} MiB",
                    MAX_MESSAGE >> 20
                ));
            }
            let is_blank = matches!(piece, b"\n" | b"\r\n");
            if is_blank && self.is_line_empty {
                self.event = 0;
                self.messages.count(now)?;
            }
            self.is_line_empty = piece.ends_with(b"\n");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_that_has_no_end_is_noticed() {
        let now = Instant::now();
        let line = format!("data: {}\n", "x".repeat(1 << 20));
        let mut gauge = Gauge::default();
        for _ in 0..40 {
            gauge.check(line.as_bytes(), now).unwrap();
            gauge.check(b"\r", now).unwrap();
            gauge.check(b"\n\n", now).unwrap();
        }
        let begun = (0..40).map(|_| gauge.check(line.as_bytes(), now));
        assert!(begun.filter(Result::is_err).count() > 20);
        let mut gauge = Gauge::default();
        let flood = (0..40_000).map(|_| gauge.check(b"data: x\n\n", now));
        assert!(flood.filter(Result::is_err).count() > 0);
    }
}
