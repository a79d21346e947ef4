-- What processes do and see, for all of them to tell. Like leases these are no part of the history: they say nothing in another database.

-- +goose Up
CREATE TABLE work (
    pipeline  TEXT COLLATE "C" NOT NULL,
    stage     TEXT COLLATE "C" NOT NULL,
    number    BIGINT           NOT NULL,
    cancelled BIGINT           NOT NULL,
    expires   BIGINT           NOT NULL,
    document  TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (pipeline, stage)
);

CREATE TABLE observations (
    pipeline TEXT COLLATE "C" NOT NULL,
    subject  TEXT COLLATE "C" NOT NULL,
    document TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (pipeline, subject)
);
