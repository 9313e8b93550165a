-- Prompts: a version is never changed, and a label points to one. Both outlive sessions.

CREATE TABLE victor_prompts (
    name TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    at BIGINT NOT NULL,
    text TEXT NOT NULL,
    PRIMARY KEY (name, version)
);

CREATE TABLE victor_prompt_labels (
    name TEXT COLLATE "C" NOT NULL,
    label TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (name, label),
    FOREIGN KEY (name, version) REFERENCES victor_prompts (name, version)
);
