-- A database of schema 2, as `sqlite3 .dump` writes it. It is never changed.
BEGIN TRANSACTION;
CREATE TABLE victor_schema (version BIGINT NOT NULL PRIMARY KEY);
INSERT INTO victor_schema VALUES(1);
INSERT INTO victor_schema VALUES(2);
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
INSERT INTO victor_sessions VALUES(1,'docs-456',2,1796048588929868,'open','Docs',NULL,'{"version":1,"id":"docs-456","entries":2,"created_at":"2026-11-30T14:23:08.929868468Z","updated_at":"2026-11-30T14:23:08.929868Z","title":"Docs","tags":["work"],"metadata":{}}',1,'{"id":"owner","name":"process 4711"}','01a22cd6-9075-7f3f-bb4a-755e2a4e5d1d',1796048588930000,1796048588930000);
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
INSERT INTO victor_entries VALUES(1,0,'{"version":1,"at":"2026-11-30T14:23:08.917510997Z","turn":"01a22cd6-9075-7f3f-bb4a-755e2a4e5d1d","message":{"version":1,"id":"01a22cd6-9075-70da-b1ec-ec295079d60e","role":"user","parts":[{"type":"text","text":"Hello"}]}}');
INSERT INTO victor_entries VALUES(1,1,'{"version":1,"at":"2026-11-30T14:23:08.917518328Z","turn":"01a22cd6-9075-7f3f-bb4a-755e2a4e5d1d","message":{"version":1,"id":"01a22cd6-9075-7eee-abef-bf0751547367","role":"assistant","parts":[{"type":"text","text":"Hello, ''you''!\n"}]}}');
CREATE TABLE victor_open_turns (
    session INTEGER PRIMARY KEY REFERENCES victor_sessions (key) ON DELETE CASCADE,
    turn TEXT NOT NULL
) STRICT;
INSERT INTO victor_open_turns VALUES(1,'{"version":1,"session":"docs-456","turn":"01a22cd6-9075-7f3f-bb4a-755e2a4e5d1d","at":"2026-11-30T14:23:08.917523285Z","state":"here"}');
CREATE TABLE victor_messages (
    hash BLOB NOT NULL PRIMARY KEY,
    message TEXT NOT NULL
) STRICT;
INSERT INTO victor_messages VALUES(X'6c02015dccca0be594ad67daa87a36fb90fee84972b6e723be731f9f7d946626','{"version":1,"id":"01a22cd6-9075-70da-b1ec-ec295079d60e","role":"user","parts":[{"type":"text","text":"Hello"}]}');
INSERT INTO victor_messages VALUES(X'e9259d9a4e9b73bfb45cbb1415530ede3f581b6c5b51cda0f4cadc6e36cd1e01','{"version":1,"id":"01a22cd6-9075-7eee-abef-bf0751547367","role":"assistant","parts":[{"type":"text","text":"Hello, ''you''!\n"}]}');
CREATE TABLE victor_links (
    hash BLOB NOT NULL PRIMARY KEY,
    parent BLOB REFERENCES victor_links (hash),
    content BLOB NOT NULL REFERENCES victor_messages (hash),
    len INTEGER NOT NULL
) STRICT;
INSERT INTO victor_links VALUES(X'555f86c45d416da7dfa2a05dd92914af9d5081ad9b71819af6fe5b1b09231405',NULL,X'6c02015dccca0be594ad67daa87a36fb90fee84972b6e723be731f9f7d946626',1);
INSERT INTO victor_links VALUES(X'35a3a66b3af306dd8528a1ed3cf3a16d4abbf077229b6aa2730c6d1560e822a0',X'555f86c45d416da7dfa2a05dd92914af9d5081ad9b71819af6fe5b1b09231405',X'e9259d9a4e9b73bfb45cbb1415530ede3f581b6c5b51cda0f4cadc6e36cd1e01',2);
CREATE TABLE victor_checkpoints (
    id TEXT NOT NULL PRIMARY KEY,
    session TEXT NOT NULL,
    head BLOB REFERENCES victor_links (hash),
    checkpoint TEXT NOT NULL
) STRICT;
INSERT INTO victor_checkpoints VALUES('01a22cd6-9083-7a64-a64b-8f875228bc04','docs-456',X'35a3a66b3af306dd8528a1ed3cf3a16d4abbf077229b6aa2730c6d1560e822a0','{"version":1,"id":"01a22cd6-9083-7a64-a64b-8f875228bc04","session":"docs-456","at":"2026-11-30T14:23:08.93191816Z","cause":"manual","label":"before","history":{"head":"35a3a66b3af306dd8528a1ed3cf3a16d4abbf077229b6aa2730c6d1560e822a0","len":2}}');
CREATE TABLE victor_events (
    id TEXT NOT NULL PRIMARY KEY,
    session TEXT,
    type TEXT NOT NULL,
    at INTEGER NOT NULL,
    event TEXT NOT NULL
) STRICT;
INSERT INTO victor_events VALUES('01a22cd6-9084-76fd-84dd-47e006b5f326',NULL,'turn_finished',1796048588932385,'{"version":1,"id":"01a22cd6-9084-76fd-84dd-47e006b5f326","type":"turn_finished","timestamp":"2026-11-30T14:23:08.932385107Z","data":{"tokens":7}}');
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
