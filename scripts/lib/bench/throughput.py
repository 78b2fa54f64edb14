"""From N waiting messages and two programs that start, until the last one is in the output queue."""

import json
import time
from dataclasses import dataclass, replace

from processes import Programs
from world import run


@dataclass
class Case:
    """What is sent, and through which queues."""

    name: str
    messages: int
    markets: int = 100
    candles: int = 1
    queue_type: str = "classic"
    duplicates: bool = False
    all_kinds: bool = False
    gateway: bool = False
    """Something takes the messages out of the output queue as they come; otherwise it fills up."""


OURS = "Candlepost"
TO_A_GATEWAY = ", to a gateway"
UNCONFIRMED = 100
# What RELAY_UNCONFIRMED_PER_MARKET gives up, the C pipeline never has: order when the broker refuses.
SEVERAL = f"Candlepost, {UNCONFIRMED} unconfirmed of a market"


def reference_name(batch, mark="hwm", dressed=False):
    return f"C pipeline, batch {batch:,}, {mark}" + (", properties as ours" if dressed else "")


def fill(world, case):
    """Puts the messages into the queues; returns how many different ones there are."""
    world.purge(case.queue_type)
    if case.all_kinds:
        options = ["--duplicates", "0.1"] if case.duplicates else []
        report = run(
            world.bin / "LoadGenerator", "publish", "--count", case.messages, "--markets", case.markets, *options,
            AMQP_URL=world.amqp(case.queue_type))
        return json.loads(report)["fates"]["stored"]
    options = ["-m", case.markets, "-c", case.candles] + (["-d"] if case.duplicates else [])
    world.load(case.queue_type, *options, world.amqp(case.queue_type), "fill", case.messages)
    return case.messages - case.messages // 10 if case.duplicates else case.messages


def measure(world, case, start, new):
    """Starts two programs and measures until `new` messages are announced, or delivered where there is a gateway."""
    with Programs() as programs:
        gateway = world.start_gateway(programs, new, case.queue_type) if case.gateway else None
        world.clock.start()
        begin = time.time()
        both = writer, relay = start(programs)
        end = world.await_delivered(gateway, both) if gateway else world.await_announced(new, case.queue_type, both)
        seconds = end - begin
        servers = world.clock.used()
        memory = {"writer_mib": writer.peak_mib(), "relay_mib": relay.peak_mib()}
        per = {"writer_us": writer.stop(), "relay_us": relay.stop(), "postgres_us": servers["postgres"],
               "rabbitmq_us": servers["rabbitmq"]}
    return {"messages": case.messages, "seconds": round(seconds, 3), "rate": case.messages / seconds,
            **{name: value / case.messages for name, value in per.items()}, **memory}


def ours(world, case, record, name=OURS, **settings):
    world.fresh_database()
    new = fill(world, case)
    record.add(case.name, name, **measure(
        world, case, lambda programs: (
            world.start_writer(programs, queue_type=case.queue_type),
            world.start_relay(programs, queue_type=case.queue_type, **settings)), new))


def both_ways(world, case, record):
    """As it is by default, and with several messages of a market unconfirmed."""
    ours(world, case, record)
    ours(world, case, record, SEVERAL, RELAY_UNCONFIRMED_PER_MARKET=str(UNCONFIRMED))


def reference(world, case, record, batch, mark="hwm", dressed=False):
    world.fresh_reference()
    new = fill(world, case)
    record.add(case.name, reference_name(batch, mark, dressed), **measure(
        world, case, lambda programs: world.start_reference(programs, batch, mark, case.queue_type, dressed=dressed), new))


def main_case(options):
    return Case("100 markets", options.messages)


def run_throughput(world, options, record):
    beside_its_best(world, options, record, main_case(options))


def beside_its_best(world, options, record, case):
    """In turns; the C pipeline with several batch sizes, for its best."""
    for _ in range(options.rounds):
        for batch in options.batches:
            reference(world, case, record, batch)
            reference(world, case, record, batch, dressed=True)
        both_ways(world, case, record)


def run_duplicates(world, options, record):
    case = Case("one tenth duplicates", options.messages // 2, duplicates=True)
    in_turns(world, options, record, [case], options.best_batch)


def run_shapes(world, options, record):
    """Other numbers of markets, longer messages, all kinds. With few markets order bounds the relay, so fewer messages."""
    half = options.messages // 2
    in_turns(world, options, record, [
        Case("1 market", max(half // 10, 1000), markets=1),
        Case("10 markets", half // 2, markets=10),
        Case("1,000 markets", half, markets=1000),
        Case("60 candles a message", half // 2, candles=60),
    ], 1000)
    for _ in range(options.rounds):
        ours(world, Case("all five kinds", half, markets=1000, all_kinds=True), record)


def run_quorum(world, options, record):
    in_turns(world, options, record, [Case("quorum queues", options.messages // 2, queue_type="quorum")], options.best_batch)


def run_gateway(world, options, record):
    """As the platform is: something takes the messages out of the output queue as they come."""
    half = options.messages // 2
    beside_its_best(world, options, record, Case("100 markets" + TO_A_GATEWAY, half, gateway=True))
    in_turns(world, options, record, [
        Case("one tenth duplicates" + TO_A_GATEWAY, half, duplicates=True, gateway=True),
        Case("1,000 markets" + TO_A_GATEWAY, half, markets=1000, gateway=True),
        Case("quorum queues" + TO_A_GATEWAY, half, queue_type="quorum", gateway=True),
    ], options.best_batch)


def in_turns(world, options, record, cases, batch):
    for case in cases:
        for _ in range(options.rounds):
            reference(world, case, record, batch)
            reference(world, case, record, batch, dressed=True)
            both_ways(world, case, record)


def run_update(world, options, record):
    """The C pipeline as many outboxes work: batches of 100, each row marked by an update, with a past of that behind it."""
    case = Case(f"after {options.marked_rows:,} rows", options.messages)
    world.fresh_reference()
    # Later than what the load writes, so that keys differ; rows are marked a hundred at a time, as its relay does.
    world.sql("refpipe", f"""
        INSERT INTO candles (market_id, interval_start, interval_end, open, high, low, close, volume, charts)
        SELECT g % 100 + 1, t, t + interval '1 minute', 1, 1, 1, 1, 1, '[[1702305540000,1,1,1,1,1]]'
        FROM generate_series(1, {options.marked_rows}) g, LATERAL (
            SELECT timestamptz '2040-01-01' + g / 100 * interval '1 minute' AS t) l""",
        f"INSERT INTO outbox (market_id, payload) SELECT g % 100 + 1, repeat('x', 230) FROM generate_series(1, {options.marked_rows}) g",
        f"""DO $$ BEGIN FOR i IN 0 .. {options.marked_rows} / 100 LOOP
                UPDATE outbox SET published_at = now() WHERE id BETWEEN i * 100 + 1 AND i * 100 + 100;
                COMMIT;
            END LOOP; END $$""", "CHECKPOINT")
    read = replace(case, name=case.name + TO_A_GATEWAY, gateway=True)
    for number in range(options.rounds):
        for offset, each in enumerate((case, read)):
            reference_further(world, each, record, 2 * number + offset)
            ours(world, each, record)


def reference_further(world, case, record, number):
    """Into the tables as they are: the next messages."""
    world.purge()
    world.load("classic", world.amqp(), "fill", case.messages, number * case.messages)
    record.add(case.name, reference_name(100, "update"), **measure(
        world, case, lambda programs: world.start_reference(programs, 100, "update"), case.messages))


