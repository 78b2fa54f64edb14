-- A message in quarantine can be mended by an operator. What it was before stands in the act, to the last byte: nothing is lost by
-- an edit, and `quarantine_acts` tells who changed what.

ALTER TABLE quarantine_acts
    ADD COLUMN body bytea,
    DROP CONSTRAINT quarantine_acts_act_check,
    ADD CONSTRAINT quarantine_acts_act_check CHECK (act IN ('retried', 'requeued', 'discarded', 'edited')),
    -- The body before the edit.
    ADD CONSTRAINT quarantine_acts_body_check CHECK ((act = 'edited') = (body IS NOT NULL));

-- A body changes by an act of the same transaction that keeps the one before, and by nothing else: not even the owner's.
CREATE FUNCTION quarantine_check_edited() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF old.resolved_at IS NOT NULL THEN
        PERFORM candlepost_refuse(format('message %s has left quarantine', old.id));
    END IF;
    IF NOT candlepost_may_act() AND NOT candlepost_is_owner() THEN
        PERFORM candlepost_refuse('messages are edited by operators only');
    END IF;
    IF NOT EXISTS (
        SELECT FROM quarantine_acts
        WHERE quarantine_id = old.id AND act = 'edited' AND acted_at = now() AND body = old.body) THEN
        PERFORM candlepost_refuse(format('message %s is edited by an act that keeps what it was, and by nothing else', old.id));
    END IF;
    RETURN new;
END $$;

CREATE TRIGGER quarantine_check_edited BEFORE UPDATE OF body ON quarantine
    FOR EACH ROW WHEN (new.body IS DISTINCT FROM old.body) EXECUTE FUNCTION quarantine_check_edited();

-- What the act keeps is the body that the message has, whatever else the transaction does.
CREATE FUNCTION quarantine_check_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM quarantine WHERE id = new.quarantine_id AND body = new.body) THEN
        PERFORM candlepost_refuse(format('an edit of message %s keeps the body that it has', new.quarantine_id));
    END IF;
    RETURN new;
END $$;

CREATE TRIGGER quarantine_check_kept BEFORE INSERT ON quarantine_acts
    FOR EACH ROW WHEN (new.act = 'edited') EXECUTE FUNCTION quarantine_check_kept();

-- The one of before goes on doing what it did.
ALTER FUNCTION candlepost_grant RENAME TO candlepost_grant_before_edits;

CREATE FUNCTION candlepost_grant(part text, role regrole) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM candlepost_grant_before_edits(part, role);
    IF part = 'operator' THEN
        EXECUTE format('GRANT UPDATE (body) ON quarantine TO %1$s; GRANT INSERT (body) ON quarantine_acts TO %1$s', role);
    ELSIF part = 'writer' AND NOT has_function_privilege(role, 'outbox_hold_ledger()', 'EXECUTE') THEN
        -- All columns that are not the server's, says the function of before: this one is for operators.
        EXECUTE format('REVOKE INSERT (body) ON quarantine_acts FROM %s', role);
    END IF;
END $$;

DO $$
DECLARE
    function regprocedure;
    role regrole;
BEGIN
    FOR function IN SELECT candlepost_functions() LOOP
        EXECUTE format('ALTER FUNCTION %s SET search_path = %I, pg_temp', function, current_schema());
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', function);
    END LOOP;
    -- Roles that act already.
    FOR role IN
        SELECT a.grantee::regrole FROM pg_proc p, aclexplode(p.proacl) a
        WHERE p.oid = 'outbox_hold_ledger'::regproc AND a.grantee NOT IN (0, p.proowner)
    LOOP
        EXECUTE format('GRANT UPDATE (body) ON quarantine TO %s; GRANT INSERT (body) ON quarantine_acts TO %s', role, role);
    END LOOP;
END $$;

ALTER FUNCTION quarantine_check_edited SECURITY DEFINER;
