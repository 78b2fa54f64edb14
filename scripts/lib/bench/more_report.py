"""The parts of the report beside throughput and latency."""

import plots
from tables import spread, table
from throughput import OURS


def growth(results, pictures):
    """What does not change with what lies in the tables, waits in them, or has passed through."""
    yield from catchup(results, pictures)
    cases = results.cases("growth")
    if not cases:
        return
    yield f"""## Growth

Two databases, one with {cases[0]} and one with {cases[-1]} in records and outbox, all announced. The next messages, in turns."""
    yield table(
        ["in the tables", "runs", "messages/s", "writer CPU µs", "relay CPU µs", "PostgreSQL CPU µs", "peak MiB", "load"],
        [[case, len(results.of("growth", case)), spread(results.values("growth", case, OURS, "rate")),
          *(spread(results.values("growth", case, OURS, key), 1) for key in ("writer_us", "relay_us", "postgres_us")),
          peaks(results, "growth", case), spread(results.values("growth", case, OURS, "load"), 1)] for case in cases],
        range(1, 8))


def peaks(results, section, case):
    found = [results.values(section, case, OURS, name) for name in ("writer_mib", "relay_mib")]
    return " / ".join(f"{max(values):.0f}" for values in found if values)


def catchup(results, pictures):
    cases = results.cases("catchup")
    if not cases:
        return
    yield """## Catching up, and a long run

The writer alone, the relay being off, stores what waits in the queue; then the relay alone announces what waits in the outbox, to a consumer. The
rates are those between the first commit and the last; peak memory is that at the end.

![memory](benchmarks/memory.svg)"""
    yield table(
        ["", "runs", "a second", "CPU µs", "PostgreSQL CPU µs", "RabbitMQ CPU µs", "peak MiB", "load"],
        [[("relay, " if case.endswith(" rows") else "") + case, len(results.of("catchup", case)),
          spread(results.values("catchup", case, OURS, "rate")),
          spread([*results.values("catchup", case, OURS, "writer_us"), *results.values("catchup", case, OURS, "relay_us")], 1),
          *(spread(results.values("catchup", case, OURS, key), 1) for key in ("postgres_us", "rabbitmq_us")),
          peaks(results, "catchup", case), spread(results.values("catchup", case, OURS, "load"), 1)] for case in cases],
        range(1, 8))
    plot_memory(results, cases, pictures)


def plot_memory(results, cases, pictures):
    longest = {name: results.values("catchup", case, OURS, "memory")[0] for name, case in (
        ("writer", [case for case in cases if case.startswith("writer")][-1]),
        ("relay", [case for case in cases if case.endswith(" rows")][-1]))}
    seconds = max(points[-1][0] for points in longest.values() if points)
    marks = [(mark, f"{mark:g}") for mark in plots.steps(seconds)]
    plots.panels(pictures / "memory.svg", "resident memory over the long run, MiB", marks, [("", longest)], logarithmic=False,
                 x_title="seconds")


LIGHT = [("writer_us", 0), ("relay_us", 0), ("writer_switches", 1), ("relay_switches", 1), ("p50", 1), ("p99", 1)]


def light(results, _):
    """The loads that users have."""
    cases = [case for case in results.cases("light") if case[0].isdigit() and case.endswith("/s")]
    if not cases:
        return
    yield """## One at a time

Messages at a steady rate, each alone, to a gateway that takes them as they come. Processor time and switches of threads are those of the time under
load, for each message: a switch is a wake-up, or a turn that ended. Median (lowest-highest) of the rounds."""
    yield table(
        ["rate", "pipeline", "rounds", "writer µs", "relay µs", "writer switches", "relay switches", "p50 ms", "p99 ms"],
        [[case, name, len(results.of("light", case, name)),
          *(spread(results.values("light", case, name, key), digits) for key, digits in LIGHT)]
         for case in cases for name in results.pipelines("light", case)], range(2, 9))
    if results.of("light", "nothing to do"):
        keys = [f"{part}_{what}_a_second" for what in ("ms", "switches") for part in ("writer", "relay")]
        yield "With nothing to do, a second:\n\n" + table(
            ["", "writer ms", "relay ms", "writer switches", "relay switches"],
            [[name, *(spread(results.values("light", "nothing to do", name, key), 1) for key in keys)]
             for name in results.pipelines("light", "nothing to do")], range(1, 5))
    for case in (case for case in results.cases("light") if case.startswith("system calls")):
        yield f"{case[0].upper()}{case[1:]}, for each message, slowed down by strace:\n\n" + table(
            ["program", "all", "most"],
            [[line["pipeline"], f"{sum(count for _, count in line['calls']):.1f}",
              ", ".join(f"{call} {count:.2f}" for call, count in line["calls"][:6])] for line in results.of("light", case)], (1,))
    for case in (case for case in results.cases("light") if "beside" in case):
        yield f"Candles at {case} of trades, in their own queue: " + ", ".join(
            f"{key} {spread(results.values('light', case, OURS, key), 1)} ms" for key in ("p50", "p95", "p99")) + "."


def stages(results, _):
    cases = results.cases("stages")
    if not cases:
        return
    units = {"ms": "ms", "ns": "ns CPU", "us": "µs CPU", "rate": "a second", "p50": "ms, median", "p95": "ms, 95 %",
             "worst": "ms, worst", "cpu_ms": "ms CPU"}
    rows = [[case, name, len(results.of("stages", case, name)), ", ".join(
        f"{spread(results.values('stages', case, name, key), 0 if key in ('rate', 'ns', 'ms', 'cpu_ms') else 1)} {unit}"
        for key, unit in units.items() if results.values("stages", case, name, key))]
        for case in cases for name in results.pipelines("stages", case)]
    yield "## Stages alone\n\nFor each message, median (lowest-highest). Writer and relay alone: see above, catching up."
    yield table(["stage", "of", "runs", "measured"], rows)


def allocations(results, _):
    lines = results.of("allocations")
    if not lines:
        return
    yield """## Allocations

Calls of the allocator for each message, counted by a library before it (`Tests/Benchmarks/Allocations`), over a run of the throughput
case; what a program allocates to start is counted apart. `scripts/bench allocations` fails above the limit."""
    yield table(["program", "a message", "limit", "to start"],
                [[line["pipeline"], f'{line["allocations"]:.2f}', line["limit"], f'{line["start"]:,}'] for line in lines], (1, 2, 3))


def open_transaction(results, _):
    cases = [case for case in results.cases("open transaction") if case != "warm-up"]
    if not cases:
        return
    yield """## Beside an open transaction

Loads one after the other into the same database, while a transaction with a snapshot is held open elsewhere
(`scripts/bench --open-transaction MINUTES`). From the first message sent to the last one announced."""
    yield table(["transaction", "loads", "messages/s"], [
        [case, len(results.of("open transaction", case)), spread(results.values("open transaction", case, OURS, "rate"))]
        for case in cases], (1, 2))
