use victor_checkpoint::CheckpointCoordinator;
use victor_testkit::conformance;

#[tokio::test]
async fn the_coordinator_keeps_the_laws_of_managers() {
    conformance::checkpoint_manager(async || CheckpointCoordinator::default()).await;
}
