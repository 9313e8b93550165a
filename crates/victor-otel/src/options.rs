//! Options, and the environment variables that set them.

use std::time::Duration;

use victor_http::Secret;

use crate::{Conventions, OtelError};

victor_core::options! {
    /// Destination, content and limits of telemetry.
    pub struct OtelOptions {
        /// The base URL of the receiver, to which `/v1/traces` and `/v1/metrics` are added. Defaults to
        /// `http://localhost:4318`, a collector on this machine.
        pub endpoint, with_endpoint: String = "http://localhost:4318".to_owned();
        /// The URL for traces, whole. Defaults to none: that of `endpoint`.
        pub traces_endpoint, with_traces_endpoint: Option<String> = None;
        /// The URL for metrics, whole. Defaults to none: that of `endpoint`.
        pub metrics_endpoint, with_metrics_endpoint: Option<String> = None;
        /// Whether spans are sent. Defaults to `true`.
        pub traces, with_traces: bool = true;
        /// Whether metrics are sent. Defaults to `true`.
        pub metrics, with_metrics: bool = true;
        /// Headers that are sent along, such as a key. Defaults to none.
        pub headers, with_headers: Vec<(String, Secret)> = Vec::new();
        /// Whether bodies are compressed with gzip. Defaults to `true`.
        pub gzip, with_gzip: bool = true;
        /// Time limit of one request. Defaults to 10 seconds.
        pub timeout, with_timeout: Duration = Duration::from_secs(10);
        /// Most spans that wait to be sent; what comes then is dropped and counted. Defaults to 2,048.
        pub max_queue, with_max_queue: usize = 2048;
        /// Most spans in one request. Defaults to 512.
        pub max_batch, with_max_batch: usize = 512;
        /// Longest time that a span waits for others to be sent with. Defaults to 5 seconds.
        pub delay, with_delay: Duration = Duration::from_secs(5);
        /// Time from one sending of metrics to the next. Defaults to 60 seconds.
        pub metrics_interval, with_metrics_interval: Duration = Duration::from_secs(60);
        /// Most attempts at one request. Defaults to 5.
        pub max_attempts, with_max_attempts: u32 = 5;
        /// Time limit of sending what waits when the work ends. Defaults to 5 seconds.
        pub shutdown_timeout, with_shutdown_timeout: Duration = Duration::from_secs(5);
        /// The conventions whose names are used. Defaults to version 1.41 of the general ones.
        pub conventions, with_conventions: Conventions = Conventions::V1_41;
        /// Whether what was said is recorded: messages, thoughts, arguments and results. It may hold secrets. Defaults
        /// to `false`.
        pub content, with_content: bool = false;
        /// The name of the agent. Defaults to none.
        pub agent, with_agent: Option<String> = None;
        /// The name of the program, `service.name`. Defaults to `victor`.
        pub service, with_service: String = "victor".to_owned();
        /// Further attributes of the program, such as `deployment.environment.name`. Defaults to none.
        pub resource, with_resource: Vec<(String, String)> = Vec::new();
    }
}

/// Whether the environment asks for something that can be sent.
const ENDPOINTS: [&str; 3] = [
    "OTEL_EXPORTER_OTLP_ENDPOINT",
    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT",
    "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
];

impl OtelOptions {
    /// Reads the variables of the
    /// [specification](https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/). None if no
    /// endpoint is named, or if `OTEL_SDK_DISABLED` is `true`: then nothing is to be sent.
    ///
    /// Read are `OTEL_EXPORTER_OTLP_{,TRACES_,METRICS_}ENDPOINT`, `OTEL_EXPORTER_OTLP_{HEADERS,TIMEOUT,COMPRESSION,
    /// PROTOCOL}` and the same with `TRACES_`, which win; `OTEL_{TRACES,METRICS}_EXPORTER`, `OTEL_SERVICE_NAME`,
    /// `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_BSP_{SCHEDULE_DELAY,MAX_QUEUE_SIZE,MAX_EXPORT_BATCH_SIZE}`,
    /// `OTEL_METRIC_EXPORT_INTERVAL`, `OTEL_SEMCONV_STABILITY_OPT_IN` (`gen_ai_latest_experimental` chooses version
    /// 0.1.0 of the conventions for generative AI) and `OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT`.
    ///
    /// ```
    /// use victor_otel::OtelOptions;
    ///
    /// let environment = |key: &str| match key {
    ///     "OTEL_EXPORTER_OTLP_ENDPOINT" => Some("http://localhost:6006".to_owned()),
    ///     _ => None,
    /// };
    /// let options = OtelOptions::from_environment(environment)?.unwrap();
    /// assert_eq!(options.traces_url(), "http://localhost:6006/v1/traces");
    /// assert!(OtelOptions::from_environment(|_| None)?.is_none());
    /// # Ok::<(), victor_otel::OtelError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`OtelError::Setting`]: a variable has a value that cannot be followed.
    pub fn from_environment(
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Option<Self>, OtelError> {
        // The specification takes an empty variable for one that is not set.
        let read = |key: &str| variable(key).filter(|value| !value.trim().is_empty());
        let is = |key: &str, value: &str| {
            read(key).is_some_and(|found| found.trim().eq_ignore_ascii_case(value))
        };
        if is("OTEL_SDK_DISABLED", "true") || !ENDPOINTS.iter().any(|key| read(key).is_some()) {
            return Ok(None);
        }
        let mut options = Self::default();
        if let Some(endpoint) = read(ENDPOINTS[0]) {
            options.endpoint = endpoint;
        }
        options.traces_endpoint = read(ENDPOINTS[1]);
        options.metrics_endpoint = read(ENDPOINTS[2]);
        let has_base = read(ENDPOINTS[0]).is_some();
        let sends = |exporter: &str, endpoint: &Option<String>| match read(exporter).as_deref() {
            None => Ok(has_base || endpoint.is_some()),
            Some("otlp") => Ok(true),
            Some("none") => Ok(false),
            Some(other) => Err(OtelError::setting(
                exporter,
                format!("`{other}`; expected otlp or none"),
            )),
        };
        options.traces = sends("OTEL_TRACES_EXPORTER", &options.traces_endpoint)?;
        options.metrics = sends("OTEL_METRICS_EXPORTER", &options.metrics_endpoint)?;

        // What is said of traces beats what is said of all.
        let either = |name: &str| {
            let keys = ["TRACES_", ""].map(|signal| format!("OTEL_EXPORTER_OTLP_{signal}{name}"));
            keys.into_iter()
                .find_map(|key| read(&key).map(|value| (key, value)))
        };
        if let Some((key, protocol)) = either("PROTOCOL")
            && protocol.trim() != "http/protobuf"
        {
            let reason = format!("`{protocol}`; only http/protobuf is spoken here");
            return Err(OtelError::setting(&key, reason));
        }
        if let Some((key, compression)) = either("COMPRESSION") {
            options.gzip = match compression.trim() {
                "gzip" => true,
                "none" => false,
                other => {
                    let reason = format!("`{other}`; expected gzip or none");
                    return Err(OtelError::setting(&key, reason));
                }
            };
        }
        if let Some((key, timeout)) = either("TIMEOUT") {
            options.timeout = millis(&key, &timeout)?;
        }
        if let Some((key, headers)) = either("HEADERS") {
            let headers = pairs(&key, &headers)?.into_iter();
            let headers = headers.map(|(name, value)| (name, Secret::from(value)));
            options.headers = headers.collect();
        }
        if let Some(attributes) = read("OTEL_RESOURCE_ATTRIBUTES") {
            options.resource = pairs("OTEL_RESOURCE_ATTRIBUTES", &attributes)?;
            let is_service = |(key, _): &(String, String)| key == "service.name";
            if let Some(index) = options.resource.iter().position(is_service) {
                options.service = options.resource.remove(index).1;
            }
        }
        if let Some(name) = read("OTEL_SERVICE_NAME") {
            options.service = name;
        }
        for (key, place) in [
            ("OTEL_BSP_SCHEDULE_DELAY", &mut options.delay),
            ("OTEL_METRIC_EXPORT_INTERVAL", &mut options.metrics_interval),
        ] {
            if let Some(value) = read(key) {
                *place = millis(key, &value)?;
            }
        }
        for (key, place) in [
            ("OTEL_BSP_MAX_QUEUE_SIZE", &mut options.max_queue),
            ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", &mut options.max_batch),
        ] {
            if let Some(value) = read(key) {
                *place = number(key, &value)?;
            }
        }
        let opted_in = read("OTEL_SEMCONV_STABILITY_OPT_IN").unwrap_or_default();
        if opted_in
            .split(',')
            .any(|word| word.trim() == "gen_ai_latest_experimental")
        {
            options.conventions = Conventions::GenAiV0_1;
        }
        options.content = match read("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT") {
            None => false,
            // Besides truth values there are those of the Python instrumentations; events are not sent here.
            Some(value) => {
                let value = value.trim().to_ascii_lowercase();
                matches!(&*value, "true" | "1" | "span_only" | "span_and_event")
            }
        };
        Ok(Some(options))
    }

    /// The URL to which spans are sent.
    #[must_use]
    pub fn traces_url(&self) -> String {
        self.url(self.traces_endpoint.as_ref(), "traces")
    }

    /// The URL to which metrics are sent.
    #[must_use]
    pub fn metrics_url(&self) -> String {
        self.url(self.metrics_endpoint.as_ref(), "metrics")
    }

    fn url(&self, whole: Option<&String>, signal: &str) -> String {
        let base = self.endpoint.trim_end_matches('/');
        whole.map_or_else(|| format!("{base}/v1/{signal}"), Clone::clone)
    }
}

fn millis(key: &str, value: &str) -> Result<Duration, OtelError> {
    number(key, value).map(|millis| Duration::from_millis(millis as u64))
}

fn number(key: &str, value: &str) -> Result<usize, OtelError> {
    let number = value.trim().parse().ok().filter(|number| *number > 0);
    number.ok_or_else(|| {
        let reason = format!("`{value}`; expected a whole number above 0");
        OtelError::setting(key, reason)
    })
}

/// Reads `key=value` pairs with commas between them, in the form of W3C Baggage: values are percent-encoded.
fn pairs(key: &str, text: &str) -> Result<Vec<(String, String)>, OtelError> {
    let pairs = text.split(',').filter(|pair| !pair.trim().is_empty());
    pairs
        .map(|pair| {
            let found = pair
                .split_once('=')
                .filter(|(name, _)| !name.trim().is_empty());
            let (name, value) = found.ok_or_else(|| {
                // The value may be a key, so it is not shown.
                OtelError::setting(
                    key,
                    "not a list of `name=value` pairs with commas between them",
                )
            })?;
            Ok((name.trim().to_owned(), percent_decoded(value.trim())))
        })
        .collect()
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let digits = tail.get(..2).filter(|_| *first == b'%');
        let digits = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        let is_hex = |digits: &&str| digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        match digits
            .filter(is_hex)
            .and_then(|digits| u8::from_str_radix(digits, 16).ok())
        {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENDPOINT: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318/");

    fn read(variables: &[(&str, &str)]) -> Result<Option<OtelOptions>, OtelError> {
        OtelOptions::from_environment(|key| {
            let mut all = variables.iter();
            let found = all.find(|(name, _)| *name == key);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    fn options(more: &[(&str, &str)]) -> OtelOptions {
        let variables: Vec<_> = [ENDPOINT].iter().chain(more).copied().collect();
        read(&variables).unwrap().unwrap()
    }

    #[test]
    fn nothing_is_sent_unless_an_endpoint_is_named() {
        assert!(read(&[]).unwrap().is_none());
        assert!(
            read(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "  ")])
                .unwrap()
                .is_none()
        );
        assert!(
            read(&[ENDPOINT, ("OTEL_SDK_DISABLED", "True")])
                .unwrap()
                .is_none()
        );
    }

    #[test]
    fn endpoints_of_a_signal_are_whole_and_the_common_one_is_a_base() {
        let both = options(&[]);
        assert_eq!(both.traces_url(), "http://c:4318/v1/traces");
        assert_eq!(both.metrics_url(), "http://c:4318/v1/metrics");
        let one = read(&[("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://t/x")]);
        let one = one.unwrap().unwrap();
        assert_eq!(
            (one.traces_url().as_str(), one.traces, one.metrics),
            ("http://t/x", true, false)
        );
        let none = options(&[("OTEL_METRICS_EXPORTER", "none")]);
        assert!(none.traces && !none.metrics);
    }

    #[test]
    fn values_are_read_as_the_specification_says() {
        let read = options(&[
            (
                "OTEL_EXPORTER_OTLP_HEADERS",
                "authorization=Basic%20abc%3D%3D, x-version = 4,",
            ),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "3000"),
            ("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "1500"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "none"),
            (
                "OTEL_RESOURCE_ATTRIBUTES",
                "service.name=a,deployment.environment.name=test%2Cing",
            ),
            ("OTEL_BSP_SCHEDULE_DELAY", "10"),
            ("OTEL_BSP_MAX_QUEUE_SIZE", "7"),
            (
                "OTEL_SEMCONV_STABILITY_OPT_IN",
                "http, gen_ai_latest_experimental",
            ),
            (
                "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT",
                "SPAN_ONLY",
            ),
        ]);
        let headers: Vec<_> = read
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.expose()))
            .collect();
        assert_eq!(
            headers,
            [("authorization", "Basic abc=="), ("x-version", "4")]
        );
        assert!(!format!("{read:?}").contains("abc"), "{read:?}");
        assert_eq!(read.timeout, Duration::from_millis(1500));
        assert_eq!((read.gzip, read.max_queue, read.content), (false, 7, true));
        assert_eq!(
            (read.service.as_str(), read.conventions),
            ("a", Conventions::GenAiV0_1)
        );
        assert_eq!(
            read.resource,
            [(
                "deployment.environment.name".to_owned(),
                "test,ing".to_owned()
            )]
        );
        assert_eq!(options(&[("OTEL_SERVICE_NAME", "b")]).service, "b");
        assert_eq!(percent_decoded("100%, %zz %+1 %C3%A9"), "100%, %zz %+1 é");
    }

    #[test]
    fn what_cannot_be_followed_is_an_error_that_says_so() {
        for (key, value, said) in [
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "only http/protobuf"),
            (
                "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL",
                "http/json",
                "only http/protobuf",
            ),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "zstd", "gzip or none"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "soon", "whole number"),
            ("OTEL_BSP_MAX_QUEUE_SIZE", "0", "whole number"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "sk-secret", "name=value"),
            ("OTEL_TRACES_EXPORTER", "zipkin", "otlp or none"),
        ] {
            let error = read(&[ENDPOINT, (key, value)]).unwrap_err().to_string();
            assert!(error.contains(said) && error.contains(key), "{error}");
            assert!(!error.contains("sk-secret"), "{error}");
        }
    }
}
