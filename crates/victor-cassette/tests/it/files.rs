//! Files that are there, are not there, or are something else.

use std::error::Error as _;
use std::path::Path;
use std::sync::Arc;

use victor_cassette::{CassetteError, CassettePlayer, CassetteRecorder};
use victor_provider_protocol::ChatProvider;
use victor_testkit::ScriptedModel;

use crate::{ask, place};

fn record(path: &Path) -> Result<CassetteRecorder, CassetteError> {
    CassetteRecorder::new(Arc::new(ScriptedModel::new().says("yes")), path)
}

/// Opens a file with this content.
fn open(content: &[u8]) -> Result<CassettePlayer, CassetteError> {
    let place = place();
    std::fs::write(&place.path, content).unwrap();
    CassettePlayer::open(&place.path)
}

#[tokio::test]
async fn nothing_is_overwritten() {
    let place = place();
    std::fs::write(&place.path, "").unwrap();
    drop(record(&place.path).unwrap());
    assert_eq!(
        place.player().remaining(),
        0,
        "nothing is on it, so it may be begun anew"
    );
    record(&place.path).unwrap().chat(&ask("x")).await.unwrap();
    let text = place.text();
    let error = record(&place.path).unwrap_err();
    assert!(matches!(error, CassetteError::Exists { .. }));
    assert!(
        error
            .to_string()
            .ends_with("holds something already: remove it, or record to another file")
    );
    assert_eq!(place.text(), text);
    assert_eq!(place.player().remaining(), 1);
}

#[test]
fn a_file_that_cannot_be_made_is_told_at_once() {
    let place = place();
    let error = record(&place.path.join("below")).unwrap_err();
    assert!(matches!(error, CassetteError::Write { .. }));
    assert!(
        error.to_string().ends_with("below` cannot be written"),
        "{error}"
    );
    assert!(error.source().unwrap().to_string().contains("No such file"));
}

#[cfg(target_os = "linux")]
#[test]
fn so_is_a_disk_that_is_full() {
    let error = record(Path::new("/dev/full")).unwrap_err();
    assert!(matches!(error, CassetteError::Write { .. }));
    assert!(
        error
            .source()
            .unwrap()
            .to_string()
            .contains("No space left")
    );
}

#[test]
fn a_file_that_is_not_there() {
    let error = CassettePlayer::open("nowhere.jsonl").unwrap_err();
    assert!(matches!(error, CassetteError::Read { .. }));
    assert_eq!(
        error.to_string(),
        "the cassette `nowhere.jsonl` cannot be read"
    );
    assert!(error.source().is_some());
}

#[test]
fn a_file_that_is_something_else() {
    let other = br#"{"format":"other","version":1,"created_by":"c","provider":"p"}"#;
    let zeroth = br#"{"format":"victor-cassette","version":0,"created_by":"c","provider":"p"}"#;
    let bare = br#"{"format":"victor-cassette","version":1}"#;
    for content in [
        &b""[..],
        b"\n",
        b"hello",
        b"[]",
        b"\xff\xfe",
        other,
        zeroth,
        bare,
    ] {
        let error = open(content).unwrap_err();
        assert!(
            matches!(error, CassetteError::NotACassette { .. }),
            "{error:?}"
        );
        assert!(error.to_string().contains("is not a cassette"));
    }
}

#[test]
fn a_file_of_a_later_version() {
    let error = open(br#"{"format":"victor-cassette","version":7,"whatever":"else"}"#).unwrap_err();
    assert!(matches!(
        error,
        CassetteError::LaterVersion {
            found: 7,
            readable: 1,
            ..
        }
    ));
    let told = "has format version 7, and this build reads 1 to 1: use a later version of Victor";
    assert!(error.to_string().ends_with(told), "{error}");
}

#[tokio::test]
async fn a_line_that_is_wrong_is_named_and_one_that_was_torn_is_passed_over() {
    let place = place();
    record(&place.path).unwrap().chat(&ask("x")).await.unwrap();
    let text = place.text();
    let bytes = text.as_bytes();
    assert_eq!(open(bytes).unwrap().remaining(), 1);

    let error = open(format!("{text}\n{{}}\n{text}").as_bytes()).unwrap_err();
    assert!(
        matches!(error, CassetteError::Malformed { line: 4, .. }),
        "{error:?}"
    );
    assert!(
        error.to_string().starts_with("line 4 of the cassette "),
        "{error}"
    );
    assert!(
        error
            .source()
            .unwrap()
            .to_string()
            .contains("missing field")
    );

    // Torn at every byte: what was written before the last line is there, and no more.
    let header = text.find('\n').unwrap() + 1;
    for end in header..bytes.len() - 1 {
        assert_eq!(open(&bytes[..end]).unwrap().remaining(), 0, "{end}");
    }
    // Without its last line break, as an editor may leave it.
    assert_eq!(open(&bytes[..bytes.len() - 1]).unwrap().remaining(), 1);
    for end in 0..header - 2 {
        assert!(
            matches!(open(&bytes[..end]), Err(CassetteError::NotACassette { .. })),
            "{end}"
        );
    }
}
