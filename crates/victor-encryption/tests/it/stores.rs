//! An encrypted store keeps the laws of the store that it is.

use std::sync::Arc;

use victor_encryption::Encrypted;
use victor_session_protocol::{InMemorySessionStore, SessionStore};
use victor_testkit::conformance;
use victor_tool_protocol::{InMemoryReceiptStore, InMemoryResultStore};

use crate::keys;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions() {
    let make = async || Encrypted::new(InMemorySessionStore::default(), keys(&[1, 2]));
    conformance::session_store(make).await;
    let any: Arc<dyn SessionStore> = Arc::new(make().await);
    assert!(!any.persists_turns());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_in_two_layers() {
    let inner = || Encrypted::new(InMemorySessionStore::default(), keys(&[1]));
    conformance::session_store(async || Encrypted::new(inner(), keys(&[2]))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn results() {
    let inner = InMemoryResultStore::default;
    conformance::result_store(async || Encrypted::new(inner(), keys(&[1]))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn receipts() {
    let inner = InMemoryReceiptStore::default;
    conformance::receipt_store(async || Encrypted::new(inner(), keys(&[1]))).await;
}
