//! The session coordinator, through its public API.

mod abandoned;
mod fencing;
mod leases;
mod life;
mod policies;
mod racing;
mod stores;
mod turns;

use std::sync::Arc;

use victor_core::{Message, MessageId, SessionId, TurnId};
use victor_session::SessionCoordinator;
use victor_session::protocol::SessionManagerExt as _;

fn session() -> SessionId {
    SessionId::new("s")
}

/// A message whose text and identifier follow from a number.
fn message(number: u128) -> Arc<Message> {
    let parts = Message::user(number.to_string()).parts().to_vec();
    Message::with_id(MessageId::from_u128(number), "user".into(), parts).into()
}

fn messages(numbers: impl IntoIterator<Item = u128>) -> Vec<Arc<Message>> {
    numbers.into_iter().map(message).collect()
}

/// The numbers of the messages in the session's transcript.
async fn written(sessions: &SessionCoordinator) -> Vec<u128> {
    let transcript = sessions.transcript(&session()).await.unwrap();
    transcript
        .into_iter()
        .map(|entry| entry.message.id().as_u128())
        .collect()
}

/// A whole turn that writes these messages.
async fn turn(sessions: &SessionCoordinator, numbers: impl IntoIterator<Item = u128>) {
    let lease = sessions.begin_turn(&session()).await.unwrap();
    sessions
        .record(&lease, TurnId::generate(), &messages(numbers))
        .await
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn it_keeps_the_laws_of_session_managers() {
    victor_testkit::conformance::session_manager(async || SessionCoordinator::default()).await;
}
