//! The answer of a service of settings, and why it may be refused.

use serde_json::Value;
use victor_config_protocol::{ConfigError, ConfigMap};
use victor_core::SessionId;
use victor_http::{HttpError, HttpResponse, StatusCode};

/// The member under which the settings may stand.
const CONFIG: &str = "config";

/// The member that names the session of an answer.
const SESSION_ID: &str = "session_id";

/// Why there are no settings.
#[derive(Debug, thiserror::Error)]
pub(super) enum Refusal {
    #[error(transparent)]
    Http(#[from] HttpError),
    #[error("its answer has status {}{}", .0.as_u16(), advice(*.0))]
    Status(StatusCode),
    #[error(
        "its answer is {0} and not JSON: is its address the one of the settings, or of a page to log in?"
    )]
    NotJson(String),
    #[error("its answer is not valid JSON")]
    Invalid(#[source] serde_json::Error),
    #[error("its answer is no JSON object of settings")]
    NoObject,
    #[error("its answer is for session `{0}` and not for the one that was asked for")]
    Foreign(String),
    #[error("its answer does not name the session it is for: `session_id` is missing")]
    Nameless,
    #[error("the session's name cannot be part of a path")]
    Unaskable,
}

impl Refusal {
    /// Returns the error of the provider of this name, at this host.
    pub(super) fn into_error(self, provider: &str, host: &str) -> ConfigError {
        let origin = format!("config provider {provider}, at {host},");
        match self {
            Self::Invalid(source) => {
                let message = "its answer is not valid JSON";
                ConfigError::new(origin, message).with_source(source)
            }
            other => ConfigError::new(origin, other.to_string()),
        }
    }
}

fn advice(status: StatusCode) -> &'static str {
    match status.as_u16() {
        401 | 403 => ": check the token",
        304 => ", although nothing was to be compared",
        _ => "",
    }
}

/// Reads the settings of a session from an answer.
pub(super) async fn read(
    response: HttpResponse,
    session: &SessionId,
    requires_session_id: bool,
) -> Result<ConfigMap, Refusal> {
    let kind = response.content_type();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    // A service that does not say what it answers is given the chance to answer JSON.
    let may_be_json = kind.is_empty() || kind == "text/plain" || kind == "application/octet-stream";
    if !may_be_json && kind != "application/json" && !kind.ends_with("+json") {
        return Err(Refusal::NotJson(kind.to_owned()));
    }
    let body = response.bytes().await?;
    let Value::Object(mut values) = serde_json::from_slice(&body).map_err(Refusal::Invalid)? else {
        return Err(Refusal::NoObject);
    };
    match values.remove(SESSION_ID) {
        Some(Value::String(id)) if id == session.as_str() => {}
        Some(Value::String(id)) => return Err(Refusal::Foreign(id)),
        Some(other) => return Err(Refusal::Foreign(other.to_string())),
        None if requires_session_id => return Err(Refusal::Nameless),
        None => {}
    }
    match values.remove(CONFIG) {
        None => Ok(values),
        Some(Value::Object(values)) => Ok(values),
        Some(Value::Null) => Ok(ConfigMap::new()),
        Some(_) => Err(Refusal::NoObject),
    }
}
