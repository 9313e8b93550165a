//! Failures of rmcp as errors of this crate.

use std::error::Error;
use std::iter;
use std::time::Duration;

use rmcp::ServiceError;
use rmcp::model::ErrorCode;
use rmcp::service::ClientInitializeError;
use rmcp::transport::DynamicTransportError;
use rmcp::transport::streamable_http_client::StreamableHttpError;
use victor_http::{HttpError, TimeLimit};
use victor_text::{excerpt, listed};
use victor_tool_protocol::ToolError;

use super::call_error::CallError;
use super::stdio::Process;
use crate::{McpError, McpServerConfig};

/// The most characters of a server's words that an error repeats.
const MAX_QUOTED: usize = 500;

type TransportError = StreamableHttpError<HttpError>;

/// Converts the failure of a handshake.
pub(super) async fn connect_error(
    config: &McpServerConfig,
    error: &ClientInitializeError,
    process: Option<&Process>,
) -> McpError {
    let server = config.name.clone();
    if let ClientInitializeError::LegacyFallbackFailed { fallback, .. } = error {
        // The failure of the older handshake includes that of the newer one.
        return Box::pin(connect_error(config, fallback, process)).await;
    }
    let transport = match error {
        ClientInitializeError::TransportError { error, .. } => Some(error),
        _ => None,
    };
    if let Some(process) = process
        && (transport.is_some() || matches!(error, ClientInitializeError::ConnectionClosed(_)))
    {
        let reason = process.exit_reason().await;
        return McpError::Ended { server, reason };
    }
    if let Some(error) = transport {
        let (kind, reason) = transport_error(error);
        let reason = config.redact(reason);
        return match kind {
            Kind::Refused => McpError::Refused { server, reason },
            Kind::NotSent | Kind::Busy(_) => McpError::Unreachable { server, reason },
            Kind::Unsure => McpError::Protocol { server, reason },
        };
    }
    let reason = match error {
        ClientInitializeError::JsonRpcError(error) => quoted(config, &error.message),
        ClientInitializeError::NoCompatibleProtocolVersion {
            server_supported, ..
        } => {
            let versions: Vec<_> = server_supported.iter().map(ToString::to_string).collect();
            format!(
                "it supports only the protocol revisions {}",
                listed(versions, "and")
            )
        }
        other => quoted(config, &other.to_string()),
    };
    McpError::Protocol { server, reason }
}

/// Describes why a request has no answer.
pub(super) fn service_error(config: &McpServerConfig, error: &ServiceError) -> String {
    match error {
        ServiceError::McpError(error) => quoted(config, &error.message),
        ServiceError::TransportSend(error) => config.redact(transport_error(error).1),
        ServiceError::TransportClosed => "the connection has ended".to_owned(),
        ServiceError::UnexpectedResponse => "the answer does not fit the request".to_owned(),
        other => quoted(config, &other.to_string()),
    }
}

/// Converts the failure of a call. `exit_reason` says why the connection has ended, if it has.
pub(super) fn tool_error(
    config: &McpServerConfig,
    error: &CallError,
    exit_reason: Option<String>,
) -> ToolError {
    let server = &config.name;
    let failed = |reason: &str| {
        ToolError::failed(format!(
            "MCP server `{server}` gave no result, and the call may have had an effect: {reason}"
        ))
    };
    match error {
        CallError::NotSent => ToolError::unavailable(format!(
            "MCP server `{server}` has ended, and the call had no effect"
        )),
        CallError::Service(ServiceError::McpError(error)) => {
            let message = quoted(config, &error.message);
            match error.code {
                ErrorCode::INVALID_PARAMS => ToolError::InvalidArguments(message),
                ErrorCode::METHOD_NOT_FOUND => ToolError::NotFound(message),
                _ => ToolError::failed(format!(
                    "MCP server `{server}` answered with an error: {message}"
                )),
            }
        }
        CallError::Service(ServiceError::TransportSend(error)) => {
            let (kind, reason) = transport_error(error);
            let reason = config.redact(reason);
            match kind {
                Kind::Refused => {
                    ToolError::NotPermitted(format!("MCP server `{server}`: {reason}"))
                }
                Kind::NotSent => ToolError::unavailable(format!(
                    "MCP server `{server}` cannot be reached, and the call had no effect: {reason}"
                )),
                Kind::Busy(retry_after) => ToolError::Unavailable {
                    message: format!(
                        "MCP server `{server}` takes no calls at the moment: {reason}"
                    ),
                    retry_after,
                },
                Kind::Unsure => failed(&reason),
            }
        }
        CallError::Unsupported(request) => {
            failed(&format!("the server {request}, which is not supported"))
        }
        CallError::Service(error) => {
            failed(&exit_reason.unwrap_or_else(|| service_error(config, error)))
        }
    }
}

fn quoted(config: &McpServerConfig, text: &str) -> String {
    excerpt(&config.redact(text.to_owned()), MAX_QUOTED)
}

/// The effect of a transport failure on a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// The server did not get it.
    NotSent,
    /// The server did nothing with it; it may accept it later.
    Busy(Option<Duration>),
    /// The server denies access.
    Refused,
    /// The server may have acted on it.
    Unsure,
}

fn transport_error(error: &DynamicTransportError) -> (Kind, String) {
    let bottom: &(dyn Error + 'static) = &*error.error;
    let http = iter::successors(Some(bottom), |&error| error.source())
        .find_map(|error| error.downcast_ref::<TransportError>());
    let Some(http) = http else {
        return (Kind::Unsure, excerpt(&bottom.to_string(), MAX_QUOTED));
    };
    let kind = match http {
        StreamableHttpError::Client(
            HttpError::Connect { .. }
            | HttpError::Tls { .. }
            | HttpError::InvalidUrl { .. }
            | HttpError::InvalidOptions { .. }
            | HttpError::Redirect { .. }
            | HttpError::Timeout {
                limit: TimeLimit::Connect,
                ..
            },
        ) => Kind::NotSent,
        StreamableHttpError::HttpStatus(status) => match status.status {
            401 | 403 => Kind::Refused,
            429 | 503 => Kind::Busy(seconds(status.retry_after.as_deref())),
            _ => Kind::Unsure,
        },
        _ => Kind::Unsure,
    };
    let reason = match http {
        StreamableHttpError::Client(error) => error.to_string(),
        other => other.to_string(),
    };
    (kind, excerpt(&reason, MAX_QUOTED))
}

fn seconds(retry_after: Option<&str>) -> Option<Duration> {
    let seconds = retry_after?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}
