//! Classes of the API's errors.

use victor_http::RefusedRequest;
use victor_model_api::RawFields as Fields;
use victor_model_api::{Overflow, class_of_code, class_of_text, delay_of_text};
use victor_provider_protocol::{ProviderError, ProviderErrorKind};

use crate::DIALECT;

/// Number of characters shown of a body that is not an error of the API.
const SHOWN_CHARS: usize = 200;

/// The error that an answer describes, by its status where it came as an HTTP error, and its body.
///
/// `request_id` is the one of the headers; that of the body goes before it.
pub(crate) fn of_body(status: Option<u16>, request_id: Option<&str>, body: &[u8]) -> ProviderError {
    let text = String::from_utf8_lossy(body);
    let Described {
        kind,
        message,
        request_id: own_id,
        context_window,
        request_tokens,
    } = described(&text).unwrap_or_default();
    let class = class(status, &kind, &message);
    let overflow = match class {
        ProviderErrorKind::ContextTooLong => Overflow::of_text(&message),
        _ => Overflow::default(),
    };
    let mut message = if message.is_empty() {
        undescribed(status, &text)
    } else {
        message
    };
    if let Some(id) = own_id.as_deref().or(request_id) {
        message = format!("{message} (request {id})");
    }
    let is_temporary = matches!(
        class,
        ProviderErrorKind::RateLimit | ProviderErrorKind::Overloaded | ProviderErrorKind::Loading
    );
    let retry_after = delay_of_text(&message).filter(|_| is_temporary);
    let mut error = ProviderError::new(class, DIALECT, message).with_overflow(
        context_window.or(overflow.context_window),
        request_tokens.or(overflow.request_tokens),
    );
    error.retry_after = retry_after;
    match status {
        Some(status) => error.with_status(status),
        None => error,
    }
}

/// The error that an answer with an error status describes.
pub(crate) fn of_refused(_: &str, refused: &RefusedRequest) -> ProviderError {
    of_body(
        Some(refused.status),
        refused.request_id.as_deref(),
        &refused.body,
    )
}

#[derive(Default)]
struct Described {
    kind: String,
    message: String,
    request_id: Option<String>,
    /// llama.cpp's `n_ctx` and `n_prompt_tokens`.
    context_window: Option<u64>,
    request_tokens: Option<u64>,
}

/// Reads a JSON body, in the form of the API or in those of proxies before it.
fn described(text: &str) -> Option<Described> {
    let fields = Fields::parse(text).ok()?;
    let request_id = fields.read("request_id").unwrap_or_default();
    let inner = fields
        .get("error")
        .and_then(|error| Fields::parse(error.get()).ok());
    let number = |name| {
        let inner = inner.as_ref()?;
        inner.read::<Option<u64>>(name).ok().flatten()
    };
    let (context_window, request_tokens) = (number("n_ctx"), number("n_prompt_tokens"));
    let (kind, message) = match &inner {
        Some(inner) => (inner.kind(), inner.read("message").unwrap_or_default()),
        None => {
            let said: Option<String> = fields.read("error").unwrap_or_default();
            (
                String::new(),
                said.unwrap_or_else(|| fields.read("message").unwrap_or_default()),
            )
        }
    };
    Some(Described {
        kind,
        message,
        request_id,
        context_window,
        request_tokens,
    })
}

fn undescribed(status: Option<u16>, text: &str) -> String {
    let status = status.map_or_else(
        || "an error".to_owned(),
        |status| format!("status {status}"),
    );
    let text = text.trim();
    if text.is_empty() {
        return format!("{status} without a body");
    }
    if text.starts_with('<') {
        let title = text
            .split_once("<title>")
            .and_then(|(_, rest)| rest.split_once("</title>"))
            .map(|(title, _)| format!(": {}", shortened(title.trim())))
            .unwrap_or_default();
        return format!("{status} with a web page instead of an answer of the API{title}");
    }
    format!("{status}: {}", shortened(text))
}

fn shortened(text: &str) -> &str {
    text.char_indices()
        .nth(SHOWN_CHARS)
        .map_or(text, |(end, _)| &text[..end])
}

/// The class, by what the API calls the error, else by the words that the servers of all dialects use, else by the
/// status.
fn class(status: Option<u16>, kind: &str, message: &str) -> ProviderErrorKind {
    use ProviderErrorKind::{
        Authentication, ContextTooLong, InvalidHistory, InvalidRequest, NotFound, Overloaded,
        Quota, RateLimit, Server, Timeout,
    };
    let is_request = kind == "invalid_request_error";
    let by_code = class_of_code(kind).filter(|class| *class != Server);
    // The status counts only where the API has no name for the error.
    let refused = is_request || matches!(status, None | Some(400 | 413 | 422 | 500 | 501));
    let by_text = || {
        // Of one kind, the first word is where in the request the fault is.
        let is_history = refused && message.starts_with("messages") && breaks_history(message);
        is_history
            .then_some(InvalidHistory)
            .or_else(|| class_of_text(message, refused))
    };
    let by_status = match (kind, status) {
        ("api_error", _) => Server,
        (_, Some(408 | 504)) => Timeout,
        // Another request was in the way, or it came too early.
        (_, Some(409 | 425)) => Server,
        _ if is_request => InvalidRequest,
        (_, Some(401 | 403)) => Authentication,
        (_, Some(402)) => Quota,
        (_, Some(404)) => NotFound,
        // Too many bytes are no better than too many tokens, and a smaller context is what helps with both.
        (_, Some(413)) => ContextTooLong,
        (_, Some(429)) => RateLimit,
        (_, Some(503 | 529)) => Overloaded,
        // What the server does not do at all, it does not do later.
        (_, Some(501 | 505)) => InvalidRequest,
        // An error without a name and a status came in the middle of a stream.
        (_, Some(500..) | None) => Server,
        (_, Some(_)) => InvalidRequest,
    };
    by_code.or_else(by_text).unwrap_or(by_status)
}

/// Whether the API says of messages that they do not belong together.
fn breaks_history(message: &str) -> bool {
    let message = message.to_lowercase();
    let words = [
        "tool_use",
        "tool_result",
        "thinking",
        "alternate",
        "non-empty",
        "non-whitespace",
    ];
    words.iter().any(|word| message.contains(word))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use victor_http::HttpError;

    use super::*;

    #[track_caller]
    fn check(status: u16, body: &str, kind: &str, message: &str) {
        let error = of_body(Some(status), None, body.as_bytes());
        assert_eq!(
            (error.kind.as_str(), error.message.as_str(), error.status),
            (kind, message, Some(status))
        );
    }

    fn named(kind: &str, message: &str) -> String {
        serde_json::json!({"type": "error", "error": {"type": kind, "message": message}})
            .to_string()
    }

    #[test]
    fn the_name_of_an_error_says_its_class() {
        for (kind, class) in [
            ("authentication_error", "authentication"),
            ("permission_error", "authentication"),
            ("billing_error", "quota"),
            ("rate_limit_error", "rate_limit"),
            ("overloaded_error", "overloaded"),
            ("not_found_error", "not_found"),
            ("timeout_error", "timeout"),
            ("api_error", "server"),
            ("request_too_large", "context_too_long"),
            ("invalid_request_error", "invalid_request"),
        ] {
            check(400, &named(kind, "words"), class, "words");
        }
    }

    #[test]
    fn the_words_say_what_is_wrong_with_a_request() {
        for (message, class) in [
            (
                "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000",
                "context_too_long",
            ),
            (
                "Your credit balance is too low to access the Anthropic API.",
                "quota",
            ),
            ("You have reached your specified API usage limits.", "quota"),
            (
                "messages: roles must alternate between \"user\" and \"assistant\"",
                "invalid_history",
            ),
            (
                "messages.1.content.0: Invalid `signature` in `thinking` block",
                "invalid_history",
            ),
            (
                "messages.1.content.1: `tool_use` ids must be unique",
                "invalid_history",
            ),
            (
                "`max_tokens` must be greater than `thinking.budget_tokens`.",
                "invalid_request",
            ),
        ] {
            check(
                400,
                &named("invalid_request_error", message),
                class,
                message,
            );
        }
    }

    #[test]
    fn a_request_that_is_too_long_tells_the_window() {
        let numbers = |body: &str| {
            let error = of_body(Some(400), None, body.as_bytes());
            (error.context_window(), error.request_tokens())
        };
        let words = "prompt is too long: 213462 tokens > 200000 maximum";
        let said = named("invalid_request_error", words);
        assert_eq!(numbers(&said), (Some(200_000), Some(213_462)));
        let llama = r#"{"error":{"type":"exceed_context_size_error","message":"m","n_prompt_tokens":9,"n_ctx":8}}"#;
        assert_eq!(numbers(llama), (Some(8), Some(9)));
        let other = named("invalid_request_error", "`temperature` must be <= 1");
        assert_eq!(numbers(&other), (None, None));
    }

    #[test]
    fn what_a_server_cannot_do_it_is_not_asked_again() {
        let unable = r#"{"error":{"code":501,
            "message":"This server does not support embeddings","type":"not_supported_error"}}"#;
        check(
            501,
            unable,
            "invalid_request",
            "This server does not support embeddings",
        );
        check(501, "", "invalid_request", "status 501 without a body");
        let loading = of_body(
            Some(503),
            None,
            br#"{"error":{"code":503,"message":"Loading model","type":"unavailable_error"}}"#,
        );
        assert_eq!(
            (loading.kind.as_str(), loading.retry_after),
            ("loading", Some(Duration::from_secs(5)))
        );
        let slow = named("rate_limit_error", "please try again in 1.5s");
        let slow = of_body(None, None, slow.as_bytes());
        assert_eq!(slow.retry_after, Some(Duration::from_millis(1_500)));
        let minimax = named(
            "invalid_request_error",
            "invalid params, context window exceeds limit (2013)",
        );
        check(
            400,
            &minimax,
            "context_too_long",
            "invalid params, context window exceeds limit (2013)",
        );
    }

    #[test]
    fn without_a_name_the_status_says_it() {
        for (status, class) in [
            (401, "authentication"),
            (402, "quota"),
            (404, "not_found"),
            (408, "timeout"),
            (409, "server"),
            (413, "context_too_long"),
            (418, "invalid_request"),
            (429, "rate_limit"),
            (500, "server"),
            (502, "server"),
            (503, "overloaded"),
            (504, "timeout"),
        ] {
            check(
                status,
                "",
                class,
                &format!("status {status} without a body"),
            );
        }
    }

    #[test]
    fn bodies_of_proxies_are_told_too() {
        let page = "<html><head><title> 502 Bad Gateway </title></head>...";
        check(
            502,
            page,
            "server",
            "status 502 with a web page instead of an answer of the API: 502 Bad Gateway",
        );
        check(502, r#"{"error":"no upstream"}"#, "server", "no upstream");
        check(502, r#"{"message":"no upstream"}"#, "server", "no upstream");
        check(
            502,
            r#"{"other":1}"#,
            "server",
            r#"status 502: {"other":1}"#,
        );
        check(
            500,
            &"é".repeat(300),
            "server",
            &format!("status 500: {}", "é".repeat(200)),
        );
    }

    #[test]
    fn the_request_can_be_found_again() {
        let body =
            r#"{"type":"error","error":{"type":"api_error","message":"m"},"request_id":"req_1"}"#;
        assert_eq!(
            of_body(Some(500), Some("req_2"), body.as_bytes()).message,
            "m (request req_1)"
        );
        assert_eq!(
            of_body(Some(500), Some("req_2"), b"").message,
            "status 500 without a body (request req_2)"
        );
    }

    #[test]
    fn errors_of_the_exchange_have_classes() {
        let server = || "s:1".to_owned();
        let reason = || "r".to_owned();
        for (error, kind) in [
            (
                HttpError::InvalidUrl {
                    url: "u".into(),
                    reason: reason(),
                },
                "invalid_request",
            ),
            (
                HttpError::Connect {
                    server: server(),
                    proxy: None,
                    reason: reason(),
                },
                "connection",
            ),
            (
                HttpError::Tls {
                    server: server(),
                    reason: reason(),
                },
                "connection",
            ),
            (
                HttpError::Truncated {
                    server: server(),
                    reason: reason(),
                },
                "truncated",
            ),
            (
                HttpError::EventTooLarge {
                    server: server(),
                    limit: 1,
                },
                "malformed",
            ),
            (HttpError::InvalidUtf8 { server: server() }, "malformed"),
            (
                HttpError::Redirect {
                    server: server(),
                    status: 307,
                    location: "l".into(),
                },
                "not_found",
            ),
        ] {
            let message = error.to_string();
            let error = error.provider_error(DIALECT);
            assert_eq!((error.kind.as_str(), error.message), (kind, message));
        }
    }
}
