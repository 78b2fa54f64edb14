"""The measuring of scripts/bench, which sets up the servers, builds, and passes its arguments on."""

import argparse
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import allocations
import compare
import growth
import latency
import light
import profile_report
import profiling
import report
import stages
import throughput
from machine import describe
from results import Recorder, Results, commit_of
from targets import best_batch
from world import ROOT, World

SECTIONS = {
    "throughput": throughput.run_throughput,
    "gateway": throughput.run_gateway,
    "duplicates": throughput.run_duplicates,
    "shapes": throughput.run_shapes,
    "quorum": throughput.run_quorum,
    "update": throughput.run_update,
    "light": light.run_light,
    "latency": latency.run_latency,
    "catchup": growth.run_catchup,
    "growth": growth.run_growth,
    "stages": stages.run_stages,
    "allocations": allocations.run_allocations,
    "profile": profiling.run_profile,
}
EXPECTED = (TimeoutError, ChildProcessError, RuntimeError, subprocess.CalledProcessError)
DEFAULTS = {
    "messages": 100_000, "rounds": 3, "batches": [1000, 2000, 5000], "rates": [10, 100, 200, 1000, 3000],
    "light_rates": [10, 50, 200, 1000, 3000], "traced_rates": [200],
    "notify": ["in", "after"],
    "seconds": 6, "marked_rows": 1_000_000, "backlog": 1_000_000, "grown_rows": 10_000_000}
QUICK = {
    "messages": 5000, "rounds": 1, "batches": [1000], "rates": [100, 1000], "light_rates": [50, 200], "traced_rates": [50], "notify": ["in"], "seconds": 2, "marked_rows": 20_000,
    "backlog": 20_000, "grown_rows": 50_000}


def numbers(text):
    return [int(word) for word in text.replace(",", " ").split()]


def arguments():
    parser = argparse.ArgumentParser(
        prog="scripts/bench", usage="scripts/bench [OPTION...] [SECTION...] (--help says which)", add_help=False, allow_abbrev=False)
    parser.add_argument("sections", nargs="*")
    for flag in ("--quick", "--report-only", "--parse-only"):
        parser.add_argument(flag, action="store_true")
    for number in ("--messages", "--rounds", "--seconds", "--marked-rows", "--backlog", "--grown-rows", "--open-transaction"):
        parser.add_argument(number, type=int)
    for several in ("--batches", "--rates", "--light-rates", "--traced-rates"):
        parser.add_argument(several, type=numbers)
    parser.add_argument("--notify", type=str.split)
    parser.add_argument("--compare")
    options = parser.parse_args()
    if unknown := [name for name in options.sections if name not in SECTIONS]:
        parser.error(f"no section {unknown[0]}; there are {', '.join(SECTIONS)}")
    for name, value in (QUICK if options.quick else DEFAULTS).items():
        if getattr(options, name) is None:
            setattr(options, name, value)
    options.failures = []
    return options


def measure(options, raw):
    world = World()
    commit = commit_of(ROOT)
    if options.compare:
        return compare.run_compare(world, options, Recorder(raw, "compare", commit))
    facts = Recorder(raw, "machine", commit)
    facts.add("machine", "", **describe(world))
    facts.done()
    sections = {name: SECTIONS[name] for name in options.sections or SECTIONS}
    if options.open_transaction:
        sections = {"open transaction": growth.run_open_transaction}
    for name, section in sections.items():
        begin = time.monotonic()
        print(f"== {name}", flush=True)
        options.best_batch = best_batch(Results(raw)) or options.batches[0]
        record = Recorder(raw, name, commit)
        try:
            section(world, options, record)
            record.done()
        except EXPECTED as error:  # the other sections are measured nevertheless
            options.failures.append(f"{name}: {explained(error)}")
        print(f"== {name}: {time.monotonic() - begin:.0f} s", flush=True)
    return None


def explained(error):
    output = f"\n{error.stdout or ''}{error.stderr or ''}" if isinstance(error, subprocess.CalledProcessError) else ""
    return f"{error}{output}"


def main():
    # So that what was started is killed on the way out.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    options = arguments()
    if options.parse_only:
        return
    logs = Path(os.environ["BENCH_LOGS"])
    raw = logs / ("quick.jsonl" if options.quick else "results.jsonl")
    if not options.report_only:
        measure(options, raw)
    if not options.compare:
        target = logs / "quick" if options.quick else ROOT / "docs"
        report.write(raw, target)
        profile_report.write(raw, target)
    if options.failures:
        sys.exit("scripts/bench: " + "\n".join(options.failures))


try:
    main()
except EXPECTED as error:
    sys.exit(f"scripts/bench: {explained(error)}")
