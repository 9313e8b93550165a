//! Events of analytics, sent to a webhook.

mod builder;
mod signature;

use std::io::Write as _;

use async_trait::async_trait;
use flate2::Compression;
use flate2::write::GzEncoder;
use hmac_sha256::Hash;
use victor_analytics_protocol::{
    AnalyticsEvent, AnalyticsExporter, ExportError, ExportErrorKind, ExportResult,
};
use victor_core::Timestamp;
use victor_http::header::{CONTENT_ENCODING, HeaderMap, HeaderName, HeaderValue};
use victor_http::{HttpResponse, StatusCode, retry_after};

pub use self::builder::WebhookExporterBuilder;
use self::signature::SigningKey;
use crate::endpoint::Endpoint;

/// Sends events to a webhook: `POST {URL}`, with a JSON array of them.
///
/// Each request has the headers of [Standard Webhooks](https://www.standardwebhooks.com): `webhook-id`, which is the
/// same when a batch comes again, `webhook-timestamp` in seconds, and with a [secret](WebhookExporterBuilder::secret)
/// `webhook-signature`, an HMAC-SHA256 over both and the JSON. A receiver refuses what is older than some minutes, so
/// that nobody sends an old request again. Events have an `id` of their own, by which a receiver leaves out those that
/// it has.
///
/// | answer | what becomes of the batch |
/// |---|---|
/// | 2xx, and not a page | it has arrived |
/// | 413 | it comes in smaller parts |
/// | 400, 422 | it comes in smaller parts, so that one bad event takes no other along; that one becomes a dead letter |
/// | 429, 503 and others with `Retry-After` | it comes again after that time |
/// | everything else: a page, a redirect, another status, none in time | it comes again |
///
/// Redirects are not followed, so that keys do not travel.
///
/// ```
/// use victor_web::WebhookExporter;
/// use victor_web::analytics::{AnalyticsEvent, AnalyticsExporter};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let api = victor_testkit::FakeApi::answering(victor_testkit::Reply::new(204, "", "")).await?;
/// let exporter = WebhookExporter::builder(format!("{}/analytics", api.url()))
///     .header("Authorization", "Bearer your-token")
///     .secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
///     .build()?;
///
/// let result = exporter.export(&[AnalyticsEvent::new("tool_call")]).await?;
/// assert_eq!(result.exported_count, 1);
/// assert_eq!(api.last().json()[0]["type"], "tool_call");
/// assert!(api.last().header("webhook-signature").starts_with("v1,"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct WebhookExporter {
    name: String,
    endpoint: Endpoint,
    /// The end of the URL's path that a base URL does not have.
    path: &'static str,
    key: Option<SigningKey>,
    compresses: bool,
}

const ID: HeaderName = HeaderName::from_static("webhook-id");
const TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");

impl WebhookExporter {
    /// Returns a builder of an exporter for the webhook at a URL.
    pub fn builder(url: impl Into<String>) -> WebhookExporterBuilder {
        WebhookExporterBuilder::new(url.into())
    }

    fn headers(&self, events: &[AnalyticsEvent], body: &[u8]) -> HeaderMap {
        let id = batch_id(events);
        let seconds = (Timestamp::now().as_unix_millis() / 1_000).to_string();
        let signature = self.key.as_ref().map(|key| key.sign(&id, &seconds, body));
        let headers = [
            (ID, Some(id)),
            (TIMESTAMP, Some(seconds)),
            (SIGNATURE, signature),
        ];
        let headers = headers.into_iter();
        // Each is made of letters and digits.
        let headers =
            headers.filter_map(|(name, text)| Some((name, HeaderValue::from_str(&text?).ok()?)));
        headers.collect()
    }
}

#[async_trait]
impl AnalyticsExporter for WebhookExporter {
    fn name(&self) -> &str {
        &self.name
    }

    async fn export(&self, events: &[AnalyticsEvent]) -> Result<ExportResult, ExportError> {
        if events.is_empty() {
            return Ok(ExportResult::exported(0));
        }
        let body = serde_json::to_vec(events).map_err(|error| {
            ExportError::new("the events cannot be written as JSON").with_source(error)
        })?;
        let mut headers = self.headers(events, &body);
        let body = match self.compresses {
            true => {
                headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
                gzip(&body)
            }
            false => body,
        };
        let sent = self.endpoint.post(self.path, headers, body).await;
        let answer = sent.map_err(|error| ExportError::new(error.to_string()))?;
        match refusal(&answer, events.len()) {
            None => Ok(ExportResult::exported(events.len())),
            Some(error) => Err(error),
        }
    }
}

/// An identifier that is the same for the same events.
fn batch_id(events: &[AnalyticsEvent]) -> String {
    let mut hash = Hash::new();
    for event in events {
        hash.update(event.id.to_string());
    }
    let digest = hash.finalize();
    let digits = digest.iter().take(16).map(|byte| format!("{byte:02x}"));
    format!("batch_{}", digits.collect::<String>())
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    // Writing to memory cannot fail.
    let _ = encoder.write_all(body);
    encoder.finish().unwrap_or_default()
}

/// Returns why an answer does not say that the events arrived, if so.
fn refusal(answer: &HttpResponse, events: usize) -> Option<ExportError> {
    let status = answer.status();
    let said = |what: &str| ExportError::new(format!("the webhook answered {what}"));
    if status.is_success() {
        let is_page = answer.content_type().starts_with("text/html");
        return is_page.then(|| said("with a page and not as a webhook: is its URL right?"));
    }
    let advice = match status.as_u16() {
        401 | 403 => ": check the token",
        404 | 410 => ": check the URL",
        _ => "",
    };
    let error = said(&format!("{status}{advice}"));
    Some(match status {
        StatusCode::PAYLOAD_TOO_LARGE => error.with_kind(ExportErrorKind::TooLarge),
        StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY if events > 1 => {
            error.with_kind(ExportErrorKind::TooLarge)
        }
        StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY => {
            error.with_kind(ExportErrorKind::Permanent)
        }
        _ => match retry_after(answer.headers()) {
            Some(time) => error.with_retry_after(time),
            None => error,
        },
    })
}
