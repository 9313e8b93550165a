//! The coordinator of modes through its public API.

use victor_mode::ModeCoordinator;
use victor_testkit::conformance;

#[tokio::test]
async fn it_keeps_the_laws_of_mode_managers() {
    conformance::mode_manager(ModeCoordinator::new).await;
}
