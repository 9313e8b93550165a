//! The exporters that come with the crate.

use std::fs;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use tempfile::TempDir;
use victor_analytics::{ConsoleExporter, JsonLinesExporter};
use victor_analytics_protocol::{AnalyticsEvent, AnalyticsExporter};
use victor_testkit::conformance;

/// Memory that can be read while somebody writes to it, and that counts writes.
#[derive(Debug, Clone, Default)]
struct Memory(Arc<Mutex<(Vec<u8>, usize)>>);

impl Memory {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().0.clone()).unwrap()
    }
}

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut memory = self.0.lock().unwrap();
        memory.0.extend(bytes);
        memory.1 += 1;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Fails, or panics.
#[derive(Debug)]
struct Broken(bool);

impl Write for Broken {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        assert!(!self.0, "out of cheese");
        Err(io::Error::other("no paper"))
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn events<const N: usize>(kinds: [&'static str; N]) -> [AnalyticsEvent; N] {
    kinds.map(AnalyticsEvent::new)
}

/// The kinds of the events in a file, a line each; `?` for a line that is no event.
fn lines(directory: &TempDir) -> String {
    let text = fs::read_to_string(directory.path().join("events.jsonl")).unwrap();
    assert!(text.ends_with('\n'));
    let kind = |line: &str| {
        serde_json::from_str(line).map_or("?".into(), |event: AnalyticsEvent| event.event_type)
    };
    text.lines().map(kind).collect::<Vec<_>>().join(" ")
}

fn json_lines() -> (TempDir, JsonLinesExporter) {
    let directory = tempfile::tempdir().unwrap();
    let exporter = JsonLinesExporter::new(directory.path().join("events.jsonl"));
    (directory, exporter)
}

#[tokio::test]
async fn the_console_exporter_keeps_the_laws() {
    conformance::analytics_exporter(&ConsoleExporter::new(Memory::default())).await;
}

#[tokio::test]
async fn the_json_lines_exporter_keeps_the_laws() {
    let (directory, exporter) = json_lines();
    conformance::analytics_exporter(&exporter).await;
    assert!(!lines(&directory).contains('?'));
    conformance::analytics_exporter(&JsonLinesExporter::synced(
        directory.path().join("events.jsonl"),
    ))
    .await;
}

#[tokio::test]
async fn the_console_gets_a_batch_in_one_write() {
    let memory = Memory::default();
    let exporter = ConsoleExporter::new(memory.clone());
    let result = exporter.export(&events(["one", "two"])).await.unwrap();
    assert!(result.success && result.exported_count == 2);
    let text = memory.text();
    let ends: Vec<_> = text
        .lines()
        .map(|line| line.split_once(" - ").unwrap().1)
        .collect();
    assert_eq!(ends, ["one", "two"]);
    assert_eq!(memory.0.lock().unwrap().1, 1);
}

#[tokio::test]
async fn a_console_that_is_broken_is_an_error_each_time() {
    for (panics, cause) in [(false, "no paper"), (true, "out of cheese")] {
        let exporter = ConsoleExporter::new(Broken(panics));
        for _ in 0..2 {
            let error = exporter.export(&events(["one"])).await.unwrap_err();
            assert_eq!(error.to_string(), "the console cannot be written");
            let source = error.source.unwrap().to_string();
            assert!(source.contains(cause), "{source}");
        }
    }
}

#[tokio::test]
async fn a_file_is_made_with_the_first_batch_and_appended_to() {
    let (directory, exporter) = json_lines();
    assert!(!directory.path().join("events.jsonl").exists());
    let mut event = AnalyticsEvent::new("one").with("text", "a\nb");
    event.session_id = Some("s".into());
    exporter.export(std::slice::from_ref(&event)).await.unwrap();
    exporter.export(&events(["two", "three"])).await.unwrap();
    assert_eq!(lines(&directory), "one two three");
    let text = fs::read_to_string(directory.path().join("events.jsonl")).unwrap();
    let first: AnalyticsEvent = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    assert_eq!(first, event, "nothing of an event is lost");
}

#[tokio::test]
async fn a_line_that_was_torn_by_a_crash_spoils_no_other() {
    let (directory, exporter) = json_lines();
    let path = directory.path().join("events.jsonl");
    exporter.export(&events(["one"])).await.unwrap();
    let mut text = fs::read_to_string(&path).unwrap();
    text.push_str("{\"id\":\"0198");
    fs::write(&path, text).unwrap();
    exporter.export(&events(["two"])).await.unwrap();
    assert_eq!(lines(&directory), "one ? two");
}

#[tokio::test]
async fn a_file_that_was_moved_away_is_made_anew() {
    let (directory, exporter) = json_lines();
    let path = directory.path().join("events.jsonl");
    exporter.export(&events(["one"])).await.unwrap();
    fs::rename(&path, directory.path().join("old.jsonl")).unwrap();
    exporter.export(&events(["two"])).await.unwrap();
    assert_eq!(lines(&directory), "two");
}

#[tokio::test]
async fn a_file_that_cannot_be_written_is_named() {
    let error = JsonLinesExporter::new("/nowhere/events.jsonl")
        .export(&events(["one"]))
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "file /nowhere/events.jsonl cannot be written"
    );
    assert!(error.source.unwrap().to_string().contains("No such file"));
}

/// The kinds of the events in a file and the older ones, the latest first.
fn rotated(directory: &TempDir) -> String {
    let path = |number: u32| match number {
        0 => directory.path().join("events.jsonl"),
        number => directory.path().join(format!("events.jsonl.{number}")),
    };
    let kinds = |path| {
        let text = fs::read_to_string(path).ok()?;
        let events = text.lines().map(|line| serde_json::from_str(line).unwrap());
        let kinds: Vec<_> = events
            .map(|event: AnalyticsEvent| event.event_type)
            .collect();
        Some(kinds.join(" "))
    };
    let files: Vec<_> = (0..9).map_while(|number| kinds(path(number))).collect();
    files.join(" | ")
}

#[tokio::test]
async fn a_file_that_would_grow_too_large_is_moved_away_and_the_oldest_goes() {
    let size = serde_json::to_vec(&AnalyticsEvent::new("1")).unwrap().len() as u64 + 10;
    for (files, expected) in [(2, "5 | 4 | 2 3"), (1, "5 | 4"), (0, "5")] {
        let (directory, exporter) = json_lines();
        let exporter = exporter.with_rotation(2 * size, files);
        // A batch is not parted, however large it is.
        for batch in [&events(["1"])[..], &events(["2", "3"]), &events(["4"])] {
            exporter.export(batch).await.unwrap();
        }
        let large = &events(["5"])[0].clone().with("text", "x".repeat(500));
        exporter.export(std::slice::from_ref(large)).await.unwrap();
        assert_eq!(rotated(&directory), expected);
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_full_disk_is_told_and_the_batch_arrives_once_there_is_room() {
    use victor_analytics::AnalyticsCoordinator;
    use victor_analytics_protocol::AnalyticsTracker as _;
    use victor_core::Coordinator as _;

    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("events.jsonl");
    std::os::unix::fs::symlink("/dev/full", &path).unwrap();
    let analytics = AnalyticsCoordinator::builder()
        .exporter(JsonLinesExporter::new(&path))
        .build();
    analytics.track_event(&"s".into(), AnalyticsEvent::new("one"));
    let result = analytics.flush().await;
    let error = result.error.unwrap();
    assert!(
        error.ends_with("cannot be written: No space left on device (os error 28)"),
        "{error}"
    );
    assert!(analytics.health().problems[0].contains("No space left"));
    fs::remove_file(&path).unwrap();
    assert!(analytics.flush().await.success);
    assert_eq!(lines(&directory), "one");
    assert!(analytics.health().is_healthy());
}
