//! Builds an exporter piece by piece.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio::sync::Mutex;
use victor_http::HttpError;

use super::PushgatewayExporter;
use super::counts::Counts;
use crate::endpoint::{EndpointBuilder, endpoint_setters};

/// Builds a [`PushgatewayExporter`] piece by piece.
#[derive(Debug, Clone)]
#[must_use = "nothing is built until `build` is called"]
pub struct PushgatewayExporterBuilder {
    name: String,
    job: String,
    grouping: Vec<(String, String)>,
    endpoint: EndpointBuilder,
}

impl PushgatewayExporterBuilder {
    pub(super) fn new(base_url: String) -> Self {
        Self {
            name: "pushgateway".to_owned(),
            job: "victor".to_owned(),
            grouping: Vec::new(),
            endpoint: EndpointBuilder::new(base_url, Duration::from_secs(30)),
        }
    }

    /// Sets the exporter's name. Defaults to `pushgateway`.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Sets the label `job` of everything that is pushed. Defaults to `victor`.
    pub fn job(mut self, job: impl Into<String>) -> Self {
        self.job = job.into();
        self
    }

    /// Adds a label to everything that is pushed, such as `instance`. Job and labels are the key of a group: whoever
    /// pushes with the same ones replaces what is there.
    pub fn grouping(mut self, label: impl Into<String>, value: impl Into<String>) -> Self {
        self.grouping.push((label.into(), value.into()));
        self
    }

    endpoint_setters! {
        timeout: "Sets the time limit of one request, with its whole answer. Defaults to 30 seconds.",
        http_options: "Sets the options of the HTTP client, but for the time limit of the exchange as a whole.",
    }

    /// Builds the exporter. Nothing is sent yet.
    ///
    /// # Errors
    ///
    /// The URL is none, the job is empty, a label is no name of one, the token or a header has characters that no
    /// header may have, or the HTTP options do not fit together.
    pub fn build(self) -> Result<PushgatewayExporter, HttpError> {
        let invalid = |reason: String| HttpError::InvalidOptions { reason };
        if self.job.is_empty() {
            return Err(invalid(
                "the job of a Pushgateway must have a name".to_owned(),
            ));
        }
        let mut path = "/metrics".to_owned();
        let job = ("job".to_owned(), self.job);
        for (index, (label, value)) in [job].into_iter().chain(self.grouping).enumerate() {
            let is_free = index == 0 || label != "job";
            if !is_label(&label) || !is_free {
                return Err(invalid(format!(
                    "`{label}` cannot be a label of a group: use letters, digits and `_`, and not `job`"
                )));
            }
            path.push_str(&segments(&label, &value));
        }
        Ok(PushgatewayExporter {
            name: self.name,
            endpoint: self.endpoint.build()?,
            path,
            counts: Mutex::new(Counts::default()),
        })
    }
}

fn is_label(label: &str) -> bool {
    let is_valid = |char: char| char.is_ascii_alphanumeric() || char == '_';
    label.chars().all(is_valid)
        && !label.starts_with("__")
        && label.starts_with(|first: char| !first.is_ascii_digit())
}

/// The segments of a label and its value in a path. Values that a path cannot have as they are stand in base64
/// ([source](https://github.com/prometheus/pushgateway#url)).
fn segments(label: &str, value: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    if !value.is_empty() && value.bytes().all(is_plain) {
        return format!("/{label}/{value}");
    }
    match value {
        "" => format!("/{label}@base64/="),
        _ => format!("/{label}@base64/{}", URL_SAFE_NO_PAD.encode(value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stand_in_the_path_as_they_can() {
        let check = |value: &str, expected: &str| assert_eq!(segments("job", value), expected);
        check("victor-analytics", "/job/victor-analytics");
        check("..", "/job@base64/Li4");
        check("/var/tmp", "/job@base64/L3Zhci90bXA");
        check("", "/job@base64/=");
    }
}
