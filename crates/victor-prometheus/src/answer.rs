//! The answer to a request.

use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{ACCEPT, ALLOW, AUTHORIZATION, CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE};
use hyper::{Method, Request, Response, StatusCode};
use victor_core::contain_sync;
use victor_metrics_protocol::{MetricsRecorder, TextFormat};

pub(crate) type Answer = Response<Full<Bytes>>;

/// The recorder that is served, its path, and the token that clients need.
#[derive(Clone)]
pub(crate) struct Served {
    pub(crate) recorder: Arc<dyn MetricsRecorder>,
    pub(crate) path: String,
    pub(crate) token: Option<String>,
}

impl Served {
    pub(crate) fn answer<B>(&self, request: &Request<B>) -> Answer {
        if request.uri().path() != self.path {
            let text = format!("there is nothing here; metrics are at {}\n", self.path);
            return plain(StatusCode::NOT_FOUND, text);
        }
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let mut refusal = plain(StatusCode::METHOD_NOT_ALLOWED, "ask by GET\n");
            let allowed = HeaderValue::from_static("GET, HEAD");
            refusal.headers_mut().insert(ALLOW, allowed);
            return refusal;
        }
        if !self.admits(request) {
            let mut refusal = plain(StatusCode::UNAUTHORIZED, "a token is needed\n");
            let scheme = HeaderValue::from_static("Bearer");
            refusal.headers_mut().insert(WWW_AUTHENTICATE, scheme);
            return refusal;
        }
        let format = format_of(request);
        match contain_sync(|| self.recorder.snapshot().to_text(format)) {
            Ok(text) => {
                let mut answer = plain(StatusCode::OK, text);
                let kind = HeaderValue::from_static(format.content_type());
                answer.headers_mut().insert(CONTENT_TYPE, kind);
                answer
            }
            Err(panicked) => {
                tracing::warn!(%panicked, "metrics cannot be read");
                let text = "the metrics cannot be read; the log says why\n";
                plain(StatusCode::INTERNAL_SERVER_ERROR, text)
            }
        }
    }

    fn admits<B>(&self, request: &Request<B>) -> bool {
        let Some(token) = &self.token else {
            return true;
        };
        let given = request.headers().get(AUTHORIZATION);
        let given = given.and_then(|given| given.to_str().ok()?.strip_prefix("Bearer "));
        // How long it takes does not tell where it is wrong.
        given.is_some_and(|given| {
            let bytes = given.bytes().zip(token.bytes());
            let differences = bytes.fold(0, |all, (one, other)| all | (one ^ other));
            given.len() == token.len() && differences == 0
        })
    }
}

/// The format that a request asks for. Who asks for nothing in particular reads the older one.
fn format_of<B>(request: &Request<B>) -> TextFormat {
    let accepted = request.headers().get_all(ACCEPT).iter();
    let mut accepted = accepted.filter_map(|value| value.to_str().ok());
    match accepted.any(|value| value.contains("application/openmetrics-text")) {
        true => TextFormat::OpenMetrics,
        false => TextFormat::Prometheus,
    }
}

fn plain(status: StatusCode, text: impl Into<Bytes>) -> Answer {
    let mut answer = Response::new(Full::new(text.into()));
    *answer.status_mut() = status;
    let kind = HeaderValue::from_static("text/plain; charset=utf-8");
    answer.headers_mut().insert(CONTENT_TYPE, kind);
    answer
}
