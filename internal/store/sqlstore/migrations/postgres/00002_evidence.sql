-- Evidence, the decisions about the line, and when each stage was delivered to.

-- +goose Up
CREATE TABLE test_reports (
    id          TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    pipeline    TEXT COLLATE "C" NOT NULL,
    version     TEXT COLLATE "C" NOT NULL,
    recorded_at BIGINT           NOT NULL,
    document    TEXT COLLATE "C" NOT NULL
);
CREATE INDEX test_reports_by_release ON test_reports (pipeline, version, recorded_at, id);

CREATE TRIGGER test_reports_stay
BEFORE DELETE ON test_reports FOR EACH ROW
EXECUTE FUNCTION ledger_refuse('a test report is withdrawn, never deleted');

CREATE TRIGGER test_reports_stay_whole
BEFORE TRUNCATE ON test_reports
EXECUTE FUNCTION ledger_refuse('a test report is withdrawn, never deleted');

CREATE TABLE freezes (
    name     TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    document TEXT COLLATE "C" NOT NULL
);

CREATE TABLE policies (
    name     TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    document TEXT COLLATE "C" NOT NULL
);

CREATE TABLE overrides (
    id         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    pipeline   TEXT COLLATE "C" NOT NULL,
    version    TEXT COLLATE "C" NOT NULL,
    created_at BIGINT           NOT NULL,
    document   TEXT COLLATE "C" NOT NULL
);
CREATE INDEX overrides_by_release ON overrides (pipeline, version, created_at, id);

CREATE TRIGGER overrides_stay
BEFORE DELETE ON overrides FOR EACH ROW
EXECUTE FUNCTION ledger_refuse('an override is revoked, never deleted');

CREATE TRIGGER overrides_stay_whole
BEFORE TRUNCATE ON overrides
EXECUTE FUNCTION ledger_refuse('an override is revoked, never deleted');

-- A rollout begins with its first deployment that takes nothing back: seq and started_at are that deployment's.
CREATE TABLE rollouts (
    pipeline   TEXT COLLATE "C" NOT NULL,
    stage      TEXT COLLATE "C" NOT NULL,
    seq        BIGINT           NOT NULL,
    rollout    TEXT COLLATE "C" NOT NULL,
    started_at BIGINT           NOT NULL,
    PRIMARY KEY (pipeline, stage, seq)
);
CREATE UNIQUE INDEX rollouts_by_name ON rollouts (pipeline, stage, rollout);

CREATE TRIGGER rollouts_do_not_change
BEFORE UPDATE ON rollouts FOR EACH ROW
EXECUTE FUNCTION ledger_refuse('when a rollout began never changes');

CREATE TRIGGER rollouts_stay
BEFORE DELETE ON rollouts FOR EACH ROW
EXECUTE FUNCTION ledger_refuse('when a rollout began never changes');

CREATE TRIGGER rollouts_stay_whole
BEFORE TRUNCATE ON rollouts
EXECUTE FUNCTION ledger_refuse('when a rollout began never changes');
