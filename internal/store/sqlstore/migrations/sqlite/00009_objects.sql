-- What each event is about, so that a row that is read is compared with the last event about it, and so that a row that is missing is
-- missed. All of it is computed from the event, so it cannot be changed on its own. The answer is found by index, however long the history.

-- +goose Up

-- object is the noun and the key of the row that the event tells of; NULL for an event that changes no row.
ALTER TABLE events ADD COLUMN object TEXT GENERATED ALWAYS AS (
    CASE WHEN instr(kind, '.') = 0 OR substr(kind, -8) = '.refused' OR substr(kind, 1, 7) = 'ledger.' OR substr(kind, 1, 13) = 'verification.' OR kind = 'deployment.resumed' THEN NULL
    ELSE substr(kind, 1, instr(kind, '.') - 1) || '/' || subject END) VIRTUAL;
-- Of the start of a deployment, and of its verification: where it is.
ALTER TABLE events ADD COLUMN place TEXT GENERATED ALWAYS AS (
    CASE WHEN kind IN ('deployment.started', 'deployment.verified') AND json_valid(data) THEN (data ->> '$.pipeline') || '/' || (data ->> '$.environment') END) VIRTUAL;
-- Of the start of a deployment: what it brings.
ALTER TABLE events ADD COLUMN brings TEXT GENERATED ALWAYS AS (
    CASE WHEN kind = 'deployment.started' AND json_valid(data) THEN (data ->> '$.pipeline') || '/' || (data ->> '$.content.version') END) VIRTUAL;
-- Of the start of a deployment that may begin a rollout: the stage, the rollout, and when it began.
ALTER TABLE events ADD COLUMN lane TEXT GENERATED ALWAYS AS (
    CASE WHEN kind = 'deployment.started' AND json_valid(data) AND data ->> '$.kind' IS NOT 'rollback' THEN (data ->> '$.pipeline') || '/' || (data ->> '$.stage') END) VIRTUAL;
ALTER TABLE events ADD COLUMN rollout TEXT GENERATED ALWAYS AS (
    CASE WHEN kind = 'deployment.started' AND json_valid(data) AND data ->> '$.kind' IS NOT 'rollback' THEN COALESCE(NULLIF(data ->> '$.rollout', ''), subject) END) VIRTUAL;
ALTER TABLE events ADD COLUMN began TEXT GENERATED ALWAYS AS (
    CASE WHEN kind = 'deployment.started' AND json_valid(data) AND data ->> '$.kind' IS NOT 'rollback' THEN data ->> '$.created_at' END) VIRTUAL;
-- Of the declaration of an environment: what it is a replica of.
ALTER TABLE events ADD COLUMN replica_of TEXT GENERATED ALWAYS AS (
    CASE WHEN kind = 'environment.declared' AND json_valid(data) THEN data ->> '$.replica_of' END) VIRTUAL;

CREATE INDEX events_by_object ON events (object, seq) WHERE object IS NOT NULL;
CREATE INDEX events_by_place ON events (place, kind, seq) WHERE place IS NOT NULL;
CREATE INDEX events_by_content ON events (brings, seq) WHERE brings IS NOT NULL;
CREATE INDEX events_by_lane ON events (lane, at) WHERE lane IS NOT NULL;
CREATE INDEX events_by_source ON events (replica_of, subject) WHERE replica_of IS NOT NULL;
