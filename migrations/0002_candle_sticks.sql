CREATE TABLE candle_sticks (
    market_id      integer NOT NULL,
    interval_start timestamptz NOT NULL,
    interval_end   timestamptz NOT NULL,
    -- One row for each candle of the interval: open time (ms since 1970), open, high, low, close, volume, and whatever
    -- more the exchange sends; shorter rows of a message are filled up with NULL. Empty: nothing traded.
    charts         double precision[] NOT NULL,
    created_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (market_id, interval_start, interval_end)
);

CREATE VIEW candles AS
SELECT market_id,
       to_timestamp(charts[i][1] / 1000) AS open_time,
       charts[i][2] AS open,
       charts[i][3] AS high,
       charts[i][4] AS low,
       charts[i][5] AS close,
       charts[i][6] AS volume,
       interval_start,
       interval_end
FROM candle_sticks CROSS JOIN LATERAL generate_subscripts(charts, 1) AS i;
