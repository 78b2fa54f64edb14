"""docs/benchmarks.md and its pictures, from raw results."""

import math
import statistics

import plots
from more_report import allocations, growth, light, open_transaction, stages
from results import Results
from tables import spread, table
from targets import targets
from throughput import OURS

THROUGHPUT = ["throughput", "gateway", "duplicates", "shapes", "quorum", "update"]


def write(raw, directory):
    results = Results(raw)
    pictures = directory / "benchmarks"
    pictures.mkdir(parents=True, exist_ok=True)
    parts = [head(results), targets_table(results)]
    for section in (throughput, light, latency, growth, stages, allocations, open_transaction):
        parts += section(results, pictures)
    parts += [OTHERS, runs(results), METHOD]
    target = directory / "benchmarks.md"
    target.write_text("\n\n".join(part.strip() for part in parts if part) + "\n")
    print(f"written: {target}")


def head(results):
    lines = results.of("machine")
    text = """# Benchmarks

Candlepost beside a bare pipeline in C (`Tests/Benchmarks/refpipe`: the same servers and messages, and none of the promises: no
`mandatory`, no order with several writers, no quarantine, no reconnect), in turns on the same machine. Written by `scripts/bench`.
Machines differ and are noisy: read the ratios."""
    if not lines:
        return text
    facts = lines[-1]
    return text + f"""

| | |
| --- | --- |
| machine | {facts["cores"]} cores, {facts["cpu"]}, {facts["memory_gib"]} GiB, {facts["system"]}, Linux {facts["kernel"]} |
| versions | PostgreSQL {facts["postgres"]}, RabbitMQ {facts["rabbitmq"]}, Swift {facts["swift"]}; both servers on that machine too |""" + busy(results, facts["cores"])


def busy(results, cores):
    """By themselves the runs keep the load average at about one and a half for each core."""
    loads = [line["load"] for line in results.lines if line["section"] != "machine"]
    if not loads or statistics.median(loads) <= 3 * cores:
        return ""
    return f"""

**The machine was busy with other things (load average {min(loads):.0f} to {max(loads):.0f}): these figures say little.**"""


def runs(results):
    rows = []
    for section in (section for section in results.sections() if section != "machine"):
        lines = results.of(section)
        rows.append([section, lines[0]["commit"], lines[0]["run"][:16].replace("T", " "),
                     "no" if section in results.incomplete else "yes"])
    return "## Runs\n\nA + behind a commit: sources that differed from it.\n\n" + table(["section", "commit", "began (UTC)", "complete"], rows)


def targets_table(results):
    rows = [[what, measured, {True: "yes", False: "**no**", None: ""}[holds]] for what, measured, holds in targets(results)]
    return "## Targets\n\n" + table(["target", "measured", "holds"], rows)


# Throughput

def throughput(results, pictures):
    keys = [(section, case, name) for section in THROUGHPUT for case in results.cases(section)
            for name in results.pipelines(section, case)]
    if not keys:
        return
    rows = [[case, name, len(results.of(section, case, name)), spread(results.values(section, case, name, "rate")),
             *(spread(results.values(section, case, name, key), 1) for key in ("writer_us", "relay_us")),
             *(spread(results.values(section, case, name, key)) for key in ("postgres_us", "rabbitmq_us")),
             f'{max(results.values(section, case, name, "writer_mib")):.0f} / {max(results.values(section, case, name, "relay_mib")):.0f}',
             spread(results.values(section, case, name, "load"), 1)] for section, case, name in keys]
    plot_throughput(results, keys, pictures)
    yield """## Throughput

Messages wait in the queue; both programs start; the time ends when the last one is in the output queue. "To a gateway" something
takes the messages out of it as they come, as in the platform, and the time ends when it has the last one; otherwise that queue
only grows, which costs RabbitMQ half as much again. Median (lowest-highest) of the runs. CPU is that of the whole process, start
included, in µs for each message; the servers' is that of all their processes. Unless it says otherwise: candles of 100 markets,
one to a message (230 bytes), in classic queues. The C pipeline announces one aggregated candle for each message, so the messages
of 60 candles (4 kB) leave it as 250 bytes. Candlepost keeps at most one message of a market and kind unconfirmed, so that its
window holds as many messages as there are markets with work: with few markets the broker's confirm time is what bounds it, and
the price of order that a refusal can't break. `RELAY_UNCONFIRMED_PER_MARKET` gives that order up, as the C pipeline does.

![messages a second](benchmarks/throughput.svg)"""
    yield table(["case", "pipeline", "runs", "messages/s", "writer", "relay", "PostgreSQL", "RabbitMQ", "peak MiB", "load"],
                rows, range(2, 10))
    yield "![CPU for each message](benchmarks/cpu.svg)"


def plot_throughput(results, keys, pictures):
    plots.bars(pictures / "throughput.svg", "messages a second: median, lowest to highest", [
        (case, name, results.median(section, case, name, "rate"),
         min(results.values(section, case, name, "rate")), max(results.values(section, case, name, "rate")))
        for section, case, name in keys])
    names = {"writer_us": "writer", "relay_us": "relay", "postgres_us": "PostgreSQL", "rabbitmq_us": "RabbitMQ"}
    plots.stacks(pictures / "cpu.svg", "CPU for each message, µs", [
        (name if section == "throughput" else f"{OURS}, {case}",
         {names[key]: results.median(section, case, name, key) for key in names})
        for section, case, name in keys if section == "throughput" or name == OURS])


# Latency

def latency(results, pictures):
    cases = results.cases("latency")
    if not cases:
        return
    keys = [(case, name) for case in cases for name in results.pipelines("latency", case)]
    rows = [[case, name, len(results.of("latency", case, name)),
             *(spread(results.values("latency", case, name, key), 1) for key in ("p50", "p95", "p99")),
             spread(results.values("latency", case, name, "p999"), 1) if results.of("latency", case, name)[0]["messages"] >= 1000 else "",
             spread(results.values("latency", case, name, "load"), 1)] for case, name in keys]
    x_marks = [(0, ""), (nines(50), "50"), (nines(90), "90"), (nines(99), "99"), (nines(99.9), "99.9")]
    plots.panels(pictures / "latency.svg", "latency by percentile, ms (medians of the rounds)", x_marks, [
        (case, {name: median_curve(results.values("latency", case, name, "curve")) for name in results.pipelines("latency", case)})
        for case in cases])
    yield """## Latency

From publish into the collectors' queue to delivery from the gateway's, in ms, at a steady rate, without coordinated omission: a message
counts from when it was due. The first second is left out. The C pipeline in batches of 100, mark hwm, rings its relay's doorbell in its
transaction or after it. Median (lowest-highest) over the rounds of each round's percentile.

![latency](benchmarks/latency.svg)"""
    yield table(["rate", "pipeline", "rounds", "p50", "p95", "p99", "p99.9", "load"], rows, range(2, 8))


def nines(percent):
    """The place of a percentile: 50, 90, 99, 99.9 at equal distances but the first."""
    return -math.log10(1 - min(percent, 99.9) / 100)


def median_curve(curves):
    """Of curves over the same percentiles, up to 99.9."""
    return [(nines(points[0][0]), statistics.median(y for _, y in points)) for points in zip(*curves) if points[0][0] <= 99.9]


OTHERS = """## Other systems

Measured by others on other machines, and not run here: for the order of magnitude only.

| system | rows/s | CPU µs a row | latency p50 | memory |
| --- | ---: | ---: | --- | --- |
| Debezium's embedded engine with the outbox router, to a handler that does nothing, without a broker | 6,300-14,600 | 80-120 | 10 ms at its fastest polling, 480-580 ms by default | 400-900 MB |
| faststream-outbox to RabbitMQ, tuned | 530-870 | 700-870 | 18-34 ms | |"""

METHOD = """## Do it again

`scripts/bench` runs all of it, `scripts/bench SECTION…` some of it, `scripts/bench --report-only` writes this page again. Raw results are
in `.local/bench/results.jsonl`, a line for each run; the page takes the newest complete run of each section."""
