//! Events in an outbox arrive also where the process is killed. A process is this test binary, run again.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use victor_core::Coordinator as _;
use victor_orchestrator::analytics::{
    AnalyticsEvent, AnalyticsExporter, AnalyticsTracker as _, ExportError, ExportResult,
};
use victor_orchestrator::coordinators::analytics::{
    AnalyticsCoordinator, AnalyticsOptions, JsonLinesExporter,
};
use victor_sql::Database;

/// Names the folder to the process that is killed.
const FOLDER: &str = "VICTOR_OUTBOX_FOLDER";
const KILLS: u64 = 5;
/// How many events a process has in the outbox before it is killed.
const EVENTS: usize = 200;

/// Writes to a file, under a name of its own, or fails.
#[derive(Debug)]
struct Named(&'static str, Option<JsonLinesExporter>);

#[async_trait]
impl AnalyticsExporter for Named {
    fn name(&self) -> &str {
        self.0
    }

    async fn export(&self, events: &[AnalyticsEvent]) -> Result<ExportResult, ExportError> {
        match &self.1 {
            Some(file) => file.export(events).await,
            None => Err(ExportError::new("connection refused")),
        }
    }
}

/// A coordinator with an exporter that works and one that works if `all_work`.
async fn analytics(folder: &Path, all_work: bool) -> AnalyticsCoordinator {
    let database = Database::open(folder.join("outbox.db").to_str().unwrap())
        .await
        .unwrap();
    let file = |name: &str| JsonLinesExporter::new(folder.join(name));
    let options = AnalyticsOptions::default()
        .with_export_interval(Duration::from_millis(20))
        .with_batch_size(50);
    AnalyticsCoordinator::builder()
        .outbox(database.event_outbox())
        .exporter(Named("works", Some(file("works"))))
        .exporter(Named("dead", all_work.then(|| file("dead"))))
        .options(options)
        .build()
}

/// Tracks events until it is killed, and says which of them are in the outbox. Without a folder it is nothing but the
/// other half of the test below.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_tracks_events() {
    let Some(folder) = std::env::var_os(FOLDER) else {
        return;
    };
    let analytics = Arc::new(analytics(Path::new(&folder), false).await);
    analytics.initialize().await.unwrap();
    loop {
        let mut ids = Vec::new();
        for _ in 0..10 {
            let event = AnalyticsEvent::new("tool_call_finished").with("tool", "read");
            ids.push(event.id);
            analytics.track_event(&"s".into(), event);
        }
        assert!(analytics.persist().await.success);
        let mut output = std::io::stdout().lock();
        for id in ids {
            writeln!(output, "\npersisted {id}").unwrap();
        }
        output.flush().unwrap();
        drop(output);
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
}

/// The identifiers of the events in a file, and how many lines it has.
fn arrived(file: &Path) -> (BTreeSet<String>, usize) {
    let text = std::fs::read_to_string(file).unwrap_or_default();
    let events = text
        .lines()
        .filter_map(|line| serde_json::from_str::<AnalyticsEvent>(line).ok());
    let ids: Vec<_> = events.map(|event| event.id.to_string()).collect();
    (ids.iter().cloned().collect(), ids.len())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_in_the_outbox_arrives_however_often_the_process_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    let mut persisted = BTreeSet::new();
    for kill in 0..KILLS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "--nocapture",
                "outbox::a_process_that_tracks_events",
            ])
            .env(FOLDER, folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let lines = output.lines().map_while(Result::ok);
        let mut ids = lines.filter_map(|line| Some(line.strip_prefix("persisted ")?.to_owned()));
        let before = persisted.len();
        persisted.extend(ids.by_ref().take(EVENTS));
        assert_eq!(
            persisted.len(),
            before + EVENTS,
            "a process was killed too early"
        );
        // At another moment each time.
        #[expect(
            clippy::disallowed_methods,
            reason = "nothing else happens in this process"
        )]
        std::thread::sleep(Duration::from_millis(kill));
        child.kill().unwrap();
        child.wait().unwrap();
        drop(ids);
    }
    let before = arrived(&folder.path().join("works")).0.len();
    assert!(before > 0, "something arrived while the processes lived");

    let last = analytics(folder.path(), true).await;
    let result = last.flush().await;
    assert!(result.success, "{result:?}");
    last.shutdown().await;
    for name in ["works", "dead"] {
        let (ids, lines) = arrived(&folder.path().join(name));
        let lost: Vec<_> = persisted.difference(&ids).collect();
        assert!(lost.is_empty(), "{name} has lost {lost:?}");
        // A batch that was under way when the process was killed may have arrived twice.
        assert!(
            lines <= ids.len() + KILLS as usize * 50,
            "{name}: {lines} lines of {} events",
            ids.len()
        );
    }
    let (dead, lines) = arrived(&folder.path().join("dead"));
    assert_eq!(dead.len(), lines, "who was away has each event once");
}
