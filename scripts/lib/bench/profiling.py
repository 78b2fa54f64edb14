"""Where the processor time goes: both programs sampled by perf over a run of the throughput case, into docs/profile.md."""

import itertools
import re
import shutil
import signal
import subprocess
from collections import Counter

from processes import Programs
from throughput import Case, fill
from world import run

TOP = 15


def run_profile(world, options, record):
    if not shutil.which("perf"):
        raise RuntimeError("perf is not installed: apt-get install linux-perf")
    # In less time than that takes, perf has hardly begun.
    case = Case("profile", max(options.messages, 20_000))
    world.fresh_database()
    fill(world, case)
    with Programs() as programs:
        both = {"writer": world.start_writer(programs), "relay": world.start_relay(programs)}
        samplers = {name: sample(world, name, program) for name, program in both.items()}
        world.await_announced(case.messages, programs=both.values())
        for sampler in samplers.values():
            sampler.send_signal(signal.SIGINT)
            sampler.wait()
        used = {name: program.stop() / case.messages for name, program in both.items()}
    for name, microseconds in used.items():
        record.add(name, "all of it", us=microseconds, messages=case.messages)
        inclusive, exclusive = (list(functions(world, name, what)) for what in ("inclusive", "exclusive"))
        places = Counter()
        for share, _, place in exclusive:
            places[place] += share
        own = [entry for entry in inclusive if entry[2] == name]
        for what, entries in (("inclusive", own), ("exclusive", exclusive), (
                "place", [(share, "", place) for place, share in places.most_common()])):
            entries = ((share, demangled(symbol), place) for share, symbol, place in entries)
            entries = (entry for entry in entries if "thunk for" not in entry[1])
            for share, function, place in itertools.islice(entries, TOP):
                record.add(name, what, show=False, us=microseconds * share, share=share, function=function, place=place)


def sample(world, name, program):
    """By the clock, as virtual machines seldom count cycles. Swift keeps frame pointers, so that callers are known."""
    return subprocess.Popen(
        ["perf", "record", "--quiet", "--event=cpu-clock", "--freq=4000", "-g", f"--output={world.logs / name}.perf",
         f"--pid={program.process.pid}"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def functions(world, name, what):
    """The costliest first, as (share, function, where it is)."""
    children = "--children" if what == "inclusive" else "--no-children"
    report = run("perf", "report", "--stdio", "--no-demangle", "--call-graph=none", "--sort=dso,symbol", children,
                 "--field-separator=|", f"--input={world.logs / name}.perf")
    # Of the columns the first is the share, and the one before the symbol is where it is.
    for line in report.splitlines():
        found = re.match(r" *([\d.]+)% *\|(?: *[\d.]+% *\|)?([^|]+)\|\[.\] ([^|]+)", line)
        if found and not re.match("(0x)?[0-9a-f]{8,}", found[3]):
            yield float(found[1]) / 100, found[3].strip(), found[2].strip()


def demangled(symbol):
    if not symbol.startswith("$s"):
        return symbol
    return run("swift", "demangle", "--compact", "--simplified", symbol).strip()
