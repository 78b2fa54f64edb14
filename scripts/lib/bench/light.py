"""What the two programs cost at the loads that users have: messages one at a time, and none at all."""

import json
import shutil
import subprocess
import time

from processes import Programs, Usage
from throughput import OURS

WARM_UP = 1
BESIDE_RATE = 50
IDLE = "nothing to do"


def run_light(world, options, record):
    for _ in range(options.rounds):
        for rate in options.light_rates:
            reference(world, rate, options.seconds, record)
            ours(world, rate, options.seconds, record, OURS)
        idle(world, options.seconds, record, OURS)
    for rate in options.traced_rates:
        traced(world, rate, options.seconds, record, OURS)
    beside(world, options, record)


def reference(world, rate, seconds, record):
    """In batches of 100, ringing its relay after its transaction."""
    world.fresh_reference()
    world.purge()
    with Programs() as programs:
        both = world.start_reference(programs, 100, "hwm", dressed=True)
        time.sleep(1)
        send(world, rate, seconds, record, "C pipeline, properties as ours", both)


def ours(world, rate, seconds, record, name):
    world.fresh_database()
    world.purge()
    with world.pair() as both:
        send(world, rate, seconds, record, name, both)


def send(world, rate, seconds, record, name, both):
    """A second to warm up, then the load under measurement, with what the load generator needs to connect."""
    load(world, rate, WARM_UP)
    used = [Usage(program.process.pid) for program in both]
    result = load(world, rate, seconds, first=WARM_UP * rate)
    values = {}
    for part, usage in zip(("writer", "relay"), used):
        cpu, switches = usage.since()
        values |= {f"{part}_us": cpu / result["sent"], f"{part}_switches": switches / result["sent"]}
    record.add(f"{rate}/s", name, rate=rate, messages=result["sent"], p50=result["p50ms"], p99=result["p99ms"], **values)


def load(world, rate, seconds, first=0):
    result = json.loads(world.load("classic", "-i", first, world.amqp(), "lat", rate, seconds, 0))
    if result["got"] != result["sent"]:
        raise RuntimeError(f"{result['got']} of {result['sent']} messages came out")
    return result


def idle(world, seconds, record, name):
    """Ready, connected, and nothing comes."""
    world.fresh_database()
    world.purge()
    with world.pair() as both:
        time.sleep(2)
        used, begin = [Usage(program.process.pid) for program in both], time.monotonic()
        time.sleep(max(seconds, 10))
        spent, values = time.monotonic() - begin, {}
        for part, usage in zip(("writer", "relay"), used):
            cpu, switches = usage.since()
            values |= {f"{part}_ms_a_second": cpu / 1000 / spent, f"{part}_switches_a_second": switches / spent}
        record.add(IDLE, name, **values)


def traced(world, rate, seconds, record, name):
    """System calls, counted by strace, which slows the programs down: more messages are in a batch, so they are fewer."""
    if not shutil.which("strace"):
        raise RuntimeError("strace is not installed: apt-get install strace")
    world.fresh_database()
    world.purge()
    with world.pair() as both:
        load(world, rate, WARM_UP)
        logs = [world.logs / f"calls-{part}.log" for part in ("writer", "relay")]
        traces = [
            subprocess.Popen(["strace", "-f", "-c", "-q", "-o", log, "-p", str(program.process.pid)])
            for log, program in zip(logs, both)]
        try:
            time.sleep(1)
            result = load(world, rate, seconds, first=WARM_UP * rate)
        finally:
            for trace in traces:
                trace.terminate()
                trace.wait()
        for part, log in zip(("writer", "relay"), logs):
            calls = {line.split()[-1]: int(line.split()[3]) for line in log.read_text().splitlines()[2:]
                     if len(line.split()) >= 5 and line.split()[3].isdigit()}
            calls.pop("total", None)
            record.add(f"system calls at {rate}/s", f"{name}, {part}", messages=result["sent"],
                       calls=sorted(((call, count / result["sent"]) for call, count in calls.items()), key=lambda one: -one[1]))


def beside(world, options, record):
    """Latency of candles, one at a time, while trades wait in their own queue, as many as the pair can take."""
    for _ in range(options.rounds):
        world.fresh_database()
        world.purge()
        with world.pair() as both, Programs() as others:
            others.start(world.logs / "beside.log", world.bin / "LoadGenerator", "publish", "--kinds", "Trade",
                         "--count", str(options.messages * 10), AMQP_URL=world.amqp())
            time.sleep(3)
            result = load(world, BESIDE_RATE, options.seconds)
            for program in both:
                program.must_run()
            record.add(f"{BESIDE_RATE}/s beside a full load", OURS, p50=result["p50ms"], p95=result["p95ms"], p99=result["p99ms"])
