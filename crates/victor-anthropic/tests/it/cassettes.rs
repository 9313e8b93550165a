//! Recordings of the real API.

use std::io::Write;
use std::path::PathBuf;

use serde_json::Value;

pub(crate) struct Exchange {
    pub(crate) name: String,
    pub(crate) path: String,
    pub(crate) request: Value,
    pub(crate) status: u16,
    pub(crate) response: Recorded,
}

pub(crate) enum Recorded {
    Json(Value),
    Events(String),
}

fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("VICTOR_CASSETTES").map(PathBuf::from);
    if folder.is_none() {
        // Not by `eprintln!`, which a test that passes swallows.
        let message = "SKIPPED: VICTOR_CASSETTES does not name the folder of the recordings\n";
        std::io::stderr().write_all(message.as_bytes()).unwrap();
    }
    folder
}

fn files(folder: PathBuf, ending: &str) -> Vec<(String, String)> {
    let entries = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let name = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
    let mut paths: Vec<PathBuf> = entries
        .filter(|path| name(path).starts_with("anthropic_") && name(path).ends_with(ending))
        .collect();
    paths.sort();
    paths
        .iter()
        .map(|path| (name(path), std::fs::read_to_string(path).unwrap()))
        .collect()
}

/// The conversations that were recorded, each with its exchanges; none where there are no recordings.
pub(crate) fn conversations() -> Vec<Vec<Exchange>> {
    let Some(folder) = folder() else {
        return Vec::new();
    };
    let found: Vec<_> = files(folder, ".yaml")
        .iter()
        .map(|(name, text)| conversation(name, text))
        .collect();
    assert_eq!(found.len(), 15);
    found
}

fn conversation(name: &str, text: &str) -> Vec<Exchange> {
    let file: Value = yaml_serde::from_str(text).unwrap();
    let interactions = file["interactions"].as_array().unwrap().iter().enumerate();
    let exchange = |(number, interaction): (usize, &Value)| {
        let (request, response) = (&interaction["request"], &interaction["response"]);
        let path = request["uri"]
            .as_str()
            .unwrap()
            .trim_start_matches("https://api.anthropic.com");
        Exchange {
            name: format!("{name} {}", number + 1),
            path: path.split('?').next().unwrap().to_owned(),
            request: request["parsed_body"].clone(),
            status: u16::try_from(response["status"]["code"].as_u64().unwrap()).unwrap(),
            response: match response["body"]["string"].as_str() {
                Some(events) => Recorded::Events(events.to_owned()),
                None => Recorded::Json(response["parsed_body"].clone()),
            },
        }
    };
    interactions.map(exchange).collect()
}

/// All recorded streams, with their names; none where there are no recordings.
pub(crate) fn streams() -> Vec<(String, String)> {
    let Some(folder) = folder() else {
        return Vec::new();
    };
    let mut found = files(folder.join("sse"), ".sse");
    for exchange in conversations().into_iter().flatten() {
        if let Recorded::Events(events) = exchange.response {
            found.push((exchange.name, events));
        }
    }
    assert_eq!(found.len(), 10);
    found
}

/// The error answers that were written by hand; none where there are no recordings.
pub(crate) fn errors() -> Vec<Value> {
    let Some(folder) = folder() else {
        return Vec::new();
    };
    let text = std::fs::read_to_string(folder.join("sse/errors_HANDWRITTEN.json")).unwrap();
    let file: Value = serde_json::from_str(&text).unwrap();
    let items = file["items"].as_array().unwrap().iter();
    let found: Vec<Value> = items
        .filter(|item| item["provider"] == "anthropic")
        .cloned()
        .collect();
    assert_eq!(found.len(), 12);
    found
}

/// The data of the events of a stream, read in the simplest way.
pub(crate) fn data(events: &str) -> Vec<Value> {
    let lines = events
        .lines()
        .filter_map(|line| line.strip_prefix("data: "));
    lines
        .map(|data| serde_json::from_str(data).unwrap())
        .collect()
}
