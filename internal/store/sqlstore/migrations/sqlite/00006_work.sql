-- What processes do and see, for all of them to tell. Like leases these are no part of the history: they say nothing in another database.

-- +goose Up
CREATE TABLE work (
    pipeline  TEXT    NOT NULL,
    stage     TEXT    NOT NULL,
    number    INTEGER NOT NULL,
    cancelled INTEGER NOT NULL,
    expires   INTEGER NOT NULL,
    document  TEXT    NOT NULL,
    PRIMARY KEY (pipeline, stage)
) STRICT, WITHOUT ROWID;

CREATE TABLE observations (
    pipeline TEXT NOT NULL,
    subject  TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (pipeline, subject)
) STRICT, WITHOUT ROWID;
