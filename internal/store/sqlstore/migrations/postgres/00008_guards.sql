-- Decisions and evidence keep what they say, and no object becomes another one.

-- +goose Up

-- A document that cannot be read has no fields. Reading its object reports it.
-- +goose StatementBegin
CREATE FUNCTION ledger_field(document TEXT, VARIADIC path TEXT[]) RETURNS TEXT LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN CAST(document AS json) #>> path;
EXCEPTION WHEN invalid_text_representation OR untranslatable_character THEN
    RETURN NULL;
END
$$;
-- +goose StatementEnd

CREATE TRIGGER approvals_stay
BEFORE DELETE ON approvals FOR EACH ROW
EXECUTE FUNCTION ledger_refuse('a decision is revoked, never deleted');

CREATE TRIGGER approvals_stay_whole
BEFORE TRUNCATE ON approvals
EXECUTE FUNCTION ledger_refuse('a decision is revoked, never deleted');

CREATE TRIGGER approvals_keep_their_content
BEFORE UPDATE ON approvals
FOR EACH ROW WHEN (NEW.id <> OLD.id OR NEW.pipeline <> OLD.pipeline OR NEW.version <> OLD.version OR NEW.decided_at <> OLD.decided_at
    OR ledger_field(NEW.document, 'spec', 'stage') IS DISTINCT FROM ledger_field(OLD.document, 'spec', 'stage')
    OR ledger_field(NEW.document, 'spec', 'decision') IS DISTINCT FROM ledger_field(OLD.document, 'spec', 'decision')
    OR ledger_field(NEW.document, 'spec', 'approver') IS DISTINCT FROM ledger_field(OLD.document, 'spec', 'approver')
    OR ledger_field(NEW.document, 'spec', 'signature') IS DISTINCT FROM ledger_field(OLD.document, 'spec', 'signature')
    OR ledger_field(NEW.document, 'content_digest') IS DISTINCT FROM ledger_field(OLD.document, 'content_digest')
    OR ledger_field(NEW.document, 'contents') IS DISTINCT FROM ledger_field(OLD.document, 'contents')
    OR ledger_field(NEW.document, 'number') IS DISTINCT FROM ledger_field(OLD.document, 'number')
    OR ledger_field(NEW.document, 'recorded_by') IS DISTINCT FROM ledger_field(OLD.document, 'recorded_by')
    OR ledger_field(OLD.document, 'revoked_at') IS NOT NULL AND ledger_field(NEW.document, 'revoked_at') IS DISTINCT FROM ledger_field(OLD.document, 'revoked_at'))
EXECUTE FUNCTION ledger_refuse('a decision never changes: it is revoked once');

CREATE TRIGGER test_reports_keep_their_content
BEFORE UPDATE ON test_reports
FOR EACH ROW WHEN (NEW.id <> OLD.id OR NEW.pipeline <> OLD.pipeline OR NEW.version <> OLD.version OR NEW.recorded_at <> OLD.recorded_at
    OR ledger_field(NEW.document, 'spec', 'suite') IS DISTINCT FROM ledger_field(OLD.document, 'spec', 'suite')
    OR ledger_field(NEW.document, 'spec', 'stage') IS DISTINCT FROM ledger_field(OLD.document, 'spec', 'stage')
    OR ledger_field(NEW.document, 'spec', 'environment') IS DISTINCT FROM ledger_field(OLD.document, 'spec', 'environment')
    OR ledger_field(NEW.document, 'check') IS DISTINCT FROM ledger_field(OLD.document, 'check')
    OR ledger_field(NEW.document, 'number') IS DISTINCT FROM ledger_field(OLD.document, 'number')
    OR ledger_field(NEW.document, 'digest') IS DISTINCT FROM ledger_field(OLD.document, 'digest')
    OR ledger_field(NEW.document, 'release_digest') IS DISTINCT FROM ledger_field(OLD.document, 'release_digest')
    OR ledger_field(NEW.document, 'counts', 'tests') IS DISTINCT FROM ledger_field(OLD.document, 'counts', 'tests')
    OR ledger_field(NEW.document, 'counts', 'failures') IS DISTINCT FROM ledger_field(OLD.document, 'counts', 'failures')
    OR ledger_field(NEW.document, 'counts', 'errors') IS DISTINCT FROM ledger_field(OLD.document, 'counts', 'errors')
    OR ledger_field(NEW.document, 'counts', 'skipped') IS DISTINCT FROM ledger_field(OLD.document, 'counts', 'skipped')
    OR ledger_field(NEW.document, 'recorded_by') IS DISTINCT FROM ledger_field(OLD.document, 'recorded_by')
    OR ledger_field(OLD.document, 'withdrawn_at') IS NOT NULL AND ledger_field(NEW.document, 'withdrawn_at') IS DISTINCT FROM ledger_field(OLD.document, 'withdrawn_at'))
EXECUTE FUNCTION ledger_refuse('evidence never changes: it is withdrawn once');

CREATE TRIGGER overrides_keep_their_content
BEFORE UPDATE ON overrides
FOR EACH ROW WHEN (NEW.id <> OLD.id OR NEW.pipeline <> OLD.pipeline OR NEW.version <> OLD.version OR NEW.created_at <> OLD.created_at
    OR ledger_field(NEW.document, 'spec', 'stage') IS DISTINCT FROM ledger_field(OLD.document, 'spec', 'stage')
    OR ledger_field(NEW.document, 'spec', 'gates') IS DISTINCT FROM ledger_field(OLD.document, 'spec', 'gates')
    OR ledger_field(NEW.document, 'spec', 'expires_at') IS DISTINCT FROM ledger_field(OLD.document, 'spec', 'expires_at')
    OR ledger_field(NEW.document, 'release_digest') IS DISTINCT FROM ledger_field(OLD.document, 'release_digest')
    OR ledger_field(NEW.document, 'actor') IS DISTINCT FROM ledger_field(OLD.document, 'actor')
    OR ledger_field(OLD.document, 'revoked_at') IS NOT NULL AND ledger_field(NEW.document, 'revoked_at') IS DISTINCT FROM ledger_field(OLD.document, 'revoked_at'))
EXECUTE FUNCTION ledger_refuse('an override never changes: it is revoked once');

CREATE TRIGGER promotions_stay
BEFORE DELETE ON promotions FOR EACH ROW
EXECUTE FUNCTION ledger_refuse('a promotion is no longer managed, never deleted');

CREATE TRIGGER promotions_stay_whole
BEFORE TRUNCATE ON promotions
EXECUTE FUNCTION ledger_refuse('a promotion is no longer managed, never deleted');

CREATE TRIGGER promotions_keep_their_name
BEFORE UPDATE ON promotions
FOR EACH ROW WHEN (NEW.pipeline <> OLD.pipeline OR NEW.stage <> OLD.stage)
EXECUTE FUNCTION ledger_refuse('a promotion never becomes another one');

CREATE TRIGGER environments_keep_their_name
BEFORE UPDATE ON environments
FOR EACH ROW WHEN (NEW.name <> OLD.name)
EXECUTE FUNCTION ledger_refuse('an environment never becomes another one');

CREATE TRIGGER pipelines_keep_their_name
BEFORE UPDATE ON pipelines
FOR EACH ROW WHEN (NEW.name <> OLD.name)
EXECUTE FUNCTION ledger_refuse('a pipeline never becomes another one');

CREATE TRIGGER freezes_keep_their_name
BEFORE UPDATE ON freezes
FOR EACH ROW WHEN (NEW.name <> OLD.name)
EXECUTE FUNCTION ledger_refuse('a freeze never becomes another one');

CREATE TRIGGER policies_keep_their_name
BEFORE UPDATE ON policies
FOR EACH ROW WHEN (NEW.name <> OLD.name)
EXECUTE FUNCTION ledger_refuse('a policy never becomes another one');

CREATE TRIGGER environments_are_not_emptied
BEFORE TRUNCATE ON environments
EXECUTE FUNCTION ledger_refuse('environments are deleted one by one, each with its event');

CREATE TRIGGER pipelines_are_not_emptied
BEFORE TRUNCATE ON pipelines
EXECUTE FUNCTION ledger_refuse('pipelines are deleted one by one, each with its event');

CREATE TRIGGER freezes_are_not_emptied
BEFORE TRUNCATE ON freezes
EXECUTE FUNCTION ledger_refuse('freezes are deleted one by one, each with its event');

CREATE TRIGGER policies_are_not_emptied
BEFORE TRUNCATE ON policies
EXECUTE FUNCTION ledger_refuse('policies are deleted one by one, each with its event');

DROP TRIGGER deployments_keep_their_content ON deployments;

CREATE TRIGGER deployments_keep_their_content
BEFORE UPDATE ON deployments
FOR EACH ROW WHEN (NEW.seq <> OLD.seq OR NEW.id <> OLD.id OR NEW.pipeline <> OLD.pipeline OR NEW.stage <> OLD.stage OR NEW.environment <> OLD.environment OR NEW.version <> OLD.version OR NEW.rollout <> OLD.rollout
    OR ledger_field(NEW.document, 'content', 'release_digest') IS DISTINCT FROM ledger_field(OLD.document, 'content', 'release_digest')
    OR ledger_field(NEW.document, 'content', 'config_revision') IS DISTINCT FROM ledger_field(OLD.document, 'content', 'config_revision')
    OR ledger_field(NEW.document, 'kind') IS DISTINCT FROM ledger_field(OLD.document, 'kind')
    OR ledger_field(NEW.document, 'created_at') IS DISTINCT FROM ledger_field(OLD.document, 'created_at'))
EXECUTE FUNCTION ledger_refuse('what a deployment brings where never changes');
