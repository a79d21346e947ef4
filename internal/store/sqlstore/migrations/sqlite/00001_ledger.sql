-- The ledger. Each object is a JSON document; a column stands beside it only where a query filters by it or a constraint
-- needs it. Times are UTC microseconds.

-- +goose Up
CREATE TABLE environments (
    name     TEXT NOT NULL PRIMARY KEY,
    document TEXT NOT NULL
) STRICT;

CREATE TABLE pipelines (
    name     TEXT NOT NULL PRIMARY KEY,
    document TEXT NOT NULL
) STRICT;

CREATE TABLE releases (
    pipeline TEXT NOT NULL,
    version  TEXT NOT NULL,
    digest   TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (pipeline, version)
) STRICT;

-- +goose StatementBegin
CREATE TRIGGER releases_keep_their_content
BEFORE UPDATE ON releases
WHEN NEW.pipeline <> OLD.pipeline OR NEW.version <> OLD.version OR NEW.digest <> OLD.digest
BEGIN
    SELECT RAISE(ABORT, 'the content of a release never changes');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER releases_stay
BEFORE DELETE ON releases
BEGIN
    SELECT RAISE(ABORT, 'a release is retired, never deleted: a version is not given twice');
END;
-- +goose StatementEnd

CREATE TABLE promotions (
    pipeline TEXT NOT NULL,
    stage    TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (pipeline, stage)
) STRICT;

CREATE TABLE approvals (
    id         TEXT    NOT NULL PRIMARY KEY,
    pipeline   TEXT    NOT NULL,
    version    TEXT    NOT NULL,
    decided_at INTEGER NOT NULL,
    document   TEXT    NOT NULL
) STRICT;
CREATE INDEX approvals_by_release ON approvals (pipeline, version, decided_at, id);

CREATE TABLE deployments (
    seq         INTEGER NOT NULL PRIMARY KEY,
    id          TEXT    NOT NULL UNIQUE,
    pipeline    TEXT    NOT NULL,
    stage       TEXT    NOT NULL,
    environment TEXT    NOT NULL,
    version     TEXT    NOT NULL,
    rollout     TEXT    NOT NULL,
    status      TEXT    NOT NULL,
    verified_at INTEGER,
    document    TEXT    NOT NULL
) STRICT;
CREATE INDEX deployments_by_pipeline ON deployments (pipeline, seq);
CREATE INDEX deployments_by_place ON deployments (pipeline, environment, seq);
CREATE INDEX deployments_by_environment ON deployments (environment, seq);
CREATE INDEX deployments_by_version ON deployments (pipeline, version, seq);
CREATE INDEX deployments_by_rollout ON deployments (rollout, pipeline, seq);
CREATE INDEX deployments_by_status ON deployments (status, pipeline, seq);
CREATE INDEX deployments_verified ON deployments (pipeline, environment, seq) WHERE status = 'verified';
CREATE INDEX deployments_ever_verified ON deployments (pipeline, environment, seq) WHERE verified_at IS NOT NULL;
CREATE UNIQUE INDEX deployments_in_flight ON deployments (pipeline, environment) WHERE status IN ('deploying', 'verifying');

-- +goose StatementBegin
CREATE TRIGGER deployments_keep_their_content
BEFORE UPDATE ON deployments
WHEN NEW.seq <> OLD.seq OR NEW.id <> OLD.id OR NEW.pipeline <> OLD.pipeline
    OR NEW.environment <> OLD.environment OR NEW.version <> OLD.version
BEGIN
    SELECT RAISE(ABORT, 'what a deployment brings where never changes');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER deployments_stay
BEFORE DELETE ON deployments
BEGIN
    SELECT RAISE(ABORT, 'deployments are never deleted');
END;
-- +goose StatementEnd

CREATE TABLE events (
    seq      INTEGER NOT NULL PRIMARY KEY,
    at       INTEGER NOT NULL,
    actor    TEXT    NOT NULL,
    kind     TEXT    NOT NULL,
    subject  TEXT    NOT NULL,
    data     TEXT    NOT NULL,
    previous TEXT    NOT NULL,
    hash     TEXT    NOT NULL
) STRICT;
CREATE INDEX events_by_kind ON events (kind, seq);
CREATE INDEX events_by_subject ON events (subject, seq);

-- +goose StatementBegin
CREATE TRIGGER events_are_a_chain
BEFORE INSERT ON events
WHEN NEW.seq <> (SELECT COALESCE(MAX(seq), 0) + 1 FROM events)
    OR NEW.previous <> COALESCE((SELECT hash FROM events ORDER BY seq DESC LIMIT 1), '')
BEGIN
    SELECT RAISE(ABORT, 'an event is appended to the end of the chain only');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER events_do_not_change
BEFORE UPDATE ON events
BEGIN
    SELECT RAISE(ABORT, 'events are append-only');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER events_stay
BEFORE DELETE ON events
BEGIN
    SELECT RAISE(ABORT, 'events are append-only');
END;
-- +goose StatementEnd

CREATE TABLE leases (
    key     TEXT    NOT NULL PRIMARY KEY,
    holder  TEXT    NOT NULL,
    fence   INTEGER NOT NULL,
    expires INTEGER NOT NULL
) STRICT;
