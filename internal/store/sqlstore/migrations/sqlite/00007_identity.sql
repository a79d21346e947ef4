-- Which ledger this is. The states that Terraform keeps name it, so that no other ledger is taken for it. A copy has the id of its source.

-- +goose Up
CREATE TABLE ledger_identity (
    one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    id  TEXT    NOT NULL
) STRICT;
INSERT INTO ledger_identity (one, id) VALUES (1, lower(hex(randomblob(16))));

-- +goose StatementBegin
CREATE TRIGGER ledger_identity_stays
BEFORE UPDATE ON ledger_identity
WHEN EXISTS (SELECT 1 FROM events)
BEGIN
    SELECT RAISE(ABORT, 'the id of a ledger never changes');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER ledger_identity_is_not_lost
BEFORE DELETE ON ledger_identity
BEGIN
    SELECT RAISE(ABORT, 'the id of a ledger never changes');
END;
-- +goose StatementEnd

-- Ledgers that this one replaces are few, and are looked up with every decision.
CREATE INDEX events_adopted ON events (seq) WHERE kind = 'ledger.adopted';
