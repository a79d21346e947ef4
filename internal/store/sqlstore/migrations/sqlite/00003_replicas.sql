-- Whoever deletes an environment asks for its replicas, so that question is not answered by reading every environment.

-- +goose Up
ALTER TABLE environments ADD COLUMN replica_of TEXT
    GENERATED ALWAYS AS (CASE WHEN json_valid(document) THEN document ->> '$.replica_of' END) VIRTUAL;
CREATE INDEX environments_by_source ON environments (replica_of, name) WHERE replica_of IS NOT NULL;
