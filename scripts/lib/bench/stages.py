"""Stages alone."""

import json
import re
import subprocess
import time

from processes import Programs, until
from throughput import OURS
from world import PORT, ready, run


def run_stages(world, options, record):
    start_to_ready(world, record)
    decode(world, record)
    broker(world, options, record)
    wake_up(world, record)


def start_to_ready(world, record):
    """From the start of the process until /readyz says 200."""
    world.fresh_database()
    world.purge()
    for _ in range(10):
        for name, start, port in (("writer", world.start_writer, PORT), ("relay", world.start_relay, PORT + 1)):
            with Programs() as programs:
                begin = time.monotonic()
                program = start(programs)
                until(lambda: program.must_run() or ready(port), 60, f"{name} is ready")
                record.add("start to ready", name, ms=(time.monotonic() - begin) * 1000, cpu_ms=program.stop() / 1000)


def decode(world, record):
    """Validation and column texts included."""
    for candles, count in ((1, 20_000), (60, 1000)):
        bodies = world.load("classic", "-c", candles, "-", "print", count)
        result = subprocess.run(
            [world.bin / "DecodeBenchmark"], input=bodies, capture_output=True, text=True, check=True).stdout
        size, = re.findall(r"(\d+) bytes each", result)
        for line, name in (("MessageDecoder", OURS), ("Foundation JSONDecoder", "Foundation")):
            nanoseconds, = re.findall(rf"{line} +([0-9.]+) ns", result)
            record.add(f"decode, {candles} candle{'s' * (candles > 1)} ({size} bytes)", name, ns=float(nanoseconds))


def broker(world, options, record):
    """Our client alone: publishing with confirms (less the making of the messages), and taking messages out."""
    load = [world.bin / "LoadGenerator"]
    count = ["--count", options.messages, "--kinds", "CandleStick"]
    for _ in range(options.rounds):
        world.purge()
        made = json.loads(run(*load, "publish", "--dry-run", *count))
        sent = json.loads(run(*load, "publish", *count, AMQP_URL=world.amqp()))
        record.add("publish and confirm", OURS, rate=sent["per_second"],
                   us=(sent["cpu_seconds"] - made["cpu_seconds"]) * 1e6 / options.messages)
        taken = json.loads(run(*load, "collect", "--discard", "--queue", "database-writer.candle-stick", "--idle", 1,
                               AMQP_URL=world.amqp()))
        record.add("consume and acknowledge", OURS, rate=taken["per_second"], us=taken["cpu_seconds"] * 1e6 / options.messages)


def wake_up(world, record):
    """From the doorbell until the row is published, with an idle relay. A statement commits before the next one."""
    world.fresh_database()
    world.purge()
    world.sql("bench", "CREATE TABLE rung (id bigint, at timestamptz)")
    with Programs() as programs:
        world.start_relay(programs)
        until(lambda: ready(PORT + 1), 60, "the relay is ready")
        with world.sql_process("bench", interactive=True) as process:
            process.stdin.write("SET synchronous_commit = off;\n")
            for number in range(100):
                process.stdin.write(f"""
                    INSERT INTO outbox (lane, record_type, market_id, interval_start, interval_end, body)
                    VALUES ({number % 16}, 'CandleStick', 1, now(), now() + interval '1 minute', '{{}}');
                    INSERT INTO rung SELECT currval('outbox_id_seq'), clock_timestamp();
                    NOTIFY candlepost_outbox;\n""")
                process.stdin.flush()
                time.sleep(0.05)
            process.stdin.close()
        until(lambda: world.number("bench", "SELECT sum(rows) FROM outbox_deliveries") >= 100, 60, "all rows are published")
    quantiles = world.sql("bench", """
        SELECT percentile_cont(ARRAY[0.5, 0.95, 1]) WITHIN GROUP (ORDER BY extract(epoch FROM d.published_at - r.at) * 1000)
        FROM rung r JOIN outbox o USING (id) JOIN outbox_deliveries d
            ON d.lane = o.lane AND o.id > d.after_id AND o.id <= d.upto_id WHERE d.published_at > r.at""")
    p50, p95, worst = map(float, quantiles.strip("{}").split(","))
    record.add("doorbell to publish", "relay", p50=p50, p95=p95, worst=worst)
