-- Evidence, the decisions about the line, and when each stage was delivered to.

-- +goose Up
CREATE TABLE test_reports (
    id          TEXT    NOT NULL PRIMARY KEY,
    pipeline    TEXT    NOT NULL,
    version     TEXT    NOT NULL,
    recorded_at INTEGER NOT NULL,
    document    TEXT    NOT NULL
) STRICT;
CREATE INDEX test_reports_by_release ON test_reports (pipeline, version, recorded_at, id);

-- +goose StatementBegin
CREATE TRIGGER test_reports_stay
BEFORE DELETE ON test_reports
BEGIN
    SELECT RAISE(ABORT, 'a test report is withdrawn, never deleted');
END;
-- +goose StatementEnd

CREATE TABLE freezes (
    name     TEXT NOT NULL PRIMARY KEY,
    document TEXT NOT NULL
) STRICT;

CREATE TABLE policies (
    name     TEXT NOT NULL PRIMARY KEY,
    document TEXT NOT NULL
) STRICT;

CREATE TABLE overrides (
    id         TEXT    NOT NULL PRIMARY KEY,
    pipeline   TEXT    NOT NULL,
    version    TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    document   TEXT    NOT NULL
) STRICT;
CREATE INDEX overrides_by_release ON overrides (pipeline, version, created_at, id);

-- +goose StatementBegin
CREATE TRIGGER overrides_stay
BEFORE DELETE ON overrides
BEGIN
    SELECT RAISE(ABORT, 'an override is revoked, never deleted');
END;
-- +goose StatementEnd

-- A rollout begins with its first deployment that takes nothing back: seq and started_at are that deployment's.
CREATE TABLE rollouts (
    pipeline   TEXT    NOT NULL,
    stage      TEXT    NOT NULL,
    seq        INTEGER NOT NULL,
    rollout    TEXT    NOT NULL,
    started_at INTEGER NOT NULL,
    PRIMARY KEY (pipeline, stage, seq)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX rollouts_by_name ON rollouts (pipeline, stage, rollout);

-- What was deployed before there was this table. The moment stands in the document as text, in UTC, with up to six digits
-- after the second. A document that cannot be read is told of by whoever asks for its deployment.
INSERT INTO rollouts (pipeline, stage, seq, rollout, started_at)
SELECT pipeline, stage, seq, rollout, unixepoch(substr(at, 1, 19)) * 1000000 + CAST(substr(rtrim(substr(at, 21), 'Z') || '000000', 1, 6) AS INTEGER)
FROM (
    SELECT pipeline, stage, seq, COALESCE(NULLIF(rollout, ''), id) AS rollout, document ->> '$.created_at' AS at
    FROM deployments
    WHERE json_valid(document) AND document ->> '$.kind' IS NOT 'rollback'
)
WHERE unixepoch(substr(at, 1, 19)) IS NOT NULL
ORDER BY seq
ON CONFLICT (pipeline, stage, rollout) DO NOTHING;

-- +goose StatementBegin
CREATE TRIGGER rollouts_do_not_change
BEFORE UPDATE ON rollouts
BEGIN
    SELECT RAISE(ABORT, 'when a rollout began never changes');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER rollouts_stay
BEFORE DELETE ON rollouts
BEGIN
    SELECT RAISE(ABORT, 'when a rollout began never changes');
END;
-- +goose StatementEnd
