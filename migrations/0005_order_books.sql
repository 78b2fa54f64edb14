CREATE TABLE order_books (
    market_id      integer NOT NULL,
    interval_start timestamptz NOT NULL,
    interval_end   timestamptz NOT NULL,
    -- Rows of price, amount.
    bids           double precision[] NOT NULL,
    asks           double precision[] NOT NULL,
    created_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (market_id, interval_start, interval_end)
);
