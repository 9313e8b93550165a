-- A database of schema 5, as `sqlite3 .dump` writes it. It is never changed.
BEGIN TRANSACTION;
CREATE TABLE victor_schema (version BIGINT NOT NULL PRIMARY KEY);
INSERT INTO victor_schema VALUES(1);
INSERT INTO victor_schema VALUES(2);
INSERT INTO victor_schema VALUES(3);
INSERT INTO victor_schema VALUES(4);
INSERT INTO victor_schema VALUES(5);
CREATE TABLE victor_sessions (
    key INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    entries INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    status TEXT NOT NULL,
    title TEXT,
    expires_at INTEGER,
    info TEXT NOT NULL
, fence INTEGER NOT NULL DEFAULT 0, owner TEXT, owner_turn TEXT, held_since INTEGER, held_until INTEGER) STRICT;
INSERT INTO victor_sessions VALUES(1,'docs-456',2,1796072589240695,'open','Docs',NULL,'{"version":1,"id":"docs-456","entries":2,"created_at":"2026-11-30T21:03:09.240695061Z","updated_at":"2026-11-30T21:03:09.240695Z","title":"Docs","tags":["work"],"metadata":{}}',1,'{"id":"owner","name":"process 4711"}','01a22e44-c7b8-7aed-b1a1-6aaf12a1e3ef',1796072589249000,1796072589249000);
CREATE TABLE victor_session_tags (
    session INTEGER NOT NULL REFERENCES victor_sessions (key) ON DELETE CASCADE,
    tag TEXT NOT NULL,
    PRIMARY KEY (session, tag)
) STRICT, WITHOUT ROWID;
INSERT INTO victor_session_tags VALUES(1,'work');
CREATE TABLE victor_entries (
    session INTEGER NOT NULL REFERENCES victor_sessions (key) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    entry TEXT NOT NULL,
    PRIMARY KEY (session, number)
) STRICT;
INSERT INTO victor_entries VALUES(1,0,'{"version":1,"at":"2026-11-30T21:03:09.240114085Z","turn":"01a22e44-c7b8-7aed-b1a1-6aaf12a1e3ef","message":{"version":1,"id":"01a22e44-c7b8-7a18-9988-72b33a19c3d0","role":"user","parts":[{"type":"text","text":"Hello"}]}}');
INSERT INTO victor_entries VALUES(1,1,'{"version":1,"at":"2026-11-30T21:03:09.240121045Z","turn":"01a22e44-c7b8-7aed-b1a1-6aaf12a1e3ef","message":{"version":1,"id":"01a22e44-c7b8-7407-ac16-601ea2c6ee13","role":"assistant","parts":[{"type":"text","text":"Hello, ''you''!\n"}]}}');
CREATE TABLE victor_open_turns (
    session INTEGER PRIMARY KEY REFERENCES victor_sessions (key) ON DELETE CASCADE,
    turn TEXT NOT NULL
) STRICT;
INSERT INTO victor_open_turns VALUES(1,'{"version":1,"session":"docs-456","turn":"01a22e44-c7b8-7aed-b1a1-6aaf12a1e3ef","at":"2026-11-30T21:03:09.240125792Z","state":"here"}');
CREATE TABLE victor_messages (
    hash BLOB NOT NULL PRIMARY KEY,
    message TEXT NOT NULL
) STRICT;
INSERT INTO victor_messages VALUES(X'28e9746c57f3981f7b14cb9acc176de5314de464dc63f8b17fcdc8631f5b1170','{"version":1,"id":"01a22e44-c7b8-7407-ac16-601ea2c6ee13","role":"assistant","parts":[{"type":"text","text":"Hello, ''you''!\n"}]}');
INSERT INTO victor_messages VALUES(X'44369e8b15534cb4a4d4bd4864365a1a175f2e2c0ac2869a4a671e666667a326','{"version":1,"id":"01a22e44-c7b8-7a18-9988-72b33a19c3d0","role":"user","parts":[{"type":"text","text":"Hello"}]}');
CREATE TABLE victor_links (
    hash BLOB NOT NULL PRIMARY KEY,
    parent BLOB REFERENCES victor_links (hash),
    content BLOB NOT NULL REFERENCES victor_messages (hash),
    len INTEGER NOT NULL
) STRICT;
INSERT INTO victor_links VALUES(X'483e07330831f7167076fa5dd1984c1751af9de6e0a3f273e97dea685cd21c7d',NULL,X'44369e8b15534cb4a4d4bd4864365a1a175f2e2c0ac2869a4a671e666667a326',1);
INSERT INTO victor_links VALUES(X'c2d9cb11301c7e3c5a85588653266d1582236ee99681f15bdda55cd9b2d191ac',X'483e07330831f7167076fa5dd1984c1751af9de6e0a3f273e97dea685cd21c7d',X'28e9746c57f3981f7b14cb9acc176de5314de464dc63f8b17fcdc8631f5b1170',2);
CREATE TABLE victor_checkpoints (
    id TEXT NOT NULL PRIMARY KEY,
    session TEXT NOT NULL,
    head BLOB REFERENCES victor_links (hash),
    checkpoint TEXT NOT NULL
) STRICT;
INSERT INTO victor_checkpoints VALUES('01a22e44-c7c2-78b2-a5c2-004655a2aa37','docs-456',X'c2d9cb11301c7e3c5a85588653266d1582236ee99681f15bdda55cd9b2d191ac','{"version":1,"id":"01a22e44-c7c2-78b2-a5c2-004655a2aa37","session":"docs-456","at":"2026-11-30T21:03:09.250739272Z","cause":"manual","label":"before","history":{"head":"c2d9cb11301c7e3c5a85588653266d1582236ee99681f15bdda55cd9b2d191ac","len":2}}');
CREATE TABLE victor_events (
    id TEXT NOT NULL PRIMARY KEY,
    session TEXT,
    type TEXT NOT NULL,
    at INTEGER NOT NULL,
    event TEXT NOT NULL
) STRICT;
INSERT INTO victor_events VALUES('01a22e44-c7c3-79e2-a7e5-b11a0f2b1dd0',NULL,'turn_finished',1796072589251262,'{"version":1,"id":"01a22e44-c7c3-79e2-a7e5-b11a0f2b1dd0","type":"turn_finished","timestamp":"2026-11-30T21:03:09.251262552Z","tags":["tenant"],"data":{"tokens":7}}');
CREATE TABLE victor_config (
    everywhere INTEGER NOT NULL,
    session TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (everywhere, session, key)
) STRICT;
INSERT INTO victor_config VALUES(1,'','temperature','0.5');
INSERT INTO victor_config VALUES(0,'docs-456','model','"m"');
CREATE TABLE victor_results (
    session TEXT NOT NULL,
    handle TEXT NOT NULL,
    text BLOB NOT NULL,
    PRIMARY KEY (session, handle)
) STRICT;
INSERT INTO victor_results VALUES('docs-456','call-1',X'6100c3a4');
CREATE TABLE victor_receipts (
    session TEXT NOT NULL,
    key TEXT NOT NULL,
    result TEXT,
    PRIMARY KEY (session, key)
) STRICT;
INSERT INTO victor_receipts VALUES('docs-456','begun',NULL);
INSERT INTO victor_receipts VALUES('docs-456','done','{"call_id":"call-1","name":"answer","content":[{"type":"text","text":"42"}],"outcome":"success"}');
CREATE TABLE victor_ledger (
    id TEXT NOT NULL PRIMARY KEY,
    session TEXT,
    turn TEXT,
    at INTEGER NOT NULL,
    pending INTEGER NOT NULL,
    entry TEXT NOT NULL
) STRICT;
INSERT INTO victor_ledger VALUES('01a22e44-c7c5-76f2-af9e-08f5cd9862ac','docs-456',NULL,1796072589253402,1,'{"version":1,"id":"01a22e44-c7c5-76f2-af9e-08f5cd9862ac","session":"docs-456","tags":["tenant"],"target":"main","provider":"acme","model":"acme-1","attempt":1,"started":"2026-11-30T21:03:09.253402494Z","outcome":"pending","usage":{"input":7,"output":5,"cache_read":0,"cache_write":0,"reasoning":0},"usage_source":"unknown","cost":42}');
CREATE TABLE victor_ledger_tags (
    tag TEXT NOT NULL,
    entry TEXT NOT NULL REFERENCES victor_ledger (id) ON DELETE CASCADE,
    PRIMARY KEY (tag, entry)
) STRICT, WITHOUT ROWID;
INSERT INTO victor_ledger_tags VALUES('tenant','01a22e44-c7c5-76f2-af9e-08f5cd9862ac');
CREATE TABLE victor_event_tags (
    tag TEXT NOT NULL,
    event TEXT NOT NULL REFERENCES victor_events (id) ON DELETE CASCADE,
    PRIMARY KEY (tag, event)
) STRICT, WITHOUT ROWID;
INSERT INTO victor_event_tags VALUES('tenant','01a22e44-c7c3-79e2-a7e5-b11a0f2b1dd0');
CREATE TABLE victor_outbox (
    place INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    session TEXT,
    event TEXT NOT NULL
) STRICT;
INSERT INTO victor_outbox VALUES(1,'01a22e44-c7c3-79e2-a7e5-b11a0f2b1dd0',NULL,'{"version":1,"id":"01a22e44-c7c3-79e2-a7e5-b11a0f2b1dd0","type":"turn_finished","timestamp":"2026-11-30T21:03:09.251262552Z","tags":["tenant"],"data":{"tokens":7}}');
CREATE TABLE victor_outbox_cursors (
    exporter TEXT NOT NULL PRIMARY KEY,
    place INTEGER NOT NULL
) STRICT;
INSERT INTO victor_outbox_cursors VALUES('webhook',0);
CREATE TABLE victor_dead_letters (
    place INTEGER PRIMARY KEY AUTOINCREMENT,
    exporter TEXT NOT NULL,
    event TEXT NOT NULL,
    session TEXT,
    letter TEXT NOT NULL,
    UNIQUE (exporter, event)
) STRICT;
INSERT INTO victor_dead_letters VALUES(1,'webhook','01a22e44-c7c3-79e2-a7e5-b11a0f2b1dd0',NULL,'{"exporter":"webhook","event":{"version":1,"id":"01a22e44-c7c3-79e2-a7e5-b11a0f2b1dd0","type":"turn_finished","timestamp":"2026-11-30T21:03:09.251262552Z","tags":["tenant"],"data":{"tokens":7}},"reason":"no event","at":"2026-11-30T21:03:09.25219277Z"}');
CREATE TABLE victor_prompts (
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    at INTEGER NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (name, version)
) STRICT;
INSERT INTO victor_prompts VALUES('review',1,1796072000000000,'Review.');
INSERT INTO victor_prompts VALUES('review',2,1796072000000001,'Review twice.');
CREATE TABLE victor_prompt_labels (
    name TEXT NOT NULL,
    label TEXT NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (name, label),
    FOREIGN KEY (name, version) REFERENCES victor_prompts (name, version)
) STRICT;
INSERT INTO victor_prompt_labels VALUES('review','production',1);
DELETE FROM sqlite_sequence;
INSERT INTO sqlite_sequence VALUES('victor_outbox',1);
INSERT INTO sqlite_sequence VALUES('victor_dead_letters',1);
CREATE INDEX victor_sessions_by_time ON victor_sessions (updated_at DESC, id);
CREATE INDEX victor_sessions_by_expiry ON victor_sessions (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX victor_sessions_by_tag ON victor_session_tags (tag, session);
CREATE INDEX victor_links_by_parent ON victor_links (parent);
CREATE INDEX victor_links_by_content ON victor_links (content);
CREATE INDEX victor_checkpoints_by_session ON victor_checkpoints (session);
CREATE INDEX victor_checkpoints_by_head ON victor_checkpoints (head);
CREATE INDEX victor_events_by_session ON victor_events (session, at);
CREATE INDEX victor_events_by_type ON victor_events (type, at);
CREATE INDEX victor_ledger_by_time ON victor_ledger (at);
CREATE INDEX victor_ledger_by_session ON victor_ledger (session, at);
CREATE INDEX victor_ledger_by_turn ON victor_ledger (turn);
CREATE INDEX victor_ledger_tags_by_entry ON victor_ledger_tags (entry);
CREATE INDEX victor_events_by_time ON victor_events (at, id);
CREATE INDEX victor_event_tags_by_event ON victor_event_tags (event);
CREATE INDEX victor_outbox_by_session ON victor_outbox (session);
CREATE INDEX victor_dead_letters_by_session ON victor_dead_letters (session);
COMMIT;
