-- The ledger. Each object is a JSON document; a column stands beside it only where a query filters by it or a constraint
-- needs it. Times are UTC microseconds. Texts are compared byte by byte, whatever the database's collation: that is the order
-- in which lists are sorted everywhere.

-- +goose Up

-- ledger_refuse is for triggers: it refuses what they are fired by, in the words of their argument.
-- +goose StatementBegin
CREATE FUNCTION ledger_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = 'integrity_constraint_violation';
END
$$;
-- +goose StatementEnd

-- Whoever writes locks this table first, until their transaction ends. It stays empty.
CREATE TABLE ledger_turn (nothing BIGINT NOT NULL);

CREATE TABLE environments (
    name     TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    document TEXT COLLATE "C" NOT NULL
);

CREATE TABLE pipelines (
    name     TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    document TEXT COLLATE "C" NOT NULL
);

CREATE TABLE releases (
    pipeline TEXT COLLATE "C" NOT NULL,
    version  TEXT COLLATE "C" NOT NULL,
    digest   TEXT COLLATE "C" NOT NULL,
    document TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (pipeline, version)
);

CREATE TRIGGER releases_keep_their_content
BEFORE UPDATE ON releases
FOR EACH ROW WHEN (NEW.pipeline <> OLD.pipeline OR NEW.version <> OLD.version OR NEW.digest <> OLD.digest)
EXECUTE FUNCTION ledger_refuse('the content of a release never changes');

CREATE TRIGGER releases_stay
BEFORE DELETE ON releases FOR EACH ROW
EXECUTE FUNCTION ledger_refuse('a release is retired, never deleted: a version is not given twice');

CREATE TRIGGER releases_stay_whole
BEFORE TRUNCATE ON releases
EXECUTE FUNCTION ledger_refuse('a release is retired, never deleted: a version is not given twice');

CREATE TABLE promotions (
    pipeline TEXT COLLATE "C" NOT NULL,
    stage    TEXT COLLATE "C" NOT NULL,
    document TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (pipeline, stage)
);

CREATE TABLE approvals (
    id         TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    pipeline   TEXT COLLATE "C" NOT NULL,
    version    TEXT COLLATE "C" NOT NULL,
    decided_at BIGINT           NOT NULL,
    document   TEXT COLLATE "C" NOT NULL
);
CREATE INDEX approvals_by_release ON approvals (pipeline, version, decided_at, id);

CREATE TABLE deployments (
    seq         BIGINT           NOT NULL PRIMARY KEY,
    id          TEXT COLLATE "C" NOT NULL UNIQUE,
    pipeline    TEXT COLLATE "C" NOT NULL,
    stage       TEXT COLLATE "C" NOT NULL,
    environment TEXT COLLATE "C" NOT NULL,
    version     TEXT COLLATE "C" NOT NULL,
    rollout     TEXT COLLATE "C" NOT NULL,
    status      TEXT COLLATE "C" NOT NULL,
    verified_at BIGINT,
    document    TEXT COLLATE "C" NOT NULL
);
CREATE INDEX deployments_by_pipeline ON deployments (pipeline, seq);
CREATE INDEX deployments_by_place ON deployments (pipeline, environment, seq);
CREATE INDEX deployments_by_environment ON deployments (environment, seq);
CREATE INDEX deployments_by_version ON deployments (pipeline, version, seq);
CREATE INDEX deployments_by_rollout ON deployments (rollout, pipeline, seq);
CREATE INDEX deployments_by_status ON deployments (status, pipeline, seq);
CREATE INDEX deployments_verified ON deployments (pipeline, environment, seq) WHERE status = 'verified';
CREATE INDEX deployments_ever_verified ON deployments (pipeline, environment, seq) WHERE verified_at IS NOT NULL;
CREATE UNIQUE INDEX deployments_in_flight ON deployments (pipeline, environment) WHERE status IN ('deploying', 'verifying');

CREATE TRIGGER deployments_keep_their_content
BEFORE UPDATE ON deployments
FOR EACH ROW WHEN (NEW.seq <> OLD.seq OR NEW.id <> OLD.id OR NEW.pipeline <> OLD.pipeline
    OR NEW.environment <> OLD.environment OR NEW.version <> OLD.version)
EXECUTE FUNCTION ledger_refuse('what a deployment brings where never changes');

CREATE TRIGGER deployments_stay
BEFORE DELETE ON deployments FOR EACH ROW
EXECUTE FUNCTION ledger_refuse('deployments are never deleted');

CREATE TRIGGER deployments_stay_whole
BEFORE TRUNCATE ON deployments
EXECUTE FUNCTION ledger_refuse('deployments are never deleted');

CREATE TABLE events (
    seq      BIGINT           NOT NULL PRIMARY KEY,
    at       BIGINT           NOT NULL,
    actor    TEXT COLLATE "C" NOT NULL,
    kind     TEXT COLLATE "C" NOT NULL,
    subject  TEXT COLLATE "C" NOT NULL,
    data     TEXT COLLATE "C" NOT NULL,
    previous TEXT COLLATE "C" NOT NULL,
    hash     TEXT COLLATE "C" NOT NULL
);
CREATE INDEX events_by_kind ON events (kind, seq);
CREATE INDEX events_by_subject ON events (subject, seq);

-- The table is named as the trigger knows it, so that no other table of that name can stand in for it.
-- +goose StatementBegin
CREATE FUNCTION ledger_chain() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    last_seq  BIGINT;
    last_hash TEXT;
BEGIN
    EXECUTE format('SELECT seq, hash FROM %I.%I ORDER BY seq DESC LIMIT 1', TG_TABLE_SCHEMA, TG_TABLE_NAME) INTO last_seq, last_hash;
    IF NEW.seq <> COALESCE(last_seq, 0) + 1 OR NEW.previous <> COALESCE(last_hash, '') THEN
        RAISE EXCEPTION 'an event is appended to the end of the chain only' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;
-- +goose StatementEnd

CREATE TRIGGER events_are_a_chain
BEFORE INSERT ON events FOR EACH ROW
EXECUTE FUNCTION ledger_chain();

CREATE TRIGGER events_do_not_change
BEFORE UPDATE ON events FOR EACH ROW
EXECUTE FUNCTION ledger_refuse('events are append-only');

CREATE TRIGGER events_stay
BEFORE DELETE ON events FOR EACH ROW
EXECUTE FUNCTION ledger_refuse('events are append-only');

CREATE TRIGGER events_stay_whole
BEFORE TRUNCATE ON events
EXECUTE FUNCTION ledger_refuse('events are append-only');

CREATE TABLE leases (
    key     TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    holder  TEXT COLLATE "C" NOT NULL,
    fence   BIGINT           NOT NULL,
    expires BIGINT           NOT NULL
);
