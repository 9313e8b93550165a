//! The journal in memory keeps the laws.

use victor_testkit::conformance;
use victor_workflow_protocol::InMemoryJournal;

#[tokio::test(flavor = "multi_thread")]
async fn it_keeps_the_laws() {
    conformance::workflow_journal(async || InMemoryJournal::default()).await;
}
