"""What does not change with what lies in the tables, or waits in them, or has passed through."""

import subprocess
import time

from processes import Programs
from throughput import OURS, Case, measure


# Catching up: the writer fills the tables with the relay off, then the relay works alone.

def run_catchup(world, options, record):
    small, large = min(100_000, options.backlog // 10), options.backlog
    for rows in [small] * options.rounds + [large] + [small] * options.rounds:
        catch_up(world, rows, record)


def catch_up(world, rows, record):
    world.fresh_database()
    world.purge()
    world.load("classic", world.amqp(), "fill", rows)
    store(world, rows, record)
    world.purge()
    publish(world, rows, record)


def store(world, rows, record):
    """The writer alone. Its rate is that between its first commit and its last."""
    with Programs() as programs:
        world.clock.start()
        writer = world.start_writer(programs)
        memory = watch(writer, lambda: world.number("bench", "SELECT coalesce(sum(received), 0) FROM ingest_batches") >= rows)
        servers = world.clock.used()
        peak, used = writer.peak_mib(), writer.stop()
    rate = world.number("bench", """
        SELECT (sum(received) - (array_agg(received ORDER BY id))[1])
               / nullif(extract(epoch FROM max(committed_at) - min(committed_at)), 0) FROM ingest_batches""")
    record.add(f"writer, {rows:,} messages", OURS, rate=rate, writer_us=used / rows, writer_mib=peak, memory=memory,
               postgres_us=servers["postgres"] / rows, rabbitmq_us=servers["rabbitmq"] / rows)


def publish(world, rows, record):
    """The relay alone, and a consumer at the other end: what would otherwise be measured is RabbitMQ with a long queue. The rate
    is that between the first entry of the ledger and the last."""
    with Programs() as programs:
        world.start_gateway(programs, rows)
        world.clock.start()
        relay = world.start_relay(programs)
        memory = watch(relay, lambda: world.number("bench", "SELECT coalesce(sum(rows), 0) FROM outbox_deliveries") >= rows)
        servers = world.clock.used()
        peak, used = relay.peak_mib(), relay.stop()
    rate = world.number("bench", """
        SELECT sum(rows) FILTER (WHERE confirmed_at > first) / nullif(extract(epoch FROM max(confirmed_at) - min(first)), 0)
        FROM outbox_deliveries, (SELECT min(confirmed_at) AS first FROM outbox_deliveries) f""")
    record.add(f"{rows:,} rows", OURS, rate=rate, relay_us=used / rows, relay_mib=peak, memory=memory,
               postgres_us=servers["postgres"] / rows, rabbitmq_us=servers["rabbitmq"] / rows)


def watch(program, done):
    """Waits, and notes resident memory as it goes: pairs of seconds and MiB. It asks seldom: asking takes CPU, too."""
    begin, samples = time.monotonic(), []
    while not done():
        for _ in range(4):
            program.must_run()
            samples.append([round(time.monotonic() - begin, 2), program.resident_mib()])
            time.sleep(0.25)
    return samples


# Growth: two databases, one of them with a long past, in turns.

def run_growth(world, options, record):
    cases = {f"{rows:,} rows": f"grown_{rows}" for rows in (10_000, options.grown_rows)}
    for rows, name in zip((10_000, options.grown_rows), cases.values()):
        world.fresh_database(name)
        grow(world, name, rows)
    for number in range(options.rounds):
        for case, name in cases.items():
            further(world, case, name, number, options, record)
    for name in cases.values():
        world.sql("postgres", f"DROP DATABASE {name} WITH (FORCE)")


def further(world, case, database, number, options, record):
    """The next messages into a database as it is."""
    messages = options.messages // 2
    world.purge()
    world.load("classic", world.amqp(), "fill", messages, number * messages)
    record.add(case, OURS, **measure(
        world, Case(case, messages), lambda programs: (
            world.start_writer(programs, database), world.start_relay(programs, database)), messages))


def grow(world, database, rows):
    """A past of so many candles of 100 markets, all announced, as both programs would have left it."""
    past = f"""SELECT g AS id, (g % 100 + 1)::int AS market_id,
                      timestamptz '2001-01-01' + g / 100 * interval '1 minute' AS start FROM generate_series(1, {rows}::bigint) g"""
    records = f"""INSERT INTO candle_sticks (market_id, interval_start, interval_end, charts)
        SELECT market_id, start, start + interval '1 minute',
               ARRAY[[extract(epoch FROM start) * 1000, 42000.5, 42012.5, 41972.75, 41988.9, 107.7]]::float8[]
        FROM ({past}) past"""
    log = [f"SELECT outbox_make_partitions({rows} + 10000000)", f"""
        INSERT INTO outbox (id, lane, record_type, market_id, interval_start, interval_end, trace_id, body)
        SELECT id, (market_id::bigint * 2654435761 % 4294967296 >> 28)::smallint, 'CandleStick', market_id, start,
               start + interval '1 minute', '9f8a1c2d', rpad('{{"exchange":"binance"', 250, 'x')
        FROM ({past}) past""", f"SELECT setval('outbox_id_seq', {rows})"]
    in_parallel(world, database, [records], log)
    world.sql(database, f"""
        INSERT INTO outbox_deliveries (lane, after_id, upto_id, rows, relay)
        SELECT lane, piece * 16000, least((piece + 1) * 16000, {rows}), count(*), 'the past'
        FROM (SELECT lane, (id - 1) / 16000 AS piece FROM outbox) o GROUP BY lane, piece""", f"""
        INSERT INTO outbox_deliveries (lane, after_id, upto_id, rows, relay)
        SELECT lane, 0, {rows}, 0, 'the past' FROM generate_series(0, 15) lane ON CONFLICT DO NOTHING""", f"""
        INSERT INTO ingest_batches (writer, received, stored, duplicate, quarantined)
        SELECT 'the past', 500, 500, 0, 0 FROM generate_series(1, {rows} / 500)""")
    in_parallel(world, database, ["VACUUM ANALYZE candle_sticks"], ["VACUUM ANALYZE outbox"])
    world.sql(database, "VACUUM ANALYZE", "CHECKPOINT")


def in_parallel(world, database, *scripts):
    """Each list of statements on a connection of its own."""
    running = [world.sql_process(database, *statements) for statements in scripts]
    for process in running:
        output, errors = process.communicate()
        if process.returncode:
            raise subprocess.CalledProcessError(process.returncode, "psql", output, errors)


# A transaction that is held open elsewhere.

def run_open_transaction(world, options, record):
    """One load after the other into the same database, the programs running all the time."""
    world.fresh_database()
    world.purge()
    sent = 0

    def load(case):
        nonlocal sent
        begin = time.time()
        world.load("classic", world.amqp(), "fill", options.messages, sent)
        sent += options.messages
        record.add(case, OURS, rate=options.messages / (world.await_announced(options.messages) - begin))
        world.purge()

    with world.pair():
        load("warm-up")
        for _ in range(3):
            load("none")
        process = world.sql_process("bench", interactive=True)
        process.stdin.write("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*), txid_current() FROM candle_sticks;\n")
        process.stdin.flush()
        end = time.monotonic() + options.open_transaction * 60
        while time.monotonic() < end:
            load("open")
        process.communicate("COMMIT;\n")
        for _ in range(3):
            load("closed")
