//! Answers of servers.

use std::fmt;
use std::mem;

use bytes::Bytes;
use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderMap};
use tokio::time::{Instant, timeout};

use crate::exchange::Exchange;
use crate::{HttpError, SseDecoder, SseError, SseEvent, TimeLimit};

/// The answer of a server: its status and headers, while the body is still to come.
pub struct HttpResponse {
    response: reqwest::Response,
    exchange: Exchange,
}

/// The events of an answer, as they come.
///
/// A server may answer with one JSON document instead, whatever its headers say. It is the data of the only event then.
#[derive(Debug)]
pub struct EventStream {
    response: HttpResponse,
    decoder: SseDecoder,
    state: State,
    /// The document that came instead of events, as far as it has come, and once it is whole.
    body: Vec<u8>,
    document: String,
    /// Time of the last bytes.
    received: Instant,
    /// Time of the last content, and of the content before the last event.
    content: Content,
    content_before: Content,
}

/// Time of the last content.
#[derive(Debug, Clone, Copy)]
struct Content {
    at: Instant,
    /// Whether it is too long ago. One more piece may come then, since it may be the reader who took the time.
    is_late: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// Nothing has come yet but blanks.
    Blank,
    /// A document is coming, and no events.
    Document,
    /// More bytes may come.
    Open,
    /// All bytes came; events may be left in the decoder.
    Ended,
    /// There is nothing more to be had.
    Over,
}

impl HttpResponse {
    pub(crate) fn new(response: reqwest::Response, exchange: Exchange) -> Self {
        Self { response, exchange }
    }

    /// The HTTP status. It is any but a redirect.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.response.status()
    }

    /// The URL that was answered: the last one, if redirects were followed. It is as it was sent, and may hold secrets.
    #[must_use]
    pub fn url(&self) -> &str {
        self.response.url().as_str()
    }

    /// The headers.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        self.response.headers()
    }

    /// Returns the content type in lower case; empty if the server names none.
    #[must_use]
    pub fn content_type(&self) -> String {
        let value = self.headers().get(CONTENT_TYPE);
        let text =
            value.map(|value| String::from_utf8_lossy(value.as_bytes()).to_ascii_lowercase());
        text.unwrap_or_default()
    }

    /// Returns whether the body is read as a stream of events where one was asked for. Some servers send one as plain
    /// text or as nothing in particular.
    #[must_use]
    pub fn may_be_events(&self) -> bool {
        let content_type = self.content_type();
        let kind = content_type.split(';').next().unwrap_or_default().trim();
        matches!(
            kind,
            "" | "text/event-stream" | "text/plain" | "application/octet-stream"
        )
    }

    /// Returns whether the server calls the body a stream of events, perhaps without being asked for one.
    #[must_use]
    pub fn is_events(&self) -> bool {
        self.content_type().starts_with("text/event-stream")
    }

    /// The whole body, decompressed.
    ///
    /// # Errors
    ///
    /// [`HttpError::BodyTooLarge`], [`HttpError::Timeout`], [`HttpError::Truncated`], [`HttpError::Malformed`].
    pub async fn bytes(mut self) -> Result<Bytes, HttpError> {
        self.read().await.map(Bytes::from)
    }

    /// The whole body, decompressed, as text. It is read as UTF-8, whatever its headers say.
    ///
    /// # Errors
    ///
    /// As [`bytes`](Self::bytes), and [`HttpError::InvalidUtf8`].
    pub async fn text(mut self) -> Result<String, HttpError> {
        let body = self.read().await?;
        self.utf8(body)
    }

    /// The body as a stream of events, whatever its status and content type say.
    #[must_use]
    pub fn events(self) -> EventStream {
        let now = Instant::now();
        let content = Content {
            at: now,
            is_late: false,
        };
        EventStream {
            decoder: SseDecoder::new(self.exchange.options.max_event_bytes),
            response: self,
            state: State::Blank,
            body: Vec::new(),
            document: String::new(),
            received: now,
            content,
            content_before: content,
        }
    }

    async fn read(&mut self) -> Result<Vec<u8>, HttpError> {
        let limit = self.exchange.options.max_body_bytes;
        let mut body = Vec::new();
        while let Some(chunk) = self.chunk().await? {
            self.append(&mut body, &chunk, limit)?;
        }
        Ok(body)
    }

    fn append(&self, body: &mut Vec<u8>, chunk: &[u8], limit: usize) -> Result<(), HttpError> {
        if chunk.len() > limit - body.len() {
            let server = self.exchange.server.clone();
            return Err(HttpError::BodyTooLarge { server, limit });
        }
        body.extend_from_slice(chunk);
        Ok(())
    }

    fn utf8(&self, body: Vec<u8>) -> Result<String, HttpError> {
        String::from_utf8(body).map_err(|_| HttpError::InvalidUtf8 {
            server: self.exchange.server.clone(),
        })
    }

    fn error(&self, error: &SseError) -> HttpError {
        HttpError::event(error, &self.exchange.server)
    }

    /// The next piece of the body, decompressed, or none at its end: for bodies that are neither to be kept whole nor
    /// events. There is no limit on the sum of the pieces.
    ///
    /// # Errors
    ///
    /// [`HttpError::Timeout`], [`HttpError::Truncated`], [`HttpError::Malformed`].
    ///
    /// # Cancel safety
    ///
    /// A call that is dropped has lost nothing.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, HttpError> {
        let idle = self.exchange.options.idle_timeout;
        let chunk = self.response.chunk();
        self.exchange.step(TimeLimit::Idle, idle, chunk).await
    }

    /// The next piece of a body whose last content came then.
    async fn chunk_of_stream(&mut self, content: &mut Content) -> Result<Option<Bytes>, HttpError> {
        let limit = self.exchange.options.content_timeout;
        let left = limit.saturating_sub(content.at.elapsed());
        if left >= self.exchange.options.idle_timeout {
            return self.chunk().await;
        }
        let was_late = mem::replace(&mut content.is_late, left.is_zero());
        match timeout(left, self.chunk()).await {
            Ok(chunk) if !was_late => chunk,
            _ => Err(self.exchange.timeout(TimeLimit::Content, limit)),
        }
    }
}

impl EventStream {
    /// The next event, or none at the end of the answer. It is borrowed from the stream, so parse it, or copy what you
    /// need of it, before you ask for the next one. After an error there is nothing more.
    ///
    /// An event without the blank line that ends one is delivered too, if it is the last and the answer has ended as
    /// HTTP demands; see [`SseEvent::complete`].
    ///
    /// # Errors
    ///
    /// [`HttpError::EventTooLarge`], [`HttpError::InvalidUtf8`], [`HttpError::Timeout`], [`HttpError::Truncated`],
    /// [`HttpError::Malformed`].
    ///
    /// # Cancel safety
    ///
    /// A call that is dropped has lost nothing.
    pub async fn next(&mut self) -> Option<Result<SseEvent<'_>, HttpError>> {
        let event = match self.advance().await {
            Ok(false) => return None,
            Ok(true) if !self.document.is_empty() => {
                return Some(Ok(SseEvent {
                    event: "",
                    data: &self.document,
                    complete: true,
                }));
            }
            Ok(true) => {
                let content = Content {
                    at: self.received,
                    is_late: false,
                };
                self.content_before = mem::replace(&mut self.content, content);
                self.decoder.current(self.state != State::Over)
            }
            Err(error) => {
                self.state = State::Over;
                return Some(Err(error));
            }
        };
        if event.is_err() {
            self.state = State::Over;
        }
        Some(event.map_err(|error| self.response.error(&error)))
    }

    /// Says that the last event had no content: it was a sign of life, and does not keep the server from
    /// [its limit](crate::HttpOptions::content_timeout).
    pub fn no_content(&mut self) {
        self.content = self.content_before;
    }

    /// Whether the body begins with this, and it begins as JSON does and no event can.
    fn is_document(&self, chunk: &[u8]) -> bool {
        let chunk = chunk.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(chunk);
        let first = chunk.trim_ascii_start().first();
        self.state == State::Blank && matches!(first, Some(b'{' | b'['))
    }

    /// Reads up to the end of the next event. Whether there is one.
    async fn advance(&mut self) -> Result<bool, HttpError> {
        loop {
            if self.state == State::Over {
                return Ok(false);
            }
            let whole = self.decoder.advance();
            if whole.map_err(|error| self.response.error(&error))? {
                return Ok(true);
            }
            if self.state == State::Ended {
                self.state = State::Over;
                return Ok(self.decoder.advance_at_end());
            }
            let chunk = self.response.chunk_of_stream(&mut self.content).await?;
            self.received = Instant::now();
            match chunk {
                Some(chunk) if self.state == State::Document || self.is_document(&chunk) => {
                    self.state = State::Document;
                    let limit = self.response.exchange.options.max_body_bytes;
                    self.response.append(&mut self.body, &chunk, limit)?;
                }
                None if self.state == State::Document => {
                    let document = self.response.utf8(mem::take(&mut self.body))?;
                    self.document = document.trim_start_matches('\u{feff}').trim().to_owned();
                    self.state = State::Over;
                    return Ok(true);
                }
                Some(chunk) => {
                    if !chunk.trim_ascii().is_empty() {
                        self.state = State::Open;
                    }
                    self.decoder.push(&chunk);
                }
                None => self.state = State::Ended,
            }
        }
    }
}

impl fmt::Debug for HttpResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpResponse")
            .field("server", &self.exchange.server)
            .field("status", &self.status())
            .finish_non_exhaustive()
    }
}
