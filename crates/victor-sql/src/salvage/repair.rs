//! The repair of copied rows, so that they are a sound database again.

use victor_core::SessionId;
use victor_session_protocol::SessionInfo;

use crate::error::DatabaseError;
use crate::statement::Statement;
use crate::transaction::Transaction;

/// Rows that hold no JSON where they should.
const GARBAGE: &str = "
    DELETE FROM victor_entries WHERE NOT json_valid(entry);
    DELETE FROM victor_open_turns WHERE NOT json_valid(turn);
    DELETE FROM victor_messages WHERE NOT json_valid(message);
    DELETE FROM victor_checkpoints WHERE NOT json_valid(checkpoint);
    DELETE FROM victor_events WHERE NOT json_valid(event);
    DELETE FROM victor_ledger WHERE NOT json_valid(entry);
    DELETE FROM victor_turn_events WHERE NOT json_valid(events);
    DELETE FROM victor_outbox WHERE NOT json_valid(event);
    DELETE FROM victor_dead_letters WHERE NOT json_valid(letter);
    DELETE FROM victor_config WHERE NOT json_valid(value);
    DELETE FROM victor_prompt_labels WHERE (name, version) NOT IN (SELECT name, version FROM victor_prompts);
    DELETE FROM victor_run_records WHERE NOT json_valid(record) OR run NOT IN (SELECT key FROM victor_runs);
    DELETE FROM victor_run_values WHERE run NOT IN (SELECT key FROM victor_runs);
    DELETE FROM victor_run_signals WHERE run NOT IN (SELECT key FROM victor_runs);
    DELETE FROM victor_receipts WHERE result IS NOT NULL AND NOT json_valid(result);
";

/// Sessions of which something is lost. Those of which entries are there and nothing else get a name.
const SESSIONS: &str = "
    INSERT INTO victor_sessions (key, id, entries, updated_at, status, info)
        SELECT DISTINCT session, 'salvaged-' || session, -1, 0, 'open', '' FROM victor_entries
        WHERE session NOT IN (SELECT key FROM victor_sessions);
    DELETE FROM victor_open_turns WHERE session NOT IN (SELECT key FROM victor_sessions);
    CREATE TEMP TABLE changed AS
        SELECT key, id, json_valid(info) AS known FROM victor_sessions
        WHERE NOT json_valid(info)
        OR entries <> (SELECT count(*) FROM victor_entries WHERE session = key);
    CREATE TEMP TABLE numbered AS
        SELECT rowid AS place, row_number() OVER (PARTITION BY session ORDER BY number) - 1 AS number
        FROM victor_entries WHERE session IN (SELECT key FROM changed);
    UPDATE victor_entries SET number = -1 - number WHERE session IN (SELECT key FROM changed);
    UPDATE victor_entries SET number = numbered.number FROM numbered
        WHERE victor_entries.rowid = place;
    UPDATE victor_sessions SET entries = (SELECT count(*) FROM victor_entries WHERE session = key)
        WHERE key IN (SELECT key FROM changed);
";

/// Links that do not lead back to a beginning, over messages that are all there, and what depends on them.
const CHECKPOINTS: &str = "
    CREATE TEMP TABLE sound AS
        WITH RECURSIVE chain (hash) AS (
            SELECT hash FROM victor_links WHERE parent IS NULL
                AND content IN (SELECT hash FROM victor_messages)
            UNION ALL
            SELECT link.hash FROM chain JOIN victor_links link ON link.parent = chain.hash
                WHERE content IN (SELECT hash FROM victor_messages)
        )
        SELECT hash FROM chain;
    DELETE FROM victor_links WHERE hash NOT IN (SELECT hash FROM sound);
    DELETE FROM victor_checkpoints WHERE head IS NOT NULL AND head NOT IN (SELECT hash FROM sound);
    DELETE FROM victor_messages WHERE hash NOT IN (SELECT content FROM victor_links);
";

const TAGS: &str = "
    INSERT OR IGNORE INTO victor_session_tags (session, tag)
        SELECT victor_sessions.key, tag.value FROM victor_sessions, json_each(info, '$.tags') AS tag;
    INSERT OR IGNORE INTO victor_ledger_tags (tag, entry)
        SELECT tag.value, victor_ledger.id FROM victor_ledger, json_each(entry, '$.tags') AS tag;
    INSERT OR IGNORE INTO victor_event_tags (tag, event)
        SELECT tag.value, victor_events.id FROM victor_events, json_each(event, '$.tags') AS tag;
    DROP TABLE temp.changed;
    DROP TABLE temp.numbered;
    DROP TABLE temp.sound;
";

/// Repairs what was copied, and returns the sessions that are not what they were.
pub(super) async fn repair(
    transaction: &mut Transaction<'_>,
) -> Result<Vec<SessionId>, DatabaseError> {
    transaction.script(GARBAGE).await?;
    transaction.script(SESSIONS).await?;
    transaction.script(CHECKPOINTS).await?;
    let changed = Statement::new("SELECT id, known, key FROM temp.changed ORDER BY id");
    let mut sessions = Vec::new();
    for row in transaction.rows(changed).await? {
        let columns = (|| Ok((SessionId::new(row.text(0)?), row.int(1)?, row.int(2)?)))();
        let (id, known, key) =
            columns.map_err(|error| DatabaseError::new(transaction.place(), error))?;
        if known == 0 {
            let info = crate::stores::json(&SessionInfo::new(id.clone()))?;
            let statement = Statement::new("UPDATE victor_sessions SET info = $1 WHERE key = $2");
            transaction.execute(statement.bind(info).bind(key)).await?;
        }
        sessions.push(id);
    }
    transaction.script(TAGS).await?;
    Ok(sessions)
}
