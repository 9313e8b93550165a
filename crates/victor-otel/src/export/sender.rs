//! Requests to the receiver, and its answers.

use std::io::Write as _;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::metrics::v1::{Metric, ResourceMetrics, ScopeMetrics};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message as _;
use victor_http::header::{
    ACCEPT, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue,
};
use victor_http::{Bytes, HttpClient, HttpOptions, HttpResponse, StatusCode, retry_after};

use crate::attributes::{Attributes as _, attribute};
use crate::{Conventions, OtelError, OtelOptions};

const PROTOBUF: HeaderValue = HeaderValue::from_static("application/x-protobuf");

/// Most bytes of an answer; the specification's are a few.
const MAX_ANSWER: usize = 64 * 1024;

/// Most characters of an answer that are shown.
const MAX_SHOWN: usize = 200;

/// The data of a request.
#[derive(Debug, Clone, Copy)]
pub(super) enum Signal {
    Traces,
    Metrics,
}

/// The answer to a request.
#[derive(Debug)]
pub(super) enum Outcome {
    /// The receiver has taken it, except for so many, with its explanation.
    Taken {
        rejected: u64,
        message: Option<String>,
    },
    /// It has not, for this reason. Where another attempt may help, there is the wait that it asks for, if any.
    Failed(String, Option<Option<Duration>>),
    /// It takes less at once.
    TooLarge(String),
}

/// Sends requests to the receiver.
#[derive(Debug)]
pub(super) struct Sender {
    client: HttpClient,
    traces_url: String,
    metrics_url: String,
    headers: HeaderMap,
    gzip: bool,
    resource: Resource,
    conventions: Conventions,
}

impl Sender {
    pub(super) fn new(options: &OtelOptions) -> Result<Self, OtelError> {
        let http = HttpOptions::default()
            .with_connect_timeout(options.timeout)
            .with_response_timeout(options.timeout)
            .with_total_timeout(Some(options.timeout))
            .with_max_body_bytes(MAX_ANSWER);
        let client = HttpClient::new(&http)?;
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, PROTOBUF);
        headers.insert(ACCEPT, PROTOBUF);
        if options.gzip {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        for (name, value) in &options.headers {
            let header = HeaderName::try_from(name.as_str()).ok();
            let value = HeaderValue::try_from(value.expose()).ok();
            let (Some(header), Some(value)) = (header, value) else {
                let reason = format!("no list of headers: `{name}` or its value cannot be sent");
                return Err(OtelError::setting("headers", reason));
            };
            headers.insert(header, value);
        }
        Ok(Self {
            client,
            traces_url: options.traces_url(),
            metrics_url: options.metrics_url(),
            headers,
            gzip: options.gzip,
            resource: resource(options),
            conventions: options.conventions,
        })
    }

    /// Writes a request with spans.
    pub(super) fn spans(&self, spans: &[Span]) -> Vec<u8> {
        let scope = ScopeSpans {
            scope: Some(scope()),
            spans: spans.to_vec(),
            schema_url: self.conventions.schema_url().to_owned(),
        };
        let resource = ResourceSpans {
            resource: Some(self.resource.clone()),
            scope_spans: vec![scope],
            schema_url: String::new(),
        };
        let request = ExportTraceServiceRequest {
            resource_spans: vec![resource],
        };
        request.encode_to_vec()
    }

    /// Writes a request with metrics.
    pub(super) fn metrics(&self, metrics: Vec<Metric>) -> Vec<u8> {
        let scope = ScopeMetrics {
            scope: Some(scope()),
            metrics,
            schema_url: self.conventions.schema_url().to_owned(),
        };
        let resource = ResourceMetrics {
            resource: Some(self.resource.clone()),
            scope_metrics: vec![scope],
            schema_url: String::new(),
        };
        let request = ExportMetricsServiceRequest {
            resource_metrics: vec![resource],
        };
        request.encode_to_vec()
    }

    /// Compresses a body, if that is asked for.
    pub(super) fn packed(&self, body: Vec<u8>) -> Bytes {
        if !self.gzip {
            return body.into();
        }
        let mut encoder = GzEncoder::new(Vec::with_capacity(body.len() / 4), Compression::fast());
        // Writing to memory does not fail.
        let _ = encoder.write_all(&body);
        encoder.finish().unwrap_or_default().into()
    }

    /// Makes one request.
    pub(super) async fn send(&self, signal: Signal, body: Bytes) -> Outcome {
        let url = match signal {
            Signal::Traces => &self.traces_url,
            Signal::Metrics => &self.metrics_url,
        };
        match self.client.post_json(url, self.headers.clone(), body).await {
            Ok(response) => self.outcome(signal, response).await,
            Err(error) => Outcome::Failed(victor_core::with_causes(&error), Some(None)),
        }
    }

    async fn outcome(&self, signal: Signal, response: HttpResponse) -> Outcome {
        let (status, kind) = (response.status(), response.content_type());
        let url = response.url().to_owned();
        let wait = retry_after(response.headers());
        if status.is_success() {
            let body = response.bytes().await.unwrap_or_default();
            return taken(signal, &url, &kind, &body);
        }
        let said = response.bytes().await.unwrap_or_default();
        let said = shown(&kind, &said);
        let reason = format!("{url} answered {status}{said}");
        // The specification names these as the ones to try again.
        let may_pass = matches!(
            status,
            StatusCode::TOO_MANY_REQUESTS
                | StatusCode::BAD_GATEWAY
                | StatusCode::SERVICE_UNAVAILABLE
                | StatusCode::GATEWAY_TIMEOUT
        );
        match status {
            StatusCode::PAYLOAD_TOO_LARGE => Outcome::TooLarge(reason),
            _ => Outcome::Failed(reason, may_pass.then_some(wait)),
        }
    }
}

/// Reads the answer to a request that was taken.
fn taken(signal: Signal, url: &str, kind: &str, body: &[u8]) -> Outcome {
    if kind.contains("html") {
        let reason = format!("{url} answered with a web page: it is no receiver of OTLP");
        return Outcome::Failed(reason, None);
    }
    // Some receivers answer in JSON or with nothing, and have taken everything.
    let is_protobuf = kind.contains("protobuf") && !body.is_empty();
    let (rejected, message) = match signal {
        _ if !is_protobuf => Default::default(),
        Signal::Traces => {
            let answer = ExportTraceServiceResponse::decode(body).unwrap_or_default();
            let partial = answer.partial_success.unwrap_or_default();
            (partial.rejected_spans, partial.error_message)
        }
        Signal::Metrics => {
            let answer = ExportMetricsServiceResponse::decode(body).unwrap_or_default();
            let partial = answer.partial_success.unwrap_or_default();
            (partial.rejected_data_points, partial.error_message)
        }
    };
    let rejected = u64::try_from(rejected).unwrap_or_default();
    let message: String = message.chars().take(MAX_SHOWN).collect();
    let is_said = rejected > 0 || !message.is_empty();
    let message = is_said.then(|| format!("{url} took it with a remark: {message}"));
    Outcome::Taken { rejected, message }
}

/// The beginning of an answer in words; a web page says nothing here.
fn shown(kind: &str, body: &[u8]) -> String {
    if kind.contains("html") || kind.contains("protobuf") {
        return String::new();
    }
    let text = String::from_utf8_lossy(body);
    let text: String = text.trim().chars().take(MAX_SHOWN).collect();
    match text.is_empty() {
        true => text,
        false => format!(": {}", text.replace(char::is_control, " ")),
    }
}

fn scope() -> InstrumentationScope {
    InstrumentationScope {
        name: env!("CARGO_PKG_NAME").to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        ..InstrumentationScope::default()
    }
}

fn resource(options: &OtelOptions) -> Resource {
    let mut attributes = vec![attribute("service.name", &*options.service)];
    attributes.set("telemetry.sdk.name", env!("CARGO_PKG_NAME"));
    attributes.set("telemetry.sdk.language", "rust");
    attributes.set("telemetry.sdk.version", env!("CARGO_PKG_VERSION"));
    for (key, value) in &options.resource {
        attributes.set(key, &**value);
    }
    Resource {
        attributes,
        ..Resource::default()
    }
}
