CREATE TABLE trades (
    market_id      integer NOT NULL,
    interval_start timestamptz NOT NULL,
    interval_end   timestamptz NOT NULL,
    -- Rows of side (0 buy, 1 sell), price, amount, time (ms since 1970).
    trades_info    double precision[] NOT NULL,
    created_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (market_id, interval_start, interval_end)
);
