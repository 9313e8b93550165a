//! Damaged files lead to an error or to other vectors, and never to a panic.

use std::fs;
use std::path::Path;

use victor_core::contain_sync;
use victor_local_embedding::{LoadError, LocalEmbedder};

use crate::tiny::Tiny;

/// Loads the model once with each of these contents of a file, and counts how often that fails.
fn failures(name: &str, contents: impl Fn(&[u8]) -> Vec<Vec<u8>>) -> (usize, usize) {
    let tiny = Tiny::new();
    let weights = tiny.weights();
    let parent = tiny.file("model.safetensors", weights).write();
    let folder = parent.path().join("tiny");
    let sound = fs::read(folder.join(name)).unwrap();
    let contents = contents(&sound);
    let failed = contents.iter().filter(|content| {
        fs::write(folder.join(name), content).unwrap();
        load(&folder).is_err()
    });
    (failed.count(), contents.len())
}

fn load(folder: &Path) -> Result<LocalEmbedder, LoadError> {
    contain_sync(|| LocalEmbedder::load(folder)).expect("damage is an error and no panic")
}

#[test]
fn a_file_that_was_cut_is_not_loaded() {
    for name in [
        "config.json",
        "modules.json",
        "tokenizer.json",
        "model.safetensors",
    ] {
        let cut = |sound: &[u8]| {
            (0..sound.len())
                .step_by(7)
                .map(|end| sound[..end].to_vec())
                .collect()
        };
        let (failed, of) = failures(name, cut);
        assert!(failed == of && of > 10, "{name}: {failed} of {of}");
    }
}

#[test]
fn a_file_with_a_wrong_byte_does_no_harm() {
    for name in [
        "config.json",
        "modules.json",
        "tokenizer.json",
        "model.safetensors",
    ] {
        let spoil = |sound: &[u8]| {
            // The numbers among the weights may be any.
            let places = (0..sound.len().min(2500)).step_by(3);
            places
                .map(|place| {
                    let mut spoilt = sound.to_vec();
                    spoilt[place] ^= 1 << (place % 7);
                    spoilt
                })
                .collect()
        };
        let (failed, of) = failures(name, spoil);
        assert!(failed > of / 3, "{name}: {failed} of {of}");
    }
}
