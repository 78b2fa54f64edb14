-- What is old and done with is dropped by whole partitions, so that nothing leaves dead rows behind. What was dropped
-- stays as sums, by which the promises can still be checked.

CREATE TABLE outbox_pruned (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- Rows from here up to and without `upto_id`.
    from_id    bigint NOT NULL,
    upto_id    bigint NOT NULL,
    rows       bigint NOT NULL,
    -- Of these, how many were superseded and never published.
    superseded bigint NOT NULL,
    -- Created at or before. Records that are older need have no outbox row any more.
    newest     timestamptz,
    pruned_by  text NOT NULL,
    pruned_at  timestamptz NOT NULL DEFAULT now()
);

-- The sums of entries of ingest_batches that were dropped.
CREATE TABLE ingest_pruned (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    received        bigint NOT NULL,
    stored          bigint NOT NULL,
    duplicate       bigint NOT NULL,
    duplicate_other bigint NOT NULL,
    quarantined     bigint NOT NULL,
    pruned_at       timestamptz NOT NULL DEFAULT now(),
    CHECK (received = stored + duplicate + quarantined)
);

-- Ids that were never drawn, because a partition was closed before it was full.
CREATE TABLE outbox_gaps (
    from_id   bigint PRIMARY KEY,
    -- Up to and without.
    upto_id   bigint NOT NULL,
    closed_at timestamptz NOT NULL DEFAULT now()
);

CREATE VIEW outbox_partitions AS
SELECT c.oid AS partition,
       c.relname AS name,
       (regexp_match(pg_get_expr(c.relpartbound, c.oid), 'FROM \(''(\d+)''\)'))[1]::bigint AS from_id,
       (regexp_match(pg_get_expr(c.relpartbound, c.oid), 'TO \(''(\d+)''\)'))[1]::bigint AS upto_id
FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = 'outbox'::regclass;

-- How many ids are left for which there is a partition.
CREATE FUNCTION outbox_ids_ahead() RETURNS bigint LANGUAGE sql AS $$
    SELECT coalesce(max(upto_id), 0) - (SELECT last_value FROM outbox_id_seq) FROM outbox_partitions
$$;

-- Waits until every transaction that has drawn an id by now has ended. A writer holds its lanes' locks from before it
-- draws ids until after its commit.
CREATE FUNCTION outbox_await_writers() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    FOR lane IN 0..15 LOOP
        PERFORM pg_advisory_lock(x'434157'::int, lane);
        PERFORM pg_advisory_unlock(x'434157'::int, lane);
    END LOOP;
END $$;

-- Closes the partition that is in use if its first row is older than `age`, so that also with few rows partitions get old
-- and can be dropped: ids go on with the next partition. True if it did.
CREATE FUNCTION outbox_close_partition(age interval) RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    used record;
    last_id bigint;
    first_created timestamptz;
BEGIN
    SELECT last_value INTO last_id FROM outbox_id_seq;
    SELECT * INTO used FROM outbox_partitions WHERE last_id >= from_id AND last_id < upto_id;
    IF NOT FOUND OR NOT EXISTS (SELECT FROM outbox_partitions WHERE from_id = used.upto_id) THEN
        RETURN false;
    END IF;
    EXECUTE format('SELECT min(created_at) FROM generate_series(0, 15) AS l(lane) CROSS JOIN LATERAL (
                        SELECT created_at FROM %I WHERE lane = l.lane::smallint ORDER BY id LIMIT 1) f', used.name)
    INTO first_created;
    IF first_created IS NULL OR first_created > now() - age THEN
        RETURN false;
    END IF;
    -- As a writer that had every lane: nobody draws an id meanwhile.
    PERFORM set_config('lock_timeout', '200ms', true);
    PERFORM pg_advisory_xact_lock(x'434157'::int, lane) FROM generate_series(0, 15) AS lane;
    SELECT last_value INTO last_id FROM outbox_id_seq;
    IF last_id >= used.upto_id - 1 THEN
        RETURN false;
    END IF;
    PERFORM setval('outbox_id_seq', used.upto_id - 1);
    INSERT INTO outbox_gaps (from_id, upto_id) VALUES (last_id + 1, used.upto_id);
    RETURN true;
EXCEPTION WHEN lock_not_available THEN
    RETURN false;
END $$;

-- Drops the oldest partition if all its rows are older than `retention` and done with; the ledgers shrink with it.
-- Returns what became of it: `kept` says why it stays, NULL that it was dropped; no row if there is no partition whose ids
-- are all drawn. Writers wait for it no longer than a tenth of a second.
CREATE FUNCTION outbox_prune(retention interval, by_whom text)
RETURNS TABLE (partition_name text, first_id bigint, end_id bigint, row_count bigint, kept text) LANGUAGE plpgsql AS $$
DECLARE
    oldest record;
    pending bigint;
    newest_row timestamptz;
    superseded_rows bigint;
    parked_rows bigint;
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtext('candlepost.outbox_prune')) THEN
        RETURN;
    END IF;
    SELECT p.* INTO oldest FROM outbox_partitions p ORDER BY from_id LIMIT 1;
    IF NOT FOUND OR (SELECT last_value FROM outbox_id_seq) < oldest.upto_id - 1 THEN
        RETURN;
    END IF;
    partition_name := oldest.name;
    first_id := oldest.from_id;
    end_id := oldest.upto_id;
    row_count := 0;

    -- Cheap looks first, by the last row of each lane.
    EXECUTE format('SELECT max(created_at) FROM generate_series(0, 15) AS l(lane) CROSS JOIN LATERAL (
                        SELECT created_at FROM %I WHERE lane = l.lane::smallint ORDER BY id DESC LIMIT 1) newest',
                   oldest.name)
    INTO newest_row;
    IF newest_row > now() - retention THEN
        kept := 'not older than the retention';
        RETURN NEXT;
        RETURN;
    END IF;
    PERFORM set_config('lock_timeout', '5s', true);
    BEGIN
        PERFORM outbox_await_writers();
    EXCEPTION WHEN lock_not_available THEN
        kept := 'a writer''s transaction is open';
        RETURN NEXT;
        RETURN;
    END;
    EXECUTE format('SELECT count(*) FROM generate_series(0, 15) AS l(lane)
                    WHERE EXISTS (SELECT FROM %I WHERE lane = l.lane::smallint AND id > coalesce(
                        (SELECT upto_id FROM outbox_deliveries d WHERE d.lane = l.lane::smallint
                         ORDER BY after_id DESC LIMIT 1), 0))', oldest.name)
    INTO pending;
    IF pending > 0 THEN
        kept := format('rows of %s lanes are pending', pending);
        RETURN NEXT;
        RETURN;
    END IF;
    SELECT count(*) FILTER (WHERE state = 'parked'), count(*) FILTER (WHERE state = 'superseded')
    INTO parked_rows, superseded_rows
    FROM outbox_exceptions WHERE outbox_id >= first_id AND outbox_id < end_id AND published_at IS NULL;
    IF parked_rows > 0 THEN
        kept := format('%s rows are parked', parked_rows);
        RETURN NEXT;
        RETURN;
    END IF;

    EXECUTE format('SELECT count(*), max(created_at) FROM %I', oldest.name) INTO row_count, newest_row;
    IF newest_row > now() - retention THEN
        kept := 'not older than the retention';
        RETURN NEXT;
        RETURN;
    END IF;

    -- The last entry of each lane stays, for it is where a relay goes on; it counts the rows that are left.
    DELETE FROM outbox_deliveries d
    WHERE upto_id < end_id
      AND EXISTS (SELECT FROM outbox_deliveries later WHERE later.lane = d.lane AND later.after_id > d.after_id);
    EXECUTE format('UPDATE outbox_deliveries d
                    SET rows = rows - (SELECT count(*) FROM %I o
                                       WHERE o.lane = d.lane AND o.id > d.after_id AND o.id <= d.upto_id)
                    WHERE after_id < $1', oldest.name)
    USING end_id - 1;
    WITH gone AS (DELETE FROM ingest_batches WHERE committed_at <= newest_row RETURNING *)
    INSERT INTO ingest_pruned (received, stored, duplicate, duplicate_other, quarantined)
    SELECT sum(received), sum(stored), sum(duplicate), sum(duplicate_other), sum(quarantined)
    FROM gone HAVING count(*) > 0;
    DELETE FROM outbox_exceptions WHERE outbox_id >= first_id AND outbox_id < end_id;
    DELETE FROM outbox_replays WHERE outbox_id >= first_id AND outbox_id < end_id;
    DELETE FROM outbox_gaps WHERE upto_id <= end_id;
    INSERT INTO outbox_pruned (from_id, upto_id, rows, superseded, newest, pruned_by)
    VALUES (first_id, end_id, row_count, superseded_rows, newest_row, by_whom);

    -- Who reads the log, an analyst perhaps, holds up the drop, and writers would wait behind it: so it is tried in short.
    PERFORM set_config('lock_timeout', '100ms', true);
    FOR try IN 1..20 LOOP
        BEGIN
            EXECUTE format('ALTER TABLE outbox DETACH PARTITION %I', oldest.name);
            EXECUTE format('DROP TABLE %I', oldest.name);
            RETURN NEXT;
            RETURN;
        EXCEPTION WHEN lock_not_available THEN
            PERFORM pg_sleep(0.2);
        END;
    END LOOP;
    RAISE EXCEPTION 'the partition % is being read: it stays for now', oldest.name USING ERRCODE = 'lock_not_available';
END $$;
