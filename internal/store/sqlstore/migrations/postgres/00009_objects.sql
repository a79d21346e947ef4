-- What each event is about, so that a row that is read is compared with the last event about it, and so that a row that is missing is
-- missed. All of it is computed from the event, so it cannot be changed on its own. The answer is found by index, however long the history.

-- +goose Up

ALTER TABLE events
    -- object is the noun and the key of the row that the event tells of; NULL for an event that changes no row.
    ADD COLUMN object TEXT COLLATE "C" GENERATED ALWAYS AS (
        CASE WHEN strpos(kind, '.') = 0 OR right(kind, 8) = '.refused' OR left(kind, 7) = 'ledger.' OR left(kind, 13) = 'verification.' OR kind = 'deployment.resumed' THEN NULL
        ELSE split_part(kind, '.', 1) || '/' || subject END) STORED,
    -- Of the start of a deployment, and of its verification: where it is.
    ADD COLUMN place TEXT COLLATE "C" GENERATED ALWAYS AS (
        CASE WHEN kind IN ('deployment.started', 'deployment.verified') THEN ledger_field(data, 'pipeline') || '/' || ledger_field(data, 'environment') END) STORED,
    -- Of the start of a deployment: what it brings.
    ADD COLUMN brings TEXT COLLATE "C" GENERATED ALWAYS AS (
        CASE WHEN kind = 'deployment.started' THEN ledger_field(data, 'pipeline') || '/' || ledger_field(data, 'content', 'version') END) STORED,
    -- Of the start of a deployment that may begin a rollout: the stage, the rollout, and when it began.
    ADD COLUMN lane TEXT COLLATE "C" GENERATED ALWAYS AS (
        CASE WHEN kind = 'deployment.started' AND ledger_field(data, 'kind') IS DISTINCT FROM 'rollback' THEN ledger_field(data, 'pipeline') || '/' || ledger_field(data, 'stage') END) STORED,
    ADD COLUMN rollout TEXT COLLATE "C" GENERATED ALWAYS AS (
        CASE WHEN kind = 'deployment.started' AND ledger_field(data, 'kind') IS DISTINCT FROM 'rollback' THEN COALESCE(NULLIF(ledger_field(data, 'rollout'), ''), subject) END) STORED,
    ADD COLUMN began TEXT COLLATE "C" GENERATED ALWAYS AS (
        CASE WHEN kind = 'deployment.started' AND ledger_field(data, 'kind') IS DISTINCT FROM 'rollback' THEN ledger_field(data, 'created_at') END) STORED,
    -- Of the declaration of an environment: what it is a replica of.
    ADD COLUMN replica_of TEXT COLLATE "C" GENERATED ALWAYS AS (
        CASE WHEN kind = 'environment.declared' THEN ledger_field(data, 'replica_of') END) STORED;

CREATE INDEX events_by_object ON events (object, seq) WHERE object IS NOT NULL;
CREATE INDEX events_by_place ON events (place, kind, seq) WHERE place IS NOT NULL;
CREATE INDEX events_by_content ON events (brings, seq) WHERE brings IS NOT NULL;
CREATE INDEX events_by_lane ON events (lane, at) WHERE lane IS NOT NULL;
CREATE INDEX events_by_source ON events (replica_of, subject) WHERE replica_of IS NOT NULL;
