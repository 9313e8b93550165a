-- A database of schema 1, as `sqlite3 .dump` writes it. It is never changed.
BEGIN TRANSACTION;
CREATE TABLE victor_schema (version BIGINT NOT NULL PRIMARY KEY);
INSERT INTO victor_schema VALUES(1);
CREATE TABLE victor_sessions (
    key INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    entries INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    status TEXT NOT NULL,
    title TEXT,
    expires_at INTEGER,
    info TEXT NOT NULL
) STRICT;
INSERT INTO victor_sessions VALUES(1,'docs-456',2,1795593613914976,'open','Docs',NULL,'{"version":1,"id":"docs-456","entries":2,"created_at":"2026-11-25T08:00:13.914976396Z","updated_at":"2026-11-25T08:00:13.914976Z","title":"Docs","tags":["work"],"metadata":{}}');
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
INSERT INTO victor_entries VALUES(1,0,'{"version":1,"at":"2026-11-25T08:00:13.914351027Z","turn":"01a211b8-325a-7f3e-ada0-5718b358f569","message":{"version":1,"id":"01a211b8-325a-7272-98af-dcbaaaa07c7d","role":"user","parts":[{"type":"text","text":"Hello"}]}}');
INSERT INTO victor_entries VALUES(1,1,'{"version":1,"at":"2026-11-25T08:00:13.91435997Z","turn":"01a211b8-325a-7f3e-ada0-5718b358f569","message":{"version":1,"id":"01a211b8-325a-791f-9e0e-0cb11e8b146c","role":"assistant","parts":[{"type":"text","text":"Hello, ''you''!\n"}]}}');
CREATE TABLE victor_open_turns (
    session INTEGER PRIMARY KEY REFERENCES victor_sessions (key) ON DELETE CASCADE,
    turn TEXT NOT NULL
) STRICT;
INSERT INTO victor_open_turns VALUES(1,'{"version":1,"session":"docs-456","turn":"01a211b8-325a-7f3e-ada0-5718b358f569","at":"2026-11-25T08:00:13.914365599Z","state":"here"}');
CREATE TABLE victor_messages (
    hash BLOB NOT NULL PRIMARY KEY,
    message TEXT NOT NULL
) STRICT;
INSERT INTO victor_messages VALUES(X'893bafa383cad2fadf5bb23966e444c203504ad3a9c05074afd60e7d09928743','{"version":1,"id":"01a211b8-325a-791f-9e0e-0cb11e8b146c","role":"assistant","parts":[{"type":"text","text":"Hello, ''you''!\n"}]}');
INSERT INTO victor_messages VALUES(X'ab88b1cd001d4a69105dd5894757c6fabc2ab823344ed151fc0d98b2a030b77f','{"version":1,"id":"01a211b8-325a-7272-98af-dcbaaaa07c7d","role":"user","parts":[{"type":"text","text":"Hello"}]}');
CREATE TABLE victor_links (
    hash BLOB NOT NULL PRIMARY KEY,
    parent BLOB REFERENCES victor_links (hash),
    content BLOB NOT NULL REFERENCES victor_messages (hash),
    len INTEGER NOT NULL
) STRICT;
INSERT INTO victor_links VALUES(X'68200e17df570dc8d1e38115cea8dab1ccee61d6b2bd4c662fd138f0f7756175',NULL,X'ab88b1cd001d4a69105dd5894757c6fabc2ab823344ed151fc0d98b2a030b77f',1);
INSERT INTO victor_links VALUES(X'326aef0ed49b3ddbaa63522c5d24aad00687652f472de6ad68a2f064df8a2643',X'68200e17df570dc8d1e38115cea8dab1ccee61d6b2bd4c662fd138f0f7756175',X'893bafa383cad2fadf5bb23966e444c203504ad3a9c05074afd60e7d09928743',2);
CREATE TABLE victor_checkpoints (
    id TEXT NOT NULL PRIMARY KEY,
    session TEXT NOT NULL,
    head BLOB REFERENCES victor_links (hash),
    checkpoint TEXT NOT NULL
) STRICT;
INSERT INTO victor_checkpoints VALUES('01a211b8-325c-77a8-8198-5fbe63f56617','docs-456',X'326aef0ed49b3ddbaa63522c5d24aad00687652f472de6ad68a2f064df8a2643','{"version":1,"id":"01a211b8-325c-77a8-8198-5fbe63f56617","session":"docs-456","at":"2026-11-25T08:00:13.916586086Z","cause":"manual","label":"before","history":{"head":"326aef0ed49b3ddbaa63522c5d24aad00687652f472de6ad68a2f064df8a2643","len":2}}');
CREATE TABLE victor_events (
    id TEXT NOT NULL PRIMARY KEY,
    session TEXT,
    type TEXT NOT NULL,
    at INTEGER NOT NULL,
    event TEXT NOT NULL
) STRICT;
INSERT INTO victor_events VALUES('01a211b8-325d-79e5-8a60-7be20a0bab50',NULL,'turn_finished',1795593613917124,'{"version":1,"id":"01a211b8-325d-79e5-8a60-7be20a0bab50","type":"turn_finished","timestamp":"2026-11-25T08:00:13.917124054Z","data":{"tokens":7}}');
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
CREATE INDEX victor_sessions_by_time ON victor_sessions (updated_at DESC, id);
CREATE INDEX victor_sessions_by_expiry ON victor_sessions (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX victor_sessions_by_tag ON victor_session_tags (tag, session);
CREATE INDEX victor_links_by_parent ON victor_links (parent);
CREATE INDEX victor_links_by_content ON victor_links (content);
CREATE INDEX victor_checkpoints_by_session ON victor_checkpoints (session);
CREATE INDEX victor_checkpoints_by_head ON victor_checkpoints (head);
CREATE INDEX victor_events_by_session ON victor_events (session, at);
CREATE INDEX victor_events_by_type ON victor_events (type, at);
COMMIT;
