-- Messages of markets that nobody knows yet are tried again by market, so that it costs by the number of markets.
CREATE INDEX quarantine_waiting ON quarantine (market_id, received_at)
    WHERE reason = 'unknown_market' AND resolved_at IS NULL;
