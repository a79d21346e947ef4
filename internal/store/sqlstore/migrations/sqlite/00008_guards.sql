-- Decisions and evidence keep what they say, and no object becomes another one.

-- +goose Up

-- +goose StatementBegin
CREATE TRIGGER approvals_stay
BEFORE DELETE ON approvals
BEGIN
    SELECT RAISE(ABORT, 'a decision is revoked, never deleted');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER approvals_keep_their_content
BEFORE UPDATE ON approvals
WHEN NEW.id <> OLD.id OR NEW.pipeline <> OLD.pipeline OR NEW.version <> OLD.version OR NEW.decided_at <> OLD.decided_at
    OR NEW.document ->> '$.spec.stage' IS NOT OLD.document ->> '$.spec.stage'
    OR NEW.document ->> '$.spec.decision' IS NOT OLD.document ->> '$.spec.decision'
    OR NEW.document ->> '$.spec.approver' IS NOT OLD.document ->> '$.spec.approver'
    OR NEW.document ->> '$.spec.signature' IS NOT OLD.document ->> '$.spec.signature'
    OR NEW.document ->> '$.content_digest' IS NOT OLD.document ->> '$.content_digest'
    OR NEW.document ->> '$.contents' IS NOT OLD.document ->> '$.contents'
    OR NEW.document ->> '$.number' IS NOT OLD.document ->> '$.number'
    OR NEW.document ->> '$.recorded_by' IS NOT OLD.document ->> '$.recorded_by'
    OR OLD.document ->> '$.revoked_at' IS NOT NULL AND NEW.document ->> '$.revoked_at' IS NOT OLD.document ->> '$.revoked_at'
BEGIN
    SELECT RAISE(ABORT, 'a decision never changes: it is revoked once');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER test_reports_keep_their_content
BEFORE UPDATE ON test_reports
WHEN NEW.id <> OLD.id OR NEW.pipeline <> OLD.pipeline OR NEW.version <> OLD.version OR NEW.recorded_at <> OLD.recorded_at
    OR NEW.document ->> '$.spec.suite' IS NOT OLD.document ->> '$.spec.suite'
    OR NEW.document ->> '$.spec.stage' IS NOT OLD.document ->> '$.spec.stage'
    OR NEW.document ->> '$.spec.environment' IS NOT OLD.document ->> '$.spec.environment'
    OR NEW.document ->> '$.check' IS NOT OLD.document ->> '$.check'
    OR NEW.document ->> '$.number' IS NOT OLD.document ->> '$.number'
    OR NEW.document ->> '$.digest' IS NOT OLD.document ->> '$.digest'
    OR NEW.document ->> '$.release_digest' IS NOT OLD.document ->> '$.release_digest'
    OR NEW.document ->> '$.counts.tests' IS NOT OLD.document ->> '$.counts.tests'
    OR NEW.document ->> '$.counts.failures' IS NOT OLD.document ->> '$.counts.failures'
    OR NEW.document ->> '$.counts.errors' IS NOT OLD.document ->> '$.counts.errors'
    OR NEW.document ->> '$.counts.skipped' IS NOT OLD.document ->> '$.counts.skipped'
    OR NEW.document ->> '$.recorded_by' IS NOT OLD.document ->> '$.recorded_by'
    OR OLD.document ->> '$.withdrawn_at' IS NOT NULL AND NEW.document ->> '$.withdrawn_at' IS NOT OLD.document ->> '$.withdrawn_at'
BEGIN
    SELECT RAISE(ABORT, 'evidence never changes: it is withdrawn once');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER overrides_keep_their_content
BEFORE UPDATE ON overrides
WHEN NEW.id <> OLD.id OR NEW.pipeline <> OLD.pipeline OR NEW.version <> OLD.version OR NEW.created_at <> OLD.created_at
    OR NEW.document ->> '$.spec.stage' IS NOT OLD.document ->> '$.spec.stage'
    OR NEW.document ->> '$.spec.gates' IS NOT OLD.document ->> '$.spec.gates'
    OR NEW.document ->> '$.spec.expires_at' IS NOT OLD.document ->> '$.spec.expires_at'
    OR NEW.document ->> '$.release_digest' IS NOT OLD.document ->> '$.release_digest'
    OR NEW.document ->> '$.actor' IS NOT OLD.document ->> '$.actor'
    OR OLD.document ->> '$.revoked_at' IS NOT NULL AND NEW.document ->> '$.revoked_at' IS NOT OLD.document ->> '$.revoked_at'
BEGIN
    SELECT RAISE(ABORT, 'an override never changes: it is revoked once');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER promotions_stay
BEFORE DELETE ON promotions
BEGIN
    SELECT RAISE(ABORT, 'a promotion is no longer managed, never deleted');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER promotions_keep_their_name
BEFORE UPDATE ON promotions
WHEN NEW.pipeline <> OLD.pipeline OR NEW.stage <> OLD.stage
BEGIN
    SELECT RAISE(ABORT, 'a promotion never becomes another one');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER environments_keep_their_name
BEFORE UPDATE ON environments
WHEN NEW.name <> OLD.name
BEGIN
    SELECT RAISE(ABORT, 'an environment never becomes another one');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER pipelines_keep_their_name
BEFORE UPDATE ON pipelines
WHEN NEW.name <> OLD.name
BEGIN
    SELECT RAISE(ABORT, 'a pipeline never becomes another one');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER freezes_keep_their_name
BEFORE UPDATE ON freezes
WHEN NEW.name <> OLD.name
BEGIN
    SELECT RAISE(ABORT, 'a freeze never becomes another one');
END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER policies_keep_their_name
BEFORE UPDATE ON policies
WHEN NEW.name <> OLD.name
BEGIN
    SELECT RAISE(ABORT, 'a policy never becomes another one');
END;
-- +goose StatementEnd

DROP TRIGGER deployments_keep_their_content;

-- +goose StatementBegin
CREATE TRIGGER deployments_keep_their_content
BEFORE UPDATE ON deployments
WHEN NEW.seq <> OLD.seq OR NEW.id <> OLD.id OR NEW.pipeline <> OLD.pipeline OR NEW.stage <> OLD.stage OR NEW.environment <> OLD.environment OR NEW.version <> OLD.version OR NEW.rollout <> OLD.rollout
    OR NEW.document ->> '$.content.release_digest' IS NOT OLD.document ->> '$.content.release_digest'
    OR NEW.document ->> '$.content.config_revision' IS NOT OLD.document ->> '$.content.config_revision'
    OR NEW.document ->> '$.kind' IS NOT OLD.document ->> '$.kind'
    OR NEW.document ->> '$.created_at' IS NOT OLD.document ->> '$.created_at'
BEGIN
    SELECT RAISE(ABORT, 'what a deployment brings where never changes');
END;
-- +goose StatementEnd
