"""Two revisions in turns."""

import os
import statistics

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
        order.reverse()
    record.done()
    print()
    print("| revision | messages/s | lowest | highest | writer CPU µs | relay CPU µs |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    medians = {}
    for name, revision in names.items():
        lines = [line for line in record.lines if line["pipeline"] == name]
        rates = [line["rate"] for line in lines]
        medians[name] = statistics.median(rates)
        cpu = [statistics.median(line[key] for line in lines) for key in ("writer_us", "relay_us")]
        print(f"| {revision} | {medians[name]:.0f} | {min(rates):.0f} | {max(rates):.0f} | {cpu[0]:.1f} | {cpu[1]:.1f} |")
    print(f"\nratio: {medians['this'] / medians['other']:.2f}")
