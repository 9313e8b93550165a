//! Exchanges with real servers, recorded by others: see the README beside them.

use std::path::PathBuf;

use serde_json::Value;
use victor_openai::{Dialect, Server};

use crate::fake::Reply;

/// One exchange.
pub(crate) struct Exchange {
    /// The file, and which exchange in it, from 1.
    pub(crate) name: String,
    pub(crate) server: Server,
    pub(crate) dialect: Dialect,
    pub(crate) request: Value,
    pub(crate) status: u16,
    pub(crate) content_type: String,
    pub(crate) body: String,
}

impl Exchange {
    pub(crate) fn is_stream(&self) -> bool {
        self.content_type.starts_with("text/event-stream")
    }

    pub(crate) fn reply(&self) -> Reply {
        Reply::new(self.status, &self.content_type, self.body.clone())
    }

    /// The data of the events.
    pub(crate) fn events(&self) -> Vec<Value> {
        let lines = self
            .body
            .lines()
            .filter_map(|line| line.strip_prefix("data: "));
        lines
            .filter(|data| *data != "[DONE]")
            .map(|data| serde_json::from_str(data).unwrap())
            .collect()
    }
}

/// Where the recordings are; none, said loudly, where nobody says so.
pub(crate) fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("VICTOR_CASSETTES").map(PathBuf::from);
    if folder.is_none() {
        #[expect(
            clippy::print_stderr,
            reason = "a test that tests nothing must not pass silently"
        )]
        {
            eprintln!("SKIPPED: VICTOR_CASSETTES does not say where the recordings are");
        }
    }
    folder
}

/// The exchanges of all files whose names begin so, those of one file after each other.
pub(crate) fn all(prefix: &str) -> Vec<Exchange> {
    let Some(folder) = folder() else {
        return Vec::new();
    };
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    let wanted = paths.iter().filter_map(|path| {
        let name = path.file_stem()?.to_str()?;
        (name.starts_with(prefix) && path.extension()? == "yaml").then_some((name, path))
    });
    let exchanges: Vec<_> = wanted.flat_map(|(name, path)| read(name, path)).collect();
    assert!(!exchanges.is_empty(), "no recording begins with {prefix}");
    exchanges
}

fn read(name: &str, path: &PathBuf) -> Vec<Exchange> {
    let text = std::fs::read_to_string(path).unwrap();
    let file: Value = yaml_serde::from_str(&text).unwrap();
    let interactions = file["interactions"].as_array().unwrap().iter();
    let exchange = |(index, one): (usize, &Value)| {
        let uri = one["request"]["uri"].as_str().unwrap();
        let response = &one["response"];
        let body = match response["parsed_body"].as_object() {
            Some(body) => serde_json::to_string(body).unwrap(),
            None => response["body"]["string"].as_str().unwrap().to_owned(),
        };
        Exchange {
            name: format!("{name} {}", index + 1),
            server: Server::at(uri),
            dialect: match uri.ends_with("/responses") {
                true => Dialect::Responses,
                false => Dialect::ChatCompletions,
            },
            request: one["request"]["parsed_body"].clone(),
            status: response["status"]["code"]
                .as_u64()
                .unwrap()
                .try_into()
                .unwrap(),
            content_type: response["headers"]["content-type"][0]
                .as_str()
                .unwrap()
                .to_owned(),
            body,
        }
    };
    interactions.enumerate().map(exchange).collect()
}

/// The raw streams of Chat Completions in the folder `sse`, as exchanges.
pub(crate) fn raw_streams() -> Vec<Exchange> {
    let Some(folder) = folder() else {
        return Vec::new();
    };
    let names = [
        "openai_chat_s01_stream_refusal",
        "openai_chat_s02_stream_finish_length",
        "openai_chat_s03_stream_parallel_tool_calls",
        "openai_chat_s04_stream_three_choices_n3",
    ];
    let exchange = |name: &str| Exchange {
        name: name.to_owned(),
        server: Server::OPENAI,
        dialect: Dialect::ChatCompletions,
        request: serde_json::json!({"model": "gpt-4o", "stream": true, "messages": []}),
        status: 200,
        content_type: "text/event-stream".to_owned(),
        body: std::fs::read_to_string(folder.join("sse").join(format!("{name}.sse"))).unwrap(),
    };
    names.into_iter().map(exchange).collect()
}
