//! The one HTTP client of Victor, and the decoder of the event streams that model APIs answer with.
//!
//! Every adapter that speaks HTTP builds its client here, so that time limits, size limits, TLS and the care for keys
//! are the same everywhere. What an answer means is the adapter's business: any status except a redirect, and any
//! content type, is handed to it as it came.
//!
//! ```no_run
//! use victor_http::header::{AUTHORIZATION, HeaderMap, HeaderValue};
//! use victor_http::{HttpClient, HttpOptions};
//!
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let client = HttpClient::new(&HttpOptions::default())?; // build it once, clone it freely
//! let headers = HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_static("Bearer secret"))]);
//! let response = client
//!     .post_json("https://api.openai.com/v1/responses", headers, r#"{"stream": true}"#)
//!     .await?;
//! if response.status().is_success() {
//!     let mut events = response.events();
//!     while let Some(event) = events.next().await {
//!         let event = event?; // borrowed: parse it before the next one
//!         println!("{}: {}", event.event, event.data);
//!     }
//! } else {
//!     println!("{}: {}", response.status(), response.text().await?);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # What it promises
//!
//! - **Keys stay.** No redirect is followed, unless that is asked for; then keys do not go along. Header values, query
//!   strings and passwords in URLs appear in no error and in no `Debug`.
//! - **Nothing waits or grows without end.** Connecting, the beginning of an answer, every pause in it and every
//!   stretch of signs of life alone have a limit, and so have a body and an event.
//! - **What is lost is not whole.** A body that ends before its declared end is an error and never a short answer.
//! - **An address is more than text.** [`BaseUrl`] joins paths where a base URL has a query, and keeps users and
//!   passwords out of sight; proxies of HTTP and SOCKS and sockets of the system are ways to a server.
//! - **Dropping ends it.** A request, response or stream that is dropped closes its connection (on HTTP/2, its stream).

mod address_policy;
mod base_url;
mod body;
pub mod body_cache;
mod client;
mod endpoint;
mod error;
mod exchange;
mod options;
mod proxy;
mod response;
mod retry_after;
mod secret;
mod sse;
mod template;
mod tool_cache;

pub use address_policy::AddressPolicy;
pub use base_url::BaseUrl;
pub use body::HttpBody;
pub use bytes::Bytes;
pub use client::HttpClient;
pub use endpoint::{
    ApiEndpoint, ApiEndpointBuilder, ApiServer, KeyHeader, ReadRefusal, RefusedRequest, non_blank,
};
pub use error::{HttpError, TimeLimit};
pub use http::{StatusCode, header};
pub use options::{HttpOptions, HttpProxy};
pub use response::{EventStream, HttpResponse};
pub use retry_after::{retry_after, should_retry};
pub use secret::Secret;
pub use sse::{SseDecoder, SseError, SseEvent};
pub use template::TextTemplate;
pub use tool_cache::ToolCache;
#[doc(no_inline)]
pub use victor_core as core;
#[doc(no_inline)]
pub use victor_provider_protocol as protocol;
