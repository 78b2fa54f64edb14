-- What verify found stays: when, by whom, and each promise with its sums. The console shows the runs before, and warns on every page if
-- the last one found a promise broken, also after it was started anew.

CREATE TABLE verifications (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    verified_at timestamptz NOT NULL DEFAULT now(),
    verified_by text NOT NULL,
    seconds     double precision NOT NULL CHECK (seconds >= 0 AND seconds < 'infinity'),
    -- The promises, what was counted of each, what must be, and some of what breaks it: a text each, in lines.
    promises    text[] NOT NULL,
    counted     bigint[] NOT NULL,
    expected    bigint[] NOT NULL,
    examples    text[] NOT NULL,
    -- The sums as people read them.
    sums        text NOT NULL,
    CHECK (cardinality(promises) BETWEEN 1 AND 100 AND cardinality(counted) = cardinality(promises)
           AND cardinality(expected) = cardinality(promises) AND cardinality(examples) = cardinality(promises)),
    CHECK (octet_length(promises::text) + octet_length(examples::text) + octet_length(sums) <= 262144)
);

-- The one way in, with the owner's rights: the time is the server's, the name is the role's that logged in. The newest 200 stay.
CREATE FUNCTION candlepost_keep_verification(
    says text, seconds double precision, promises text[], counted bigint[], expected bigint[], examples text[], sums text
) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    its_id bigint;
BEGIN
    INSERT INTO verifications (verified_by, seconds, promises, counted, expected, examples, sums)
    VALUES (candlepost_actor(says), seconds, promises, counted, expected, examples, sums) RETURNING id INTO its_id;
    DELETE FROM verifications WHERE id <= its_id - 200;
    RETURN its_id;
END $$;

-- The ones of before go on doing what they did.
ALTER FUNCTION candlepost_relations RENAME TO candlepost_relations_before_verifications;

CREATE FUNCTION candlepost_relations() RETURNS SETOF regclass LANGUAGE sql STABLE AS $$
    SELECT candlepost_relations_before_verifications() UNION ALL SELECT 'verifications'::regclass
$$;

ALTER FUNCTION candlepost_grant RENAME TO candlepost_grant_before_verifications;

CREATE FUNCTION candlepost_grant(part text, role regrole) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM candlepost_grant_before_verifications(part, role);
    IF part IN ('operator', 'console') THEN
        EXECUTE format('GRANT EXECUTE ON FUNCTION candlepost_keep_verification TO %s', role);
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
    -- Roles that read everything already, and those that act.
    FOR role IN
        SELECT a.grantee::regrole FROM pg_class c, aclexplode(c.relacl) a
        WHERE c.oid = 'pruned_rows'::regclass AND a.privilege_type = 'SELECT' AND a.grantee NOT IN (0, c.relowner)
    LOOP
        EXECUTE format('GRANT SELECT ON verifications TO %s', role);
        IF has_function_privilege(role, 'outbox_hold_ledger()', 'EXECUTE') THEN
            EXECUTE format('GRANT EXECUTE ON FUNCTION candlepost_keep_verification TO %s', role);
        END IF;
    END LOOP;
END $$;

ALTER FUNCTION candlepost_keep_verification SECURITY DEFINER;
