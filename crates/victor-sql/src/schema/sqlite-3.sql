-- The ledger: one entry for each attempt of a model call. It outlives its session, since what was spent was spent; an
-- entry holds names, counts and amounts, and nothing that was said. `pending` is 1 until the attempt has ended.

CREATE TABLE victor_ledger (
    id TEXT NOT NULL PRIMARY KEY,
    session TEXT,
    turn TEXT,
    at INTEGER NOT NULL,
    pending INTEGER NOT NULL,
    entry TEXT NOT NULL
) STRICT;
CREATE INDEX victor_ledger_by_time ON victor_ledger (at);
CREATE INDEX victor_ledger_by_session ON victor_ledger (session, at);
CREATE INDEX victor_ledger_by_turn ON victor_ledger (turn);

CREATE TABLE victor_ledger_tags (
    tag TEXT NOT NULL,
    entry TEXT NOT NULL REFERENCES victor_ledger (id) ON DELETE CASCADE,
    PRIMARY KEY (tag, entry)
) STRICT, WITHOUT ROWID;
CREATE INDEX victor_ledger_tags_by_entry ON victor_ledger_tags (entry);
