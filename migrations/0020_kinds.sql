-- Kinds of records that were applied from files, by whom and when (`writer kinds apply`). The five that the programs bring along have
-- no row here unless they were extended. Nothing is changed or taken away: the newest row of a kind is what it is now.

CREATE TABLE record_kinds (
    id          integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    record_type text NOT NULL,
    -- The file.
    definition  json NOT NULL,
    applied_by  text NOT NULL DEFAULT session_user,
    applied_at  timestamptz NOT NULL DEFAULT now()
);

-- Roles that store or read candles do the same with the records of such a kind.
CREATE FUNCTION records_share_table(its regclass) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    role regrole;
BEGIN
    FOR role IN
        SELECT DISTINCT a.grantee::regrole FROM pg_class c, aclexplode(c.relacl) a
        WHERE c.oid = 'candle_sticks'::regclass AND a.privilege_type = 'SELECT' AND a.grantee NOT IN (0, c.relowner)
    LOOP
        EXECUTE format('GRANT SELECT ON %s TO %s', its, role);
        IF has_any_column_privilege(role, 'candle_sticks', 'INSERT') THEN
            PERFORM candlepost_grant_insert(its, role);
        END IF;
    END LOOP;
    PERFORM records_share_partition(its, p.partition::regclass) FROM record_partitions p WHERE p.relation::regclass = its;
END $$;

-- The ones of before go on doing what they did.
ALTER FUNCTION candlepost_relations RENAME TO candlepost_relations_before_kinds;

CREATE FUNCTION candlepost_relations() RETURNS SETOF regclass LANGUAGE sql STABLE AS $$
    SELECT candlepost_relations_before_kinds() UNION ALL SELECT 'record_kinds'::regclass
    UNION ALL SELECT t.relation::regclass FROM record_tables t
              WHERE EXISTS (SELECT FROM record_kinds k WHERE k.record_type = t.record_type)
$$;

ALTER FUNCTION candlepost_grant RENAME TO candlepost_grant_before_kinds;

CREATE FUNCTION candlepost_grant(part text, role regrole) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM candlepost_grant_before_kinds(part, role);
    EXECUTE format('GRANT SELECT ON record_kinds TO %s', role);
    PERFORM records_share_table(t.relation::regclass) FROM record_tables t
    WHERE EXISTS (SELECT FROM record_kinds k WHERE k.record_type = t.record_type);
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
    -- Roles that have a part already.
    FOR role IN
        SELECT a.grantee::regrole FROM pg_class c, aclexplode(c.relacl) a
        WHERE c.oid = 'schema_migrations'::regclass AND a.privilege_type = 'SELECT' AND a.grantee NOT IN (0, c.relowner)
    LOOP
        EXECUTE format('GRANT SELECT ON record_kinds TO %s', role);
    END LOOP;
END $$;
