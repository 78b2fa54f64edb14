"""From the moment a message is due in the collectors' queue until it comes out of the gateway's queue."""

import json
import time

from processes import Programs
from throughput import OURS

WARM_UP = 1


def run_latency(world, options, record):
    """A message counts from when it was due, not from when the sender got to it: no coordinated omission."""
    for _ in range(options.rounds):
        for rate in options.rates:
            for notify in options.notify:
                reference(world, rate, options.seconds, record, notify)
            ours(world, rate, options.seconds, record)


def reference(world, rate, seconds, record, notify):
    """Batches of 100, mark hwm; it rings its relay in its transaction or after it, and which is better depends."""
    world.fresh_reference()
    world.purge()
    with Programs() as programs:
        both = world.start_reference(programs, 100, "hwm", notify=notify)
        time.sleep(1)
        send(world, rate, seconds, record, f"C pipeline, notify {notify}", both)


def ours(world, rate, seconds, record):
    world.fresh_database()
    world.purge()
    with world.pair() as both:
        send(world, rate, seconds, record, OURS, both)


def send(world, rate, seconds, record, pipeline, both):
    result = json.loads(world.load("classic", world.amqp(), "lat", rate, seconds, WARM_UP))
    if result["got"] != result["sent"]:
        raise RuntimeError(f"{pipeline}: {result['got']} of {result['sent']} messages came out")
    total = result["sent"] * (seconds + WARM_UP) / seconds
    writer, relay = both
    record.add(
        f"{rate}/s", pipeline, rate=rate, messages=result["sent"], slip_ms=result["sender_slip_ms"], p50=result["p50ms"],
        p95=result["p95ms"], p99=result["p99ms"], p999=result["p999ms"], worst=result["maxms"], curve=result["curve"],
        writer_us=writer.stop() / total, relay_us=relay.stop() / total)
