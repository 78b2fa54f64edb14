"""Two revisions in turns."""

import os
import statistics

import light
import throughput
from results import commit_of
from world import ROOT, World


def run_compare(world, options, record):
    """The throughput case for this tree and for the one that scripts/bench built from another revision."""
    other = World(os.environ["BENCH_OTHER_BIN"])
    case = throughput.main_case(options)
    names = {"this": commit_of(ROOT), "other": options.compare}
    order = [(other, "other"), (world, "this")]
    for _ in range(options.rounds):
        for where, name in order:
            throughput.ours(where, case, record, name=name)
            for rate in options.light_rates:
                light.ours(where, rate, options.seconds, record, name)
            light.idle(where, options.seconds, record, name)
        order.reverse()
    record.done()
    print()
    print("| revision | messages/s | lowest | highest | writer CPU µs | relay CPU µs |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    medians = {}
    for name, revision in names.items():
        lines = [line for line in record.lines if line["pipeline"] == name and line["case"] == case.name]
        rates = [line["rate"] for line in lines]
        medians[name] = statistics.median(rates)
        cpu = [statistics.median(line[key] for line in lines) for key in ("writer_us", "relay_us")]
        print(f"| {revision} | {medians[name]:.0f} | {min(rates):.0f} | {max(rates):.0f} | {cpu[0]:.1f} | {cpu[1]:.1f} |")
    print("\n| one at a time | revision | writer CPU µs | relay CPU µs | switches of threads | p50 ms |")
    print("| --- | --- | ---: | ---: | ---: | ---: |")
    for rate in options.light_rates:
        for name, revision in names.items():
            lines = [line for line in record.lines if line["pipeline"] == name and line["case"] == f"{rate}/s"]
            figures = [statistics.median(line[key] for line in lines) for key in ("writer_us", "relay_us")]
            switches = statistics.median(line["writer_switches"] + line["relay_switches"] for line in lines)
            latency = statistics.median(line["p50"] for line in lines)
            print(f"| {rate}/s | {revision} | {figures[0]:.0f} | {figures[1]:.0f} | {switches:.1f} | {latency:.1f} |")
    print(f"\nratio: {medians['this'] / medians['other']:.2f}")
