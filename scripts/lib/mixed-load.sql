-- What scripts/mixed-load holds against a database: each row is a check and the number of its violations.
-- Schema acceptance: expected is what the load generator says, announced what left the broker. Variable again: true if
-- messages may have come more than once because something was killed.

\if :again
\set distinct 'distinct'
\else
\set distinct 'all'
\endif

CREATE TEMP TABLE queue_of_kind AS
SELECT * FROM (VALUES
    ('CandleStick', 'database-writer.candle-stick'), ('OrderBook', 'database-writer.order-book'),
    ('Ticker', 'database-writer.ticker'), ('Trade', 'database-writer.trade'),
    ('ExchangeRate', 'database-writer.exchange-rate')) AS v(kind, queue);

CREATE TEMP TABLE stored AS
SELECT kind, market, to_timestamp(s / 1000.0) AS s, to_timestamp(e / 1000.0) AS e, body
FROM acceptance.expected WHERE fate = 'stored';

CREATE TEMP TABLE records AS
SELECT 'CandleStick' AS kind, market_id, interval_start, interval_end FROM candle_sticks
UNION ALL SELECT 'OrderBook', market_id, interval_start, interval_end FROM order_books
UNION ALL SELECT 'Ticker', market_id, interval_start, interval_end FROM tickers
UNION ALL SELECT 'Trade', market_id, interval_start, interval_end FROM trades
UNION ALL SELECT 'ExchangeRate', market_id, interval_start, interval_end FROM exchange_rates;

CREATE TEMP TABLE conflicts AS
SELECT kind, market, to_timestamp(s / 1000.0) AS s, to_timestamp(e / 1000.0) AS e,
       substring(convert_from(body, 'UTF8') FROM '"payload":(.*),"collectorTraceId"') AS payload
FROM acceptance.expected WHERE fate = 'conflicting';

SELECT 'good ones without a record' AS violation,
       (SELECT count(*) FROM (SELECT kind, market, s, e FROM stored EXCEPT ALL SELECT * FROM records) t)
UNION ALL
SELECT 'records of nothing that was sent, or twice',
       (SELECT count(*) FROM (SELECT * FROM records EXCEPT ALL SELECT kind, market, s, e FROM stored) t)
UNION ALL
SELECT 'good ones without their outbox row, to the byte',
       (SELECT count(*) FROM (
            SELECT kind, market, s, e, body FROM stored EXCEPT ALL
            SELECT record_type, market_id, interval_start, interval_end, convert_to(body, 'UTF8') FROM outbox) t)
UNION ALL
SELECT 'outbox rows of nothing that was sent, or twice',
       (SELECT count(*) FROM (
            SELECT record_type, market_id, interval_start, interval_end, convert_to(body, 'UTF8') FROM outbox
            EXCEPT ALL SELECT kind, market, s, e, body FROM stored) t)
UNION ALL
SELECT 'good ones that were not announced, to the byte',
       (SELECT count(*) FROM (SELECT body FROM stored EXCEPT ALL SELECT body FROM acceptance.announced) t)
UNION ALL
SELECT 'announced without having been sent, or twice',
       (SELECT count(*) FROM (SELECT body FROM acceptance.announced EXCEPT :distinct SELECT body FROM stored) t)
UNION ALL
SELECT 'bad ones not in quarantine with reason and exact bytes',
       (SELECT count(*) FROM (
            SELECT queue_of_kind.queue, reason, body FROM acceptance.expected JOIN queue_of_kind USING (kind)
            WHERE fate = 'quarantined' EXCEPT ALL SELECT queue, reason, body FROM quarantine) t)
UNION ALL
SELECT 'in quarantine without having been bad, or twice',
       (SELECT count(*) FROM (
            SELECT queue, reason, body FROM quarantine EXCEPT :distinct
            SELECT queue_of_kind.queue, reason, body FROM acceptance.expected JOIN queue_of_kind USING (kind)
            WHERE fate = 'quarantined') t)
UNION ALL
SELECT 'conflicting ones that are not listed',
       (SELECT count(*) FROM (
            SELECT * FROM conflicts EXCEPT ALL
            SELECT record_type, market_id, interval_start, interval_end, payload FROM conflicting_duplicates) t)
UNION ALL
SELECT 'listed as conflicting without being so',
       (SELECT count(*) FROM (
            SELECT record_type, market_id, interval_start, interval_end, payload FROM conflicting_duplicates
            EXCEPT :distinct SELECT * FROM conflicts) t)
UNION ALL
SELECT 'candles whose columns are not what the message says',
       (SELECT count(*) FROM candle_sticks c JOIN outbox o USING (market_id, interval_start, interval_end)
        WHERE o.record_type = 'CandleStick'
          AND (c.charts[1][1], c.charts[1][5], c.charts[1][6]) IS DISTINCT FROM
              ((o.body::jsonb #>> '{payload,charts,0,0}')::float8, (o.body::jsonb #>> '{payload,charts,0,4}')::float8,
               (o.body::jsonb #>> '{payload,charts,0,5}')::float8))
UNION ALL
SELECT 'order books whose columns are not what the message says',
       (SELECT count(*) FROM order_books b JOIN outbox o USING (market_id, interval_start, interval_end)
        WHERE o.record_type = 'OrderBook'
          AND (b.bids[1][1], b.asks[5][2]) IS DISTINCT FROM
              ((o.body::jsonb #>> '{payload,bids,0,0}')::float8, (o.body::jsonb #>> '{payload,asks,4,1}')::float8))
UNION ALL
SELECT 'tickers whose columns are not what the message says',
       (SELECT count(*) FROM tickers t JOIN outbox o USING (market_id, interval_start, interval_end)
        WHERE o.record_type = 'Ticker'
          AND (t.last, t.base_volume, t.average) IS DISTINCT FROM
              ((o.body::jsonb #>> '{payload,last}')::float8, (o.body::jsonb #>> '{payload,baseVolume}')::float8,
               (o.body::jsonb #>> '{payload,average}')::float8))
UNION ALL
SELECT 'trades whose columns are not what the message says',
       (SELECT count(*) FROM trades t JOIN outbox o USING (market_id, interval_start, interval_end)
        WHERE o.record_type = 'Trade'
          AND (t.trades_info[3][2], t.trades_info[3][4]) IS DISTINCT FROM
              ((o.body::jsonb #>> '{payload,tradesInfo,2,1}')::float8,
               (o.body::jsonb #>> '{payload,tradesInfo,2,3}')::float8))
UNION ALL
SELECT 'exchange rates whose columns are not what the message says, to the last digit',
       (SELECT count(*) FROM exchange_rates r JOIN outbox o USING (market_id, interval_start, interval_end)
        WHERE o.record_type = 'ExchangeRate'
          AND (r.pool_a_size::text, r.pool_b_size::text, r.exchange_rate::text) IS DISTINCT FROM
              (o.body::jsonb #>> '{payload,poolASize}', o.body::jsonb #>> '{payload,poolBSize}',
               o.body::jsonb #>> '{payload,exchangeRate}'))
UNION ALL
SELECT 'messages that the ledger does not account for',
       (SELECT abs(sum(received) - sum(stored) - sum(revised) - sum(duplicate) - sum(quarantined)) FROM ingest_batches)
UNION ALL
SELECT 'messages that the ledger has not received',
       (SELECT greatest(0, (SELECT count(*) FROM acceptance.expected) - sum(received)) FROM ingest_batches)
UNION ALL
SELECT 'messages that the ledger has received and nobody sent',
       (SELECT CASE WHEN :again THEN 0
                    ELSE greatest(0, sum(received) - (SELECT count(*) FROM acceptance.expected)) END
        FROM ingest_batches)
UNION ALL
SELECT 'ledger and tables do not agree',
       (SELECT abs(sum(stored) - (SELECT count(*) FROM outbox))
             + abs(sum(quarantined) - (SELECT count(*) FROM quarantine WHERE resolved_at IS NULL))
             + abs(sum(duplicate_other) - (SELECT count(*) FROM conflicting_duplicates)) FROM ingest_batches);
