//! The laws that every store keeps.

use std::sync::Arc;

use tempfile::TempDir;
use victor_sql::Database;
use victor_testkit::conformance;

#[tokio::test(flavor = "multi_thread")]
async fn checkpoints_in_sqlite() {
    let folder = TempDir::new().unwrap();
    conformance::checkpoint_store(async |name| {
        let path = folder.path().join(name).with_extension("db");
        let database = Database::open(path.to_str().unwrap()).await.unwrap();
        database.checkpoint_store()
    })
    .await;
}
