-- Whoever deletes an environment asks for its replicas, so that question is not answered by reading every environment.

-- +goose Up

-- A document that cannot be read has none. It is told of by whoever asks for its environment.
-- +goose StatementBegin
CREATE FUNCTION ledger_replica_of(document TEXT) RETURNS TEXT LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN CAST(document AS json) ->> 'replica_of';
EXCEPTION WHEN invalid_text_representation OR untranslatable_character THEN
    RETURN NULL;
END
$$;
-- +goose StatementEnd

ALTER TABLE environments ADD COLUMN replica_of TEXT COLLATE "C" GENERATED ALWAYS AS (ledger_replica_of(document)) STORED;
CREATE INDEX environments_by_source ON environments (replica_of, name) WHERE replica_of IS NOT NULL;
