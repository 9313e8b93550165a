//! What the servers say when they fail, in the classes of Victor.

use std::time::Duration;

use serde_json::Value;
use victor_http::HttpError;
use victor_model_api::Overflow;
use victor_provider_protocol::{ProviderError, ProviderErrorKind};

use ProviderErrorKind as Kind;

/// How much of a server's own words is passed on.
const MAX_MESSAGE: usize = 2_000;

/// An answer with an error status. The body may be anything: the form of OpenAI or of another server, served as
/// whatever type, a web page of a proxy, or nothing.
pub(crate) fn of_answer(
    provider: &str,
    status: u16,
    body: &[u8],
    retry_after: Option<Duration>,
) -> ProviderError {
    let said = match serde_json::from_slice::<Value>(body) {
        Ok(value) => Said::new(&value),
        Err(_) => Said {
            message: plain(&String::from_utf8_lossy(body)),
            ..Said::default()
        },
    };
    let mut error = said.error(provider, Some(status)).with_status(status);
    error.retry_after = retry_after;
    error
}

/// An error that stands in a stream of status 200, or in a whole answer of status 200.
pub(crate) fn of_event(provider: &str, error: &Value) -> ProviderError {
    let said = Said::new(error);
    let status = said.status.or_else(|| said.code.parse().ok());
    said.error(
        provider,
        status.filter(|status| (400..600).contains(status)),
    )
}

/// The error of an exchange that brought no answer, or not all of it.
pub(crate) fn of_http(provider: &str, error: &HttpError) -> ProviderError {
    let kind = match error {
        HttpError::InvalidOptions { .. } | HttpError::InvalidUrl { .. } => Kind::InvalidRequest,
        HttpError::Timeout { .. } => Kind::Timeout,
        HttpError::Redirect { .. } => Kind::NotFound,
        HttpError::BodyTooLarge { .. }
        | HttpError::EventTooLarge { .. }
        | HttpError::Malformed { .. }
        | HttpError::InvalidUtf8 { .. } => Kind::Malformed,
        HttpError::Truncated { .. } => Kind::Truncated,
        _ => Kind::Connection,
    };
    let failed = ProviderError::new(kind, provider, error.to_string());
    match error {
        HttpError::Redirect { status, .. } => failed.with_status(*status),
        _ => failed,
    }
}

/// What came is not what the documentation says. The error beneath goes into the message, where it is seen whether a
/// secret is in it.
pub(crate) fn malformed(provider: &str, what: &str, error: &serde_json::Error) -> ProviderError {
    ProviderError::new(Kind::Malformed, provider, format!("{what}: {error}"))
}

/// The answer ended too early.
pub(crate) fn truncated(provider: &str) -> ProviderError {
    let message = "the answer ended before it was whole";
    ProviderError::new(Kind::Truncated, provider, message)
}

/// An error as far as it could be understood.
#[derive(Default)]
struct Said {
    message: String,
    /// OpenAI's `type`.
    kind: String,
    /// A name at OpenAI, a number at OpenRouter.
    code: String,
    /// Groq's `status_code`.
    status: Option<u16>,
    /// llama.cpp's `n_ctx` and `n_prompt_tokens`.
    context_window: Option<u64>,
    request_tokens: Option<u64>,
}

impl Said {
    /// Servers say `{"error": {"message", "type", "code"}}`, `{"error": "message"}`, `{"message"}` or `{"detail"}`, and
    /// Google's puts that into a list.
    fn new(value: &Value) -> Self {
        let value = value.get(0).unwrap_or(value);
        let error = match value.get("error") {
            Some(error) if !error.is_null() => error,
            _ => value,
        };
        let text = |value: Option<&Value>| match value {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) => number.to_string(),
            _ => String::new(),
        };
        let mut message = match error {
            Value::String(message) => message.clone(),
            error => text(error.get("message")),
        };
        if message.is_empty() {
            let detail = error.get("detail").unwrap_or(error);
            message = detail
                .as_str()
                .map_or_else(|| detail.to_string(), str::to_owned);
        }
        if let Some(Value::String(raw)) = error.pointer("/metadata/raw") {
            message = format!("{message}: {raw}");
        }
        Self {
            message: shorten(&message),
            kind: text(error.get("type")),
            code: text(error.get("code")),
            status: error
                .get("status_code")
                .and_then(Value::as_u64)
                .and_then(|n| n.try_into().ok()),
            context_window: error.get("n_ctx").and_then(Value::as_u64),
            request_tokens: error.get("n_prompt_tokens").and_then(Value::as_u64),
        }
    }

    fn error(self, provider: &str, status: Option<u16>) -> ProviderError {
        let kind = self.class(status);
        let overflow = match kind {
            Kind::ContextTooLong => Overflow::of_text(&self.message),
            _ => Overflow::default(),
        };
        let context_window = self.context_window.or(overflow.context_window);
        let request_tokens = self.request_tokens.or(overflow.request_tokens);
        let message = match status {
            _ if !self.message.is_empty() => self.message,
            Some(status) => format!("the server answered with status {status} and said nothing"),
            None => "the server reported an error and said nothing about it".to_owned(),
        };
        ProviderError::new(kind, provider, message).with_overflow(context_window, request_tokens)
    }

    fn class(&self, status: Option<u16>) -> Kind {
        let message = self.message.to_ascii_lowercase();
        let says = |phrases: &[&str]| phrases.iter().any(|phrase| message.contains(phrase));
        let is = |names: &[&str]| names.contains(&&*self.code) || names.contains(&&*self.kind);
        let refused = matches!(status, None | Some(400 | 413 | 422 | 500));
        if is(&["context_length_exceeded", "exceed_context_size_error"])
            || refused && says(TOO_LONG)
        {
            Kind::ContextTooLong
        } else if is(&[
            "insufficient_quota",
            "billing_hard_limit_reached",
            "usage_limit_reached",
        ]) || status == Some(402)
            || says(&[
                "insufficient balance",
                "insufficient_quota",
                "exceeded your current quota",
            ])
        {
            Kind::Quota
        } else if is(&[
            "invalid_api_key",
            "authentication_error",
            "permission_error",
        ]) {
            Kind::Authentication
        } else if is(&["model_not_found"]) {
            Kind::NotFound
        } else if is(&["rate_limit_exceeded", "rate_limit_error"]) {
            Kind::RateLimit
        } else if is(&["tool_use_failed"]) {
            // The model wrote a call that its server could not read. The request was right, and the next answer to
            // it may be, too.
            Kind::Server
        } else if refused && says(BROKEN_HISTORY) {
            Kind::InvalidHistory
        } else {
            self.class_of_status(status, says(&["overloaded"]))
        }
    }

    fn class_of_status(&self, status: Option<u16>, overloaded: bool) -> Kind {
        match status {
            Some(401 | 403) => Kind::Authentication,
            Some(404) => Kind::NotFound,
            Some(408 | 504 | 524) => Kind::Timeout,
            // Too many bytes are no better than too many tokens, and a smaller context is what helps with both.
            Some(413) => Kind::ContextTooLong,
            Some(429) => Kind::RateLimit,
            Some(503 | 529) => Kind::Overloaded,
            Some(500..) if overloaded => Kind::Overloaded,
            Some(500..) => Kind::Server,
            Some(_) => Kind::InvalidRequest,
            None if overloaded => Kind::Overloaded,
            None if self.kind == "invalid_request_error" || self.code.starts_with("invalid") => {
                Kind::InvalidRequest
            }
            None => Kind::Server,
        }
    }
}

/// How servers without a code for it say that a request is too long: OpenAI, vLLM, llama.cpp and Ollama, OpenRouter.
const TOO_LONG: &[&str] = &[
    "maximum context length",
    "context length exceeded",
    "context window",
    "context size",
    "exceed context",
    "prompt is too long",
    "input is too long",
    "input length and `max_tokens` exceed",
    "reduce the length of the messages",
    "requested tokens",
];

/// How servers say that calls and results, or reasoning and what follows it, do not belong together.
const BROKEN_HISTORY: &[&str] = &[
    "messages with role 'tool' must be",
    "must be followed by tool messages",
    "did not have response messages",
    "no tool output found",
    "no tool call found",
    "without its required",
    "tool_call_id",
    "reasoning_content` in the thinking mode must be passed back",
];

/// The words of a body that is not JSON.
fn plain(body: &str) -> String {
    let body = body.trim();
    if !body.starts_with('<') {
        return shorten(body);
    }
    let title = body
        .split_once("<title>")
        .and_then(|(_, rest)| rest.split_once("</title>"))
        .map(|(title, _)| title.trim());
    match title {
        Some(title) => shorten(&format!("the server answered with a web page: {title}")),
        None => "the server answered with a web page".to_owned(),
    }
}

fn shorten(text: &str) -> String {
    match text.char_indices().nth(MAX_MESSAGE) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[track_caller]
    fn check(status: u16, body: &str, kind: Kind, message: &str) {
        let error = of_answer("openai", status, body.as_bytes(), None);
        assert_eq!((error.kind, error.status), (kind, Some(status)), "{body}");
        assert_eq!(error.message, message, "{body}");
    }

    #[test]
    fn every_form_of_body_is_read() {
        check(
            400,
            r#"{"error":{"message":"bad","type":"t","code":null}}"#,
            Kind::InvalidRequest,
            "bad",
        );
        check(
            404,
            r#"{"error":"model \"x\" not found"}"#,
            Kind::NotFound,
            r#"model "x" not found"#,
        );
        check(
            400,
            r#"{"object":"error","message":"bad","code":400}"#,
            Kind::InvalidRequest,
            "bad",
        );
        check(
            422,
            r#"{"detail":[{"msg":"bad"}]}"#,
            Kind::InvalidRequest,
            r#"[{"msg":"bad"}]"#,
        );
        check(403, r#"{"detail":"no"}"#, Kind::Authentication, "no");
        check(
            400,
            r#"[{"error":{"code":400,"message":"bad"}}]"#,
            Kind::InvalidRequest,
            "bad",
        );
        check(
            429,
            r#"{"error":{"code":429,"message":"Provider returned error","metadata":{"raw":"busy"}}}"#,
            Kind::RateLimit,
            "Provider returned error: busy",
        );
    }

    #[test]
    fn what_is_no_json_is_no_riddle() {
        let page = "<html><head><title>502 Bad Gateway</title></head></html>";
        check(
            502,
            page,
            Kind::Server,
            "the server answered with a web page: 502 Bad Gateway",
        );
        check(
            503,
            "<p>",
            Kind::Overloaded,
            "the server answered with a web page",
        );
        check(
            504,
            "",
            Kind::Timeout,
            "the server answered with status 504 and said nothing",
        );
        check(500, " broken ", Kind::Server, "broken");
        check(418, "\u{fffd}", Kind::InvalidRequest, "\u{fffd}");
        let long = "x".repeat(MAX_MESSAGE + 1);
        check(
            500,
            &long,
            Kind::Server,
            &format!("{}…", "x".repeat(MAX_MESSAGE)),
        );
    }

    #[test]
    fn classes() {
        let class = |status, message: &str, code: &str| {
            let body = json!({"error": {"message": message, "code": code}}).to_string();
            of_answer("openai", status, body.as_bytes(), None).kind
        };
        assert_eq!(class(402, "", ""), Kind::Quota);
        assert_eq!(
            class(429, "Insufficient balance or no resource package", "1113"),
            Kind::Quota
        );
        assert_eq!(class(408, "", ""), Kind::Timeout);
        assert_eq!(class(400, "", "model_not_found"), Kind::NotFound);
        assert_eq!(class(500, "the model is overloaded", ""), Kind::Overloaded);
        assert_eq!(
            class(400, "the request exceeds the available context size", ""),
            Kind::ContextTooLong
        );
        assert_eq!(
            class(400, "Failed to call a function", "tool_use_failed"),
            Kind::Server
        );
        let orphan = "An assistant message with 'tool_calls' must be followed by tool messages";
        assert_eq!(class(400, orphan, ""), Kind::InvalidHistory);
        // A limit on the rate of tokens is no limit on the length of the context.
        assert_eq!(
            class(429, "requested tokens exceed the limit", ""),
            Kind::RateLimit
        );
    }

    #[test]
    fn a_request_that_is_too_long_tells_the_window() {
        let numbers = |body: &str| {
            let error = of_answer("openai", 400, body.as_bytes(), None);
            (error.context_window(), error.request_tokens())
        };
        let llama = r#"{"error":{"code":400,"message":"request (13810 tokens) exceeds the available context size (1024 tokens)",
            "type":"exceed_context_size_error","n_prompt_tokens":13811,"n_ctx":1025}}"#;
        assert_eq!(numbers(llama), (Some(1025), Some(13_811)));
        let openai = r#"{"error":{"message":"This model's maximum context length is 8192 tokens. However, your messages
            resulted in 9000 tokens.","code":"context_length_exceeded"}}"#;
        assert_eq!(numbers(openai).0, Some(8192));
        assert_eq!(
            numbers(r#"{"error":"temperature must be <= 2"}"#),
            (None, None)
        );
    }

    #[test]
    fn an_error_within_a_stream_has_no_status_but_a_class() {
        let class = |error| of_event("openai", &error);
        assert_eq!(class(json!({"message": "x"})).kind, Kind::Server);
        assert_eq!(
            class(json!({"code": 503, "message": "x"})).kind,
            Kind::Overloaded
        );
        assert_eq!(
            class(json!({"code": 400, "message": "x"})).kind,
            Kind::InvalidRequest
        );
        assert_eq!(
            class(json!({"status_code": 429, "message": "x"})).kind,
            Kind::RateLimit
        );
        assert_eq!(
            class(json!({"type": "invalid_request_error", "message": "x"})).kind,
            Kind::InvalidRequest
        );
        assert_eq!(
            class(json!({"message": "overloaded"})).kind,
            Kind::Overloaded
        );
        let error = class(json!({"code": 1_000_000, "message": "x"}));
        assert_eq!((error.kind, error.status), (Kind::Server, None));
    }
}
