//! The laws of context managers, which Victor's own keeps as well.

use acme_context::AcmeContext;

#[tokio::test(start_paused = true)]
async fn it_keeps_the_laws() {
    victor_testkit::conformance::context_manager(AcmeContext::default).await;
}
