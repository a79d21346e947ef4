-- No statement reads by these indexes, and every write had to keep them up to date.

-- +goose Up
DROP INDEX deployments_by_environment;
DROP INDEX deployments_by_status;
DROP INDEX events_by_kind;
DROP INDEX events_by_subject;
