-- Times are microseconds since 1970. What is a JSON text holds the whole thing; columns beside it are what is searched.

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
CREATE INDEX victor_sessions_by_time ON victor_sessions (updated_at DESC, id);
CREATE INDEX victor_sessions_by_expiry ON victor_sessions (expires_at) WHERE expires_at IS NOT NULL;

CREATE TABLE victor_session_tags (
    session INTEGER NOT NULL REFERENCES victor_sessions (key) ON DELETE CASCADE,
    tag TEXT NOT NULL,
    PRIMARY KEY (session, tag)
) STRICT, WITHOUT ROWID;
CREATE INDEX victor_sessions_by_tag ON victor_session_tags (tag, session);

CREATE TABLE victor_entries (
    session INTEGER NOT NULL REFERENCES victor_sessions (key) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    entry TEXT NOT NULL,
    PRIMARY KEY (session, number)
) STRICT;

CREATE TABLE victor_open_turns (
    session INTEGER PRIMARY KEY REFERENCES victor_sessions (key) ON DELETE CASCADE,
    turn TEXT NOT NULL
) STRICT;

CREATE TABLE victor_messages (
    hash BLOB NOT NULL PRIMARY KEY,
    message TEXT NOT NULL
) STRICT;

CREATE TABLE victor_links (
    hash BLOB NOT NULL PRIMARY KEY,
    parent BLOB REFERENCES victor_links (hash),
    content BLOB NOT NULL REFERENCES victor_messages (hash),
    len INTEGER NOT NULL
) STRICT;
CREATE INDEX victor_links_by_parent ON victor_links (parent);
CREATE INDEX victor_links_by_content ON victor_links (content);

CREATE TABLE victor_checkpoints (
    id TEXT NOT NULL PRIMARY KEY,
    session TEXT NOT NULL,
    head BLOB REFERENCES victor_links (hash),
    checkpoint TEXT NOT NULL
) STRICT;
CREATE INDEX victor_checkpoints_by_session ON victor_checkpoints (session);
CREATE INDEX victor_checkpoints_by_head ON victor_checkpoints (head);

CREATE TABLE victor_events (
    id TEXT NOT NULL PRIMARY KEY,
    session TEXT,
    type TEXT NOT NULL,
    at INTEGER NOT NULL,
    event TEXT NOT NULL
) STRICT;
CREATE INDEX victor_events_by_session ON victor_events (session, at);
CREATE INDEX victor_events_by_type ON victor_events (type, at);

-- What is for every session has `everywhere` 1 and an empty session, since a session may have any name.
CREATE TABLE victor_config (
    everywhere INTEGER NOT NULL,
    session TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (everywhere, session, key)
) STRICT;

CREATE TABLE victor_results (
    session TEXT NOT NULL,
    handle TEXT NOT NULL,
    text BLOB NOT NULL,
    PRIMARY KEY (session, handle)
) STRICT;

-- A call that has begun and not ended has no result.
CREATE TABLE victor_receipts (
    session TEXT NOT NULL,
    key TEXT NOT NULL,
    result TEXT,
    PRIMARY KEY (session, key)
) STRICT;
