//! Recorded streams of real APIs are the same events wherever they are cut. The recordings are no part of the project:
//! `VICTOR_CASSETTES` says where they are, and without it there is nothing to test.

use std::fs;
use std::path::{Path, PathBuf};

use yaml_serde::Value;

use crate::sse::{LIMIT, complete, decode, decode_by_oracle, decode_however_cut};

#[test]
fn recorded_streams_are_the_same_wherever_they_are_cut() {
    let Some(folder) = std::env::var_os("VICTOR_CASSETTES") else {
        return;
    };
    let streams = streams(Path::new(&folder));
    assert!(streams.len() >= 20, "only {} streams found", streams.len());
    for (name, stream) in streams {
        let (events, error) = decode([stream.as_bytes()], LIMIT);
        assert!(!events.is_empty() && error.is_none(), "{name}: {error:?}");
        assert_eq!(
            complete(&events),
            decode_by_oracle(stream.as_bytes()),
            "{name}"
        );
        for size in [1, 2, 3, 5, 7, 1448] {
            let cut = decode(stream.as_bytes().chunks(size), LIMIT);
            assert_eq!(cut, (events.clone(), None), "{name} in chunks of {size}");
        }
        // Two events at a time: with the whole stream, the time would grow with the square of its length.
        let blocks: Vec<&str> = stream.split_inclusive("\n\n").collect();
        let mut found = decode_however_cut(blocks[0].as_bytes(), LIMIT).0;
        for pair in blocks.windows(2) {
            let first = decode([pair[0].as_bytes()], LIMIT).0.len();
            let (events, _) = decode_however_cut(pair.concat().as_bytes(), LIMIT);
            found.extend_from_slice(&events[first..]);
        }
        assert_eq!(found, events, "{name}");
    }
}

/// The recorded bodies that are streams, and the files that they are in.
fn streams(folder: &Path) -> Vec<(String, String)> {
    let mut streams = Vec::new();
    for file in files(folder).chain(files(&folder.join("sse"))) {
        let name = file.display().to_string();
        match file.extension().and_then(|extension| extension.to_str()) {
            Some("sse") => streams.push((name, fs::read_to_string(file).unwrap())),
            Some("yaml") => {
                let recording: Value =
                    yaml_serde::from_str(&fs::read_to_string(file).unwrap()).unwrap();
                let interactions = recording["interactions"].as_sequence().unwrap();
                let bodies = interactions
                    .iter()
                    .map(|interaction| &interaction["response"])
                    .filter_map(|response| response["body"]["string"].as_str());
                let events = bodies.filter(|body| body.contains("data: "));
                streams.extend(events.map(|body| (name.clone(), body.to_owned())));
            }
            _ => {}
        }
    }
    streams
}

fn files(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    entries.map(|entry| entry.unwrap().path())
}
