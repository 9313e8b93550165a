-- Prompts: a version is never changed, and a label points to one. Both outlive sessions.

CREATE TABLE victor_prompts (
    name TEXT NOT NULL,
    version INTEGER NOT NULL,
    at INTEGER NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (name, version)
) STRICT;

CREATE TABLE victor_prompt_labels (
    name TEXT NOT NULL,
    label TEXT NOT NULL,
    version INTEGER NOT NULL,
    PRIMARY KEY (name, label),
    FOREIGN KEY (name, version) REFERENCES victor_prompts (name, version)
) STRICT;
