-- Gates count the rollouts that began within a while: a few, however many came before.

-- +goose Up
CREATE INDEX rollouts_by_start ON rollouts (pipeline, stage, started_at, seq);
