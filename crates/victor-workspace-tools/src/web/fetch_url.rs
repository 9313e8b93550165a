//! `fetch_url`.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::OnceLock;
use std::time::Duration;

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};
use victor_core::{Effect, ToolSpec};
use victor_http::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue};
use victor_http::{
    AddressPolicy, HttpClient, HttpError, HttpOptions, HttpProxy, HttpResponse, retry_after,
};
use victor_tool_protocol::{Preview, Tool, ToolContext, ToolError, ToolLimits, ToolOutput};

use super::html::to_text;
use crate::budget::Budget;
use crate::file_tool::{arguments, run, spec};
use crate::shorten::shorten_error;
use crate::text::{decode_page, named};

/// The size limit of a document.
const MAX_BYTES: usize = 4 * 1024 * 1024;

/// The time limit of a request, with all redirects.
const TIME_LIMIT: Duration = Duration::from_secs(30);

pub(crate) struct FetchUrl {
    spec: ToolSpec,
    hosts: BTreeSet<String>,
    /// Built at the first call, since it reads the certificates of the system.
    client: OnceLock<HttpClient>,
}

#[derive(Debug, Deserialize)]
struct Arguments {
    url: String,
    #[serde(default)]
    offset: usize,
}

impl FetchUrl {
    /// The tool, which may also reach these hosts at addresses that are not public.
    pub(crate) fn new(hosts: &BTreeSet<String>) -> Self {
        let spec = spec(
            "fetch_url",
            // Nothing changes, and yet it cannot be taken back: a URL carries what is written in it to a stranger, and
            // who gets a model to read something can get it to write a URL. So a person should see it first.
            Effect::Destructive,
            "Fetches a document from the web by its URL and returns its text; of HTML the readable part, with links. \
             Use it to read documentation and pages whose address is known. Of a long document it returns the first \
             part and says with which offset to continue.",
            &["url"],
            json!({
                "url": {
                    "type": "string",
                    "minLength": 1,
                    "description": "The URL, with `https://` or `http://`, of a server in the public network",
                },
                "offset": {
                    "type": "integer",
                    "minimum": 0,
                    "description": "The byte of the text at which to begin. Default: 0",
                },
            }),
        );
        Self {
            spec,
            hosts: hosts.clone(),
            client: OnceLock::new(),
        }
    }

    async fn fetch(
        &self,
        cx: &ToolContext,
        url: String,
        offset: usize,
    ) -> Result<ToolOutput, ToolError> {
        let client = self.client().map_err(|error| explain(&error))?;
        let accept =
            HeaderValue::from_static("text/html, text/*;q=0.9, application/json;q=0.9, */*;q=0.1");
        let headers = HeaderMap::from_iter([(ACCEPT, accept)]);
        let response = client
            .get(&url, headers)
            .await
            .map_err(|error| explain(&error))?;
        cx.heartbeat();
        let url = response.url().to_owned();
        require_success(&response, &url)?;
        let kind = Kind::of(&response)?;
        let bytes = response.bytes().await.map_err(|error| explain(&error))?;
        // Not on the runtime's thread: a document may be large, and be made to take long.
        let (text, charset) = run(move |_| kind.text(&bytes)).await?;
        let from = text.floor_char_boundary(offset);
        if offset > 0 && from >= text.len() {
            return Err(ToolError::InvalidArguments(format!(
                "offset {offset} is behind the end of the text, which has {} bytes",
                text.len()
            )));
        }
        let end = Budget::of(cx).with_names(url.len()).page_end(&text, from);
        let more = match end < text.len() {
            true => format!(
                "\n[there is more: continue with offset {end} of {}]",
                text.len()
            ),
            false => String::new(),
        };
        let charset = charset.map_or_else(String::new, |charset| format!(", written in {charset}"));
        Ok(format!("[{url}{charset}]\n{}{more}", &text[from..end]).into())
    }

    fn client(&self) -> Result<&HttpClient, HttpError> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let client = HttpClient::new(
            &HttpOptions::default()
                .with_total_timeout(Some(TIME_LIMIT))
                .with_max_body_bytes(MAX_BYTES)
                .with_proxy(HttpProxy::None)
                .with_addresses(AddressPolicy::Public {
                    except: self.hosts.iter().cloned().collect(),
                })
                .with_max_redirects(5),
        )?;
        Ok(self.client.get_or_init(|| client))
    }
}

impl fmt::Debug for FetchUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FetchUrl")
            .field("hosts", &self.hosts)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl Tool for FetchUrl {
    fn spec(&self) -> &ToolSpec {
        &self.spec
    }

    async fn call(&self, cx: &ToolContext, input: Value) -> Result<ToolOutput, ToolError> {
        let Arguments { url, offset } = arguments(input)?;
        self.fetch(cx, url, offset).await.map_err(shorten_error)
    }

    async fn preview(&self, _cx: &ToolContext, input: &Value) -> Option<Preview> {
        let Arguments { url, .. } = arguments(input.clone()).ok()?;
        Some(format!("GET {url}").into())
    }

    fn limits(&self) -> ToolLimits {
        ToolLimits::default().with_timeout(TIME_LIMIT + Duration::from_secs(5))
    }
}

/// A document as its headers describe it.
struct Kind {
    html: bool,
    charset: Option<String>,
}

impl Kind {
    fn of(response: &HttpResponse) -> Result<Self, ToolError> {
        let header = response.headers().get(CONTENT_TYPE);
        let header =
            header.map(|value| String::from_utf8_lossy(value.as_bytes()).to_ascii_lowercase());
        let header = header.unwrap_or_else(|| "text/plain".to_owned());
        let mut parts = header.split(';').map(str::trim);
        let media = parts.next().unwrap_or_default();
        let charset = parts.find_map(|part| part.strip_prefix("charset="));
        let html = matches!(media, "text/html" | "application/xhtml+xml");
        let text = media.starts_with("text/")
            || media.ends_with("+json")
            || media.ends_with("+xml")
            || matches!(
                media,
                "application/json"
                    | "application/xml"
                    | "application/javascript"
                    | "application/x-ndjson"
                    | "application/yaml"
                    | "application/toml"
                    | "application/sql"
            );
        if !text {
            return Err(ToolError::failed(format!(
                "the document is `{media}`, and only text is returned"
            )));
        }
        Ok(Self {
            html,
            charset: charset.map(|charset| charset.trim_matches('"').to_owned()),
        })
    }

    /// The text of the document, and the name of its encoding where that is not UTF-8.
    fn text(&self, bytes: &[u8]) -> Result<(String, Option<&'static str>), ToolError> {
        let declared = self
            .charset
            .as_deref()
            .and_then(|label| named(label.as_bytes()));
        let Some((text, charset)) = decode_page(bytes, declared) else {
            return Err(ToolError::failed(
                "the document is not text but binary, whatever its server says",
            ));
        };
        let text = if self.html {
            to_text(&text)
        } else {
            text.into_owned()
        };
        Ok((text, charset.name()))
    }
}

fn require_success(response: &HttpResponse, url: &str) -> Result<(), ToolError> {
    let status = response.status();
    let answers = format!("{url} answers with status {status}");
    match status.as_u16() {
        200..=299 => Ok(()),
        404 | 410 => Err(ToolError::NotFound(answers)),
        401 | 403 | 407 | 451 => Err(ToolError::NotPermitted(answers)),
        429 | 502..=504 => Err(ToolError::Unavailable {
            message: answers,
            retry_after: retry_after(response.headers()),
        }),
        _ => Err(ToolError::failed(answers)),
    }
}

fn explain(error: &HttpError) -> ToolError {
    match error {
        HttpError::InvalidUrl { .. } => ToolError::InvalidArguments(error.to_string()),
        HttpError::NotPublic { .. } => ToolError::NotPermitted(error.to_string()),
        HttpError::Connect { .. } | HttpError::Timeout { .. } => {
            ToolError::unavailable(error.to_string())
        }
        _ => ToolError::failed(error.to_string()),
    }
}
