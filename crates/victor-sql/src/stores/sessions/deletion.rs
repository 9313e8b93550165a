//! Deleting a session with all that the database keeps under its name.

use victor_core::SessionId;

use crate::database::Database;
use crate::error::DatabaseError;
use crate::statement::Statement;
use crate::stores::{checkpoints, searched};
use crate::transaction::Transaction;

/// Deletes all of a session in one transaction, and says whether there was something. Also what is left of a session
/// that is not there any more goes, as an earlier version left it that was killed in between.
pub(super) async fn delete(
    database: &Database,
    session: &SessionId,
) -> Result<bool, DatabaseError> {
    let mut transaction = database.begin().await?;
    let outcome = delete_in(&mut transaction, session).await;
    let deleted = transaction.end(outcome).await?;
    // Also after a deletion that was killed before it came so far.
    database.empty_log().await?;
    Ok(deleted > 0)
}

async fn delete_in(
    transaction: &mut Transaction<'_>,
    session: &SessionId,
) -> Result<u64, DatabaseError> {
    // First, since it takes a lock that who saves a checkpoint holds.
    let mut deleted = checkpoints::delete_of(transaction, session).await?;
    let name = session.as_str();
    for statement in [
        Statement::new("DELETE FROM victor_sessions WHERE id = $1").bind(name),
        Statement::new("DELETE FROM victor_results WHERE session = $1").bind(name),
        Statement::new("DELETE FROM victor_receipts WHERE session = $1").bind(name),
        Statement::new("DELETE FROM victor_config WHERE everywhere = 0 AND session = $1")
            .bind(name),
        Statement::new("DELETE FROM victor_events WHERE session = $1").bind(searched(name)),
        Statement::new("DELETE FROM victor_turn_events WHERE session = $1").bind(searched(name)),
        Statement::new("DELETE FROM victor_outbox WHERE session = $1").bind(searched(name)),
        Statement::new("DELETE FROM victor_dead_letters WHERE session = $1").bind(searched(name)),
    ] {
        deleted += transaction.execute(statement).await?;
    }
    Ok(deleted)
}
