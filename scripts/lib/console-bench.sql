-- What scripts/console-bench looks at: a log of so many millions of rows of a thousand markets over the last ten hours, with its
-- ledgers, records, quarantine and conflicts. Written around the triggers, which would make hours of it.
SET session_replication_role = replica;
SET synchronous_commit = off;
SET maintenance_work_mem = '512MB';
SET work_mem = '512MB';

INSERT INTO exchanges VALUES (1, 'binance', 'Binance');
INSERT INTO markets (id, exchange_id, external_market_id, symbol)
SELECT n, 1, 'M' || n || 'USDT', 'M' || n || '/USDT' FROM generate_series(1, 1000) AS n;

SELECT outbox_make_partitions(:millions * 1000000 + 10000000);

-- A minute of every market each 3.6 s: they rise in ids as in time, and end now.
INSERT INTO outbox (lane, record_type, market_id, interval_start, interval_end, trace_id, body, created_at)
SELECT (market::bigint * 2654435761 & 4294967295) >> 28, 'CandleStick', market, start, start + interval '1 minute',
       'trace-' || n, format('{"exchange":"binance","symbol":"M%s/USDT","payload":{"charts":[[%s,2,9,1,3,%s]],"marketId":%s}}', market, n, n, market),
       now() - make_interval(secs => (:millions * 1e6 - n) * 0.0036)
FROM (SELECT n, (n % 1000 + 1)::integer AS market,
             date_trunc('minute', now()) - make_interval(mins => ((:millions * 1000000 - n) / 1000)::integer) AS start
      FROM generate_series(1, :millions * 1000000) AS n) rows;

-- An entry of the ledger for two hundred rows of a lane, more or less; the last five hundred ids are pending.
INSERT INTO outbox_deliveries (lane, after_id, upto_id, rows, relay, confirmed_at)
SELECT lane, coalesce(lag(upto_id) OVER (PARTITION BY lane ORDER BY upto_id), 0), upto_id, rows, 'relay-' || lane % 2 || ':1', confirmed_at
FROM (SELECT lane, max(id) AS upto_id, count(*) AS rows, max(created_at) + interval '8 ms' AS confirmed_at
      FROM outbox WHERE id <= (SELECT max(id) - 500 FROM outbox) GROUP BY lane, id / 3200) entries;
INSERT INTO ingest_batches (writer, received, stored, duplicate, quarantined, committed_at)
SELECT 'writer:1', 100, 100, 0, 0, now() - make_interval(secs => n * 0.36) FROM generate_series(1, :millions * 10000) AS n;

INSERT INTO candle_sticks (market_id, interval_start, interval_end, charts, created_at)
SELECT market, start, start + interval '1 minute',
       ARRAY[ARRAY[extract(epoch FROM start) * 1000, 100 + n % 7, 110 + n % 5, 90 - n % 3, 100 + n % 11, 5 + n % 13]], start
FROM generate_series(1, 1000) AS market, generate_series(1, 1500) AS n,
     LATERAL (SELECT date_trunc('minute', now()) - make_interval(mins => n) AS start) t
WHERE (market + n) % 997 <> 0;

INSERT INTO quarantine (queue, reason, detail, body, received_at)
SELECT 'database-writer.candle-stick', (ARRAY['not_json', 'unknown_market', 'missing_field'])[n % 3 + 1], 'payload: is missing',
       convert_to('{"exchange":"binance","symbol":"M1/USDT"', 'UTF8'), now() - make_interval(secs => 10000 - n)
FROM generate_series(1, 10000) AS n;
INSERT INTO conflicting_duplicates (record_type, market_id, interval_start, interval_end, payload, received_at)
SELECT 'CandleStick', n % 1000 + 1, date_trunc('minute', now()), date_trunc('minute', now()) + interval '1 minute', '{"charts":[]}',
       now() - make_interval(secs => 10000 - n)
FROM generate_series(1, 10000) AS n;
INSERT INTO outbox_exceptions (outbox_id, lane, state, attempts, last_error)
SELECT id, lane, 'parked', 3, 'frame error' FROM outbox WHERE id > (SELECT max(id) - 500 FROM outbox) ORDER BY id LIMIT 200;
INSERT INTO outbox_acts (act, selection, rows, done, acted_by, why, ended_at)
SELECT 'replayed', '--id ' || n, 1, 1, 'operator', 'because', now() FROM generate_series(1, 2000) AS n;
INSERT INTO relays (relay, started_at, published, by_doorbell, by_poll, doorbell_heard)
SELECT 'relay-' || n || ':1', now() - interval '1 hour', 1, 1, 1, true FROM generate_series(0, 1) AS n;

RESET session_replication_role;
VACUUM (ANALYZE) outbox, outbox_deliveries, ingest_batches, candle_sticks, quarantine, conflicting_duplicates, outbox_exceptions;

CHECKPOINT;
