-- Which ledger this is. The states that Terraform keeps name it, so that no other ledger is taken for it. A copy has the id of its source.

-- +goose Up
CREATE TABLE ledger_identity (
    one BIGINT           NOT NULL PRIMARY KEY CHECK (one = 1),
    id  TEXT COLLATE "C" NOT NULL
);
INSERT INTO ledger_identity (one, id) VALUES (1, replace(CAST(gen_random_uuid() AS text), '-', ''));

-- The table of events is named as the trigger knows its schema, so that no other table of that name can stand in for it.
-- +goose StatementBegin
CREATE FUNCTION ledger_identity_stays() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    begun BOOLEAN;
BEGIN
    EXECUTE format('SELECT EXISTS (SELECT 1 FROM %I.events)', TG_TABLE_SCHEMA) INTO begun;
    IF begun THEN
        RAISE EXCEPTION 'the id of a ledger never changes' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END
$$;
-- +goose StatementEnd

CREATE TRIGGER ledger_identity_stays
BEFORE UPDATE ON ledger_identity FOR EACH ROW
EXECUTE FUNCTION ledger_identity_stays();

CREATE TRIGGER ledger_identity_is_not_lost
BEFORE DELETE ON ledger_identity FOR EACH ROW
EXECUTE FUNCTION ledger_refuse('the id of a ledger never changes');

CREATE TRIGGER ledger_identity_is_not_lost_whole
BEFORE TRUNCATE ON ledger_identity
EXECUTE FUNCTION ledger_refuse('the id of a ledger never changes');

-- Ledgers that this one replaces are few, and are looked up with every decision.
CREATE INDEX events_adopted ON events (seq) WHERE kind = 'ledger.adopted';
