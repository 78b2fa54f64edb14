-- Exchanges and markets: reference data, kept by `writer markets import`.

CREATE TABLE exchanges (
    id                   integer PRIMARY KEY,
    external_exchange_id text NOT NULL UNIQUE,
    name                 text NOT NULL
);

CREATE TABLE markets (
    id                 integer PRIMARY KEY CHECK (id > 0),
    exchange_id        integer NOT NULL REFERENCES exchanges,
    external_market_id text NOT NULL,
    symbol             text NOT NULL,
    base               text,
    quote              text,
    active             boolean NOT NULL DEFAULT true
);

CREATE INDEX markets_exchange_symbol ON markets (exchange_id, symbol);

-- Records refer to markets without a foreign key, which would lock the market's row for each record that is stored
--. Markets that can't vanish give the same safety.
CREATE FUNCTION markets_never_vanish() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'markets are never deleted and keep their id: records refer to them'
        USING HINT = 'Set active = false instead.', ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER markets_never_vanish BEFORE DELETE OR TRUNCATE ON markets
    FOR EACH STATEMENT EXECUTE FUNCTION markets_never_vanish();

CREATE TRIGGER markets_keep_their_id BEFORE UPDATE OF id ON markets
    FOR EACH ROW WHEN (old.id <> new.id) EXECUTE FUNCTION markets_never_vanish();

-- Running writers learn of new markets at once.
CREATE FUNCTION markets_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NOTIFY candlepost_markets;
    RETURN NULL;
END $$;

CREATE TRIGGER markets_changed AFTER INSERT OR UPDATE ON markets
    FOR EACH STATEMENT EXECUTE FUNCTION markets_changed();
