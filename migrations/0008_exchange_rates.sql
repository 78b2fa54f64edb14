CREATE TABLE exchange_rates (
    market_id      integer NOT NULL,
    interval_start timestamptz NOT NULL,
    interval_end   timestamptz NOT NULL,
    pool_a_size    numeric NOT NULL,
    pool_b_size    numeric NOT NULL,
    exchange_rate  numeric NOT NULL,
    created_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (market_id, interval_start, interval_end)
);
