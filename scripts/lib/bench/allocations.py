"""How often each program calls the allocator for a message, counted by a library that stands before it."""

import json

from processes import Programs, until
from throughput import fill, main_case
from world import PORT, ROOT, ready, run

DIRECTORY = ROOT / "Tests/Benchmarks/Allocations"


def limits():
    """The most allocations a message, by program."""
    return json.loads((DIRECTORY / "thresholds.json").read_text())


def run_allocations(world, options, record):
    """Fails if a program exceeds its limit. What it allocates to start is counted apart, with empty queues."""
    run("make", "-s", "-C", DIRECTORY)
    case = main_case(options)
    at_start = count(world, 0, lambda: until(lambda: ready(PORT) and ready(PORT + 1), 60, "both are ready"))
    fill(world, case)
    at_end = count(world, case.messages, lambda: world.await_announced(case.messages))
    exceeded = []
    for name, limit in limits().items():
        each = (at_end[name] - at_start[name]) / case.messages
        record.add("allocations a message", name, allocations=each, limit=limit, start=at_start[name])
        if each > limit:
            exceeded.append(f"{name} allocates {each:.2f} times a message, more than {limit} (see {DIRECTORY})")
    options.failures += exceeded


def count(world, messages, wait):
    """Of both programs, from their start until what is waited for."""
    world.fresh_database()
    if not messages:
        world.purge()
    files = {name: world.logs / f"{name}.allocations" for name in ("writer", "relay")}
    with Programs() as programs:
        for name, start in (("writer", world.start_writer), ("relay", world.start_relay)):
            start(programs, LD_PRELOAD=str(DIRECTORY / "count.so"), ALLOCATIONS_FILE=str(files[name]))
        wait()
        return {name: int.from_bytes(file.read_bytes(), "little") for name, file in files.items()}
