use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use victor_checkpoint_protocol::InMemoryCheckpointStore;
use victor_testkit::conformance;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_store_in_memory_keeps_the_laws_of_stores() {
    let stores = Mutex::new(HashMap::<String, Arc<InMemoryCheckpointStore>>::new());
    conformance::checkpoint_store(async |name: &str| {
        let mut stores = stores.lock().unwrap();
        stores.entry(name.to_owned()).or_default().clone()
    })
    .await;
}
