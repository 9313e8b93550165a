//! The tool `fetch_url`.

mod fetch_url;
mod html;
mod references;

pub(crate) use fetch_url::FetchUrl;
