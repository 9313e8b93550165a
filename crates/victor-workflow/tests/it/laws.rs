//! The coordinator keeps the laws of runners.

use std::sync::Arc;
use std::time::Duration;

use victor_testkit::conformance::{self, Handlers};
use victor_workflow::protocol::{InMemoryJournal, WorkflowJournal};
use victor_workflow::{WorkflowCoordinator, WorkflowOptions};

pub(crate) fn make(journal: Arc<dyn WorkflowJournal>, handlers: Handlers) -> WorkflowCoordinator {
    let options = WorkflowOptions::default().with_poll(Duration::from_millis(5));
    let builder = WorkflowCoordinator::builder(journal).options(options);
    let add = |builder: victor_workflow::WorkflowCoordinatorBuilder, (name, handler)| {
        builder.handler(name, handler)
    };
    handlers.into_iter().fold(builder, add).build()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_keeps_the_laws() {
    let journal = async || Arc::new(InMemoryJournal::default()) as Arc<dyn WorkflowJournal>;
    conformance::workflow_runner(journal, make).await;
}
