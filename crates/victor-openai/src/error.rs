//! Errors of the servers, in the classes of Victor.

use std::time::Duration;

use serde_json::Value;
use victor_http::RefusedRequest;
use victor_model_api::{LimitExceeded, Overflow, class_of_code, class_of_text, delay_of_text};
use victor_provider_protocol::{ProviderError, ProviderErrorKind};

use ProviderErrorKind as Kind;

/// Most characters of a server's message that are passed on.
const MAX_MESSAGE: usize = 2_000;

/// The error that an answer with an error status describes. The body may be anything: the form of OpenAI or of another
/// server, served as whatever type, a web page of a proxy, or nothing.
pub(crate) fn of_refused(provider: &str, refused: &RefusedRequest) -> ProviderError {
    let mut error = of_answer(provider, refused.status, &refused.body);
    if let Some(id) = &refused.request_id {
        error.message = format!("{} (request {id})", error.message);
    }
    error
}

fn of_answer(provider: &str, status: u16, body: &[u8]) -> ProviderError {
    let said = match serde_json::from_slice::<Value>(body) {
        Ok(value) => Said::new(&value),
        Err(_) => Said {
            message: plain(&String::from_utf8_lossy(body)),
            ..Said::default()
        },
    };
    said.error(provider, Some(status)).with_status(status)
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

/// An error that MiniMax reports in an answer of status 200, by a code of its own:
/// <https://platform.minimax.io/docs/api-reference/errorcode>.
pub(crate) fn of_minimax(provider: &str, code: i64, message: &str) -> ProviderError {
    let status = match code {
        1002 | 1041 => 429,
        1004 | 2049 => 401,
        1008 => 402,
        1039 => 413,
        1000 | 1001 | 1013 | 1024 | 1033 => 500,
        _ => 400,
    };
    let said = Said {
        message: shorten(&format!("{message} ({code})")),
        ..Said::default()
    };
    said.error(provider, Some(status))
}

/// The error of an answer that differs from the documentation. The error beneath goes into the message, where it is
/// seen whether a secret is in it.
pub(crate) fn malformed(provider: &str, what: &str, error: &serde_json::Error) -> ProviderError {
    ProviderError::new(Kind::Malformed, provider, format!("{what}: {error}"))
}

/// The answer ended too early.
pub(crate) fn truncated(provider: &str) -> ProviderError {
    let message = "the answer ended before it was whole";
    ProviderError::new(Kind::Truncated, provider, message)
}

/// The answer is larger than it may be.
pub(crate) fn too_large(provider: &str, limit: LimitExceeded) -> ProviderError {
    ProviderError::new(Kind::AnswerTooLarge, provider, limit.to_string())
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
    /// Time to wait, in the fields of Google and Hugging Face.
    delay: Option<Duration>,
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
            delay: delay(error).or_else(|| delay(value)),
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
        let retry_after = match kind {
            Kind::RateLimit | Kind::Overloaded | Kind::Loading => {
                self.delay.or_else(|| delay_of_text(&self.message))
            }
            _ => None,
        };
        let message = match status {
            _ if !self.message.is_empty() => self.message,
            Some(status) => format!("the server answered with status {status} and said nothing"),
            None => "the server reported an error and said nothing about it".to_owned(),
        };
        let mut error = ProviderError::new(kind, provider, message)
            .with_overflow(context_window, request_tokens);
        error.retry_after = retry_after;
        error
    }

    fn class(&self, status: Option<u16>) -> Kind {
        let refused = matches!(status, None | Some(400 | 413 | 422 | 500 | 501));
        let by_text = class_of_text(&self.message, refused);
        match (status, by_text) {
            (Some(402), _) => Kind::Quota,
            // What can be mended is in the words, where the code says only that something is wrong.
            (_, Some(kind)) if kind != Kind::InvalidRequest => kind,
            (_, by_text) => class_of_code(&self.code)
                .or_else(|| class_of_code(&self.kind))
                .or(by_text)
                .unwrap_or_else(|| self.class_of_status(status)),
        }
    }

    fn class_of_status(&self, status: Option<u16>) -> Kind {
        match status {
            Some(401 | 403) => Kind::Authentication,
            Some(404) => Kind::NotFound,
            Some(408 | 504 | 524) => Kind::Timeout,
            // Another request was in the way, or it came too early.
            Some(409 | 425) => Kind::Server,
            // Too many bytes are no better than too many tokens, and a smaller context is what helps with both.
            Some(413) => Kind::ContextTooLong,
            Some(429) => Kind::RateLimit,
            Some(503 | 529) => Kind::Overloaded,
            // What the server does not do at all, it does not do later.
            Some(501 | 505) => Kind::InvalidRequest,
            Some(500..) => Kind::Server,
            Some(_) => Kind::InvalidRequest,
            None if self.kind == "invalid_request_error" || self.code.starts_with("invalid") => {
                Kind::InvalidRequest
            }
            None => Kind::Server,
        }
    }
}

/// Returns the time to wait that an error names in a field: Google's `retryDelay` among its details, and Hugging Face's
/// `estimated_time` while it loads a model.
fn delay(error: &Value) -> Option<Duration> {
    let mut details = error
        .get("details")
        .and_then(Value::as_array)
        .into_iter()
        .flatten();
    let asked = details.find_map(|detail| detail.get("retryDelay")?.as_str());
    let loads = error.get("estimated_time").and_then(Value::as_f64);
    asked
        .and_then(|asked| delay_of_text(&format!("retry in {asked}")))
        .or_else(|| Duration::try_from_secs_f64(loads?).ok())
}

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
        let error = of_answer("openai", status, body.as_bytes());
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
            of_answer("openai", status, body.as_bytes()).kind
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
            let error = of_answer("openai", 400, body.as_bytes());
            (error.context_window(), error.request_tokens())
        };
        let llama = r#"{"error":{"code":400,
            "message":"request (13810 tokens) exceeds the available context size (1024 tokens)",
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
    fn what_a_server_cannot_do_it_is_not_asked_again() {
        let class = |status, error: Value| {
            let body = json!({ "error": error }).to_string();
            of_answer("openai", status, body.as_bytes()).kind
        };
        let says = |message: &str| json!({ "message": message });
        assert_eq!(
            class(501, says("This server does not support embeddings")),
            Kind::InvalidRequest
        );
        assert_eq!(class(501, says("")), Kind::InvalidRequest);
        assert_eq!(
            class(500, says("tools param is not supported")),
            Kind::InvalidRequest
        );
        let long = "input (6000 tokens) is too large to process. increase the physical batch size";
        assert_eq!(class(500, says(long)), Kind::ContextTooLong);
        for code in [
            "bio_policy",
            "image_too_large",
            "invalid_base64_image",
            "invalid_prompt",
        ] {
            let error = of_event("openai", &json!({"code": code, "message": "x"}));
            assert_eq!(error.kind, Kind::InvalidRequest, "{code}");
        }
        assert_eq!(
            of_event("openai", &json!({"code": "server_error", "message": "x"})).kind,
            Kind::Server
        );
    }

    #[test]
    fn the_time_to_wait_is_found_wherever_it_stands() {
        let check = |error: Value, seconds: f64| {
            let expected = Some(Duration::from_secs_f64(seconds));
            assert_eq!(of_event("openai", &error).retry_after, expected, "{error}");
            let body = json!({ "error": error }).to_string();
            let status = error["code"].as_u64().unwrap_or(429).try_into().unwrap();
            let answer = of_answer("openai", status, body.as_bytes());
            assert_eq!(answer.retry_after, expected, "{error}");
        };
        let code = "rate_limit_exceeded";
        check(
            json!({"code": code, "message": "Please try again in 11.054s."}),
            11.054,
        );
        check(
            json!({"code": 429, "message": "x", "details": [{"@type": "a"}, {"retryDelay": "34s"}]}),
            34.0,
        );
        check(json!({"code": 503, "message": "Loading model"}), 5.0);
        check(
            json!({"code": 503, "message": "Model is currently loading", "estimated_time": 20.5}),
            20.5,
        );
        let other = of_event(
            "openai",
            &json!({"code": "invalid_prompt", "message": "try again in 5s"}),
        );
        assert_eq!(other.retry_after, None);
    }

    #[test]
    fn minimax_has_codes_of_its_own() {
        let check = |code, message: &str, kind| {
            assert_eq!(of_minimax("minimax", code, message).kind, kind, "{code}");
        };
        check(1002, "rate limit", Kind::RateLimit);
        check(1004, "login fail", Kind::Authentication);
        check(1008, "insufficient balance", Kind::Quota);
        check(1039, "token limit", Kind::ContextTooLong);
        check(
            2013,
            "invalid params, tool call result does not follow tool call",
            Kind::InvalidHistory,
        );
        check(2013, "invalid params", Kind::InvalidRequest);
        check(1013, "internal error", Kind::Server);
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
