-- A database of schema 3, as `sqlite3 .dump` writes it. It is never changed.
BEGIN TRANSACTION;
CREATE TABLE victor_schema (version BIGINT NOT NULL PRIMARY KEY);
INSERT INTO victor_schema VALUES(1);
INSERT INTO victor_schema VALUES(2);
INSERT INTO victor_schema VALUES(3);
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
INSERT INTO victor_sessions VALUES(1,'docs-456',2,1796065795135208,'open','Docs',NULL,'{"version":1,"id":"docs-456","entries":2,"created_at":"2026-11-30T19:09:55.135208073Z","updated_at":"2026-11-30T19:09:55.135208Z","title":"Docs","tags":["work"],"metadata":{}}',1,'{"id":"owner","name":"process 4711"}','01a22ddd-1c3e-7ea3-a250-5caf37c4ec61',1796065795135000,1796065795135000);
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
INSERT INTO victor_entries VALUES(1,0,'{"version":1,"at":"2026-11-30T19:09:55.134778392Z","turn":"01a22ddd-1c3e-7ea3-a250-5caf37c4ec61","message":{"version":1,"id":"01a22ddd-1c3e-769e-8638-86f564dad68a","role":"user","parts":[{"type":"text","text":"Hello"}]}}');
INSERT INTO victor_entries VALUES(1,1,'{"version":1,"at":"2026-11-30T19:09:55.13478413Z","turn":"01a22ddd-1c3e-7ea3-a250-5caf37c4ec61","message":{"version":1,"id":"01a22ddd-1c3e-7c88-bf4a-0ba18e9a55df","role":"assistant","parts":[{"type":"text","text":"Hello, ''you''!\n"}]}}');
CREATE TABLE victor_open_turns (
    session INTEGER PRIMARY KEY REFERENCES victor_sessions (key) ON DELETE CASCADE,
    turn TEXT NOT NULL
) STRICT;
INSERT INTO victor_open_turns VALUES(1,'{"version":1,"session":"docs-456","turn":"01a22ddd-1c3e-7ea3-a250-5caf37c4ec61","at":"2026-11-30T19:09:55.134789278Z","state":"here"}');
CREATE TABLE victor_messages (
    hash BLOB NOT NULL PRIMARY KEY,
    message TEXT NOT NULL
) STRICT;
INSERT INTO victor_messages VALUES(X'41172024d960094354cc1919911f449232d3c1ff41b2c5e541deb739275bb0cb','{"version":1,"id":"01a22ddd-1c3e-7c88-bf4a-0ba18e9a55df","role":"assistant","parts":[{"type":"text","text":"Hello, ''you''!\n"}]}');
INSERT INTO victor_messages VALUES(X'd1b4b138171d5183760bc98e6e198a1a0412fb861c4fc3dab8e4647c73946c46','{"version":1,"id":"01a22ddd-1c3e-769e-8638-86f564dad68a","role":"user","parts":[{"type":"text","text":"Hello"}]}');
CREATE TABLE victor_links (
    hash BLOB NOT NULL PRIMARY KEY,
    parent BLOB REFERENCES victor_links (hash),
    content BLOB NOT NULL REFERENCES victor_messages (hash),
    len INTEGER NOT NULL
) STRICT;
INSERT INTO victor_links VALUES(X'4d83a9623d4089df443967b0b0b1fc4b4641075a87eb5166d84fdc06b6227cb9',NULL,X'd1b4b138171d5183760bc98e6e198a1a0412fb861c4fc3dab8e4647c73946c46',1);
INSERT INTO victor_links VALUES(X'4ab206ff7e8bd8bdb8e814512be6dc7a6a7e7860696d97a0f57f85988d289852',X'4d83a9623d4089df443967b0b0b1fc4b4641075a87eb5166d84fdc06b6227cb9',X'41172024d960094354cc1919911f449232d3c1ff41b2c5e541deb739275bb0cb',2);
CREATE TABLE victor_checkpoints (
    id TEXT NOT NULL PRIMARY KEY,
    session TEXT NOT NULL,
    head BLOB REFERENCES victor_links (hash),
    checkpoint TEXT NOT NULL
) STRICT;
INSERT INTO victor_checkpoints VALUES('01a22ddd-1c40-75c5-a296-48459f434e67','docs-456',X'4ab206ff7e8bd8bdb8e814512be6dc7a6a7e7860696d97a0f57f85988d289852','{"version":1,"id":"01a22ddd-1c40-75c5-a296-48459f434e67","session":"docs-456","at":"2026-11-30T19:09:55.136625977Z","cause":"manual","label":"before","history":{"head":"4ab206ff7e8bd8bdb8e814512be6dc7a6a7e7860696d97a0f57f85988d289852","len":2}}');
CREATE TABLE victor_events (
    id TEXT NOT NULL PRIMARY KEY,
    session TEXT,
    type TEXT NOT NULL,
    at INTEGER NOT NULL,
    event TEXT NOT NULL
) STRICT;
INSERT INTO victor_events VALUES('01a22ddd-1c41-7663-8cd0-8d9ffd2f26fe',NULL,'turn_finished',1796065795137004,'{"version":1,"id":"01a22ddd-1c41-7663-8cd0-8d9ffd2f26fe","type":"turn_finished","timestamp":"2026-11-30T19:09:55.137004963Z","data":{"tokens":7}}');
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
INSERT INTO victor_ledger VALUES('01a22ddd-1c42-7223-b45f-cc600b3324bd','docs-456',NULL,1796065795138075,1,'{"version":1,"id":"01a22ddd-1c42-7223-b45f-cc600b3324bd","session":"docs-456","tags":["tenant"],"target":"main","provider":"acme","model":"acme-1","attempt":1,"started":"2026-11-30T19:09:55.13807577Z","outcome":"pending","usage":{"input":7,"output":5,"cache_read":0,"cache_write":0,"reasoning":0},"usage_source":"unknown","cost":42}');
CREATE TABLE victor_ledger_tags (
    tag TEXT NOT NULL,
    entry TEXT NOT NULL REFERENCES victor_ledger (id) ON DELETE CASCADE,
    PRIMARY KEY (tag, entry)
) STRICT, WITHOUT ROWID;
INSERT INTO victor_ledger_tags VALUES('tenant','01a22ddd-1c42-7223-b45f-cc600b3324bd');
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
COMMIT;
