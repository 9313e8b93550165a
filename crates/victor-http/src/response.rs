//! What a server answers.

use std::fmt;

use bytes::Bytes;
use reqwest::StatusCode;
use reqwest::header::HeaderMap;

use crate::exchange::Exchange;
use crate::{HttpError, SseDecoder, SseError, SseEvent, TimeLimit};

/// What a server answers: the status and the headers, while the body is still to come.
pub struct HttpResponse {
    response: reqwest::Response,
    exchange: Exchange,
}

/// The events of an answer, as they come.
#[derive(Debug)]
pub struct EventStream {
    response: HttpResponse,
    decoder: SseDecoder,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
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

    /// The whole body, decompressed.
    ///
    /// # Errors
    ///
    /// [`HttpError::BodyTooLarge`], [`HttpError::Timeout`], [`HttpError::Truncated`], [`HttpError::Malformed`].
    pub async fn bytes(self) -> Result<Bytes, HttpError> {
        self.read().await.map(|(body, _)| Bytes::from(body))
    }

    /// The whole body, decompressed, as text. It is read as UTF-8, whatever its headers say.
    ///
    /// # Errors
    ///
    /// As [`bytes`](Self::bytes), and [`HttpError::InvalidUtf8`].
    pub async fn text(self) -> Result<String, HttpError> {
        let (body, server) = self.read().await?;
        String::from_utf8(body).map_err(|_| HttpError::InvalidUtf8 { server })
    }

    /// The body as a stream of events, whatever its status and content type say.
    #[must_use]
    pub fn events(self) -> EventStream {
        EventStream {
            decoder: SseDecoder::new(self.exchange.options.max_event_bytes),
            response: self,
            state: State::Open,
        }
    }

    /// The body, and who sent it.
    async fn read(mut self) -> Result<(Vec<u8>, String), HttpError> {
        let limit = self.exchange.options.max_body_bytes;
        let mut body = Vec::new();
        while let Some(chunk) = self.chunk().await? {
            if chunk.len() > limit - body.len() {
                let server = self.exchange.server;
                return Err(HttpError::BodyTooLarge { server, limit });
            }
            body.extend_from_slice(&chunk);
        }
        Ok((body, self.exchange.server))
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
        let idle = self.exchange.options.idle_time_limit;
        let chunk = self.response.chunk();
        self.exchange.step(TimeLimit::Idle, idle, chunk).await
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
            Ok(true) => self.decoder.current(self.state != State::Over),
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
            match self.response.chunk().await? {
                Some(chunk) => self.decoder.push(&chunk),
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
