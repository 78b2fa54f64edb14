-- Relays count the parked rows every two seconds, and there may be millions of superseded ones beside them.

CREATE INDEX outbox_exceptions_parked ON outbox_exceptions (outbox_id) WHERE state = 'parked';
