"""What Candlepost aims at, held against what was measured."""

from throughput import OURS, SEVERAL, TO_A_GATEWAY, UNCONFIRMED

MAIN = ("throughput", "100 markets")
QUORUM = ("quorum", "quorum queues")
DRESSED = ", properties as ours"


def ratio(text, limit, mine, other):
    """At least `limit` times as much as the other."""
    if not mine or not other:
        return text, "not measured", None
    return text, f"{mine / other:.2f} ({mine:,.0f} to {other:,.0f} a second)", mine / other >= limit


def at_most(text, limit, value, unit):
    if value is None:
        return text, "not measured", None
    return text, f"{value:.3g} {unit}", value <= limit


def best_reference(results, section, case, ending=", hwm"):
    """The median of the C pipeline's best batch size."""
    names = [name for name in results.pipelines(section, case) if name.endswith(ending)]
    return max((results.median(section, case, name, "rate") for name in names), default=None)


def best_batch(results):
    """The batch size with which the C pipeline was fastest, None if that was not measured."""
    rates = {name: results.median(*MAIN, name, "rate") for name in results.pipelines(*MAIN) if name.endswith(", hwm")}
    if not rates:
        return None
    return int(max(rates, key=rates.get).split("batch ")[1].split(", hwm")[0].replace(",", ""))


def latency_targets(results):
    for rate in (100, 1000, 3000):
        case = f"{rate}/s"
        others = [name for name in results.pipelines("latency", case) if name != OURS]
        text = f"latency at {rate:,}/s, p50 and p99, no worse than the C pipeline's (each at its best)"
        if not others or not results.of("latency", case, OURS):
            yield text, "not measured", None
            continue
        mine = [results.median("latency", case, OURS, key) for key in ("p50", "p99")]
        its = [min(results.median("latency", case, name, key) for name in others) for key in ("p50", "p99")]
        yield (text, f"{mine[0]:.1f} and {mine[1]:.1f} ms, to {its[0]:.1f} and {its[1]:.1f} ms",
               mine[0] <= its[0] and mine[1] <= its[1])


def light_targets(results):
    for rate, writer, relay in (("200/s", 350, 220), ("1000/s", 150, 90)):
        for name, limit in (("writer", writer), ("relay", relay)):
            yield at_most(f"CPU of the {name} at {rate}, one at a time, at most {limit} µs a message", limit,
                          results.median("light", rate, OURS, f"{name}_us"), "µs")
    idle = [results.median("light", "nothing to do", OURS, f"{name}_switches_a_second") for name in ("writer", "relay")]
    yield at_most("with nothing to do, at most 10 switches of threads a second together", 10,
                  None if None in idle else sum(idle), "a second")


def peak_memory(results):
    values = [line[name] for line in results.lines for name in ("writer_mib", "relay_mib")
              if line.get("pipeline") == OURS and line.get(name)]
    return max(values, default=None)


def within(results, text, section):
    """The large case runs at no less than 0.95 of the small one's rate."""
    cases = [case for case in results.cases(section) if case.endswith(" rows")]
    small, large = (cases[0], cases[-1]) if cases else ("the small case", "the large case")
    mine, other = (results.median(section, case, OURS, "rate") for case in (large, small))
    return ratio(f"{text}: {large} at least 0.95 of {small}", 0.95, mine, other)


def targets(results):
    """Each is (what, measured, whether it holds or None)."""
    rate = results.median(*MAIN, OURS, "rate")
    duplicates = ("duplicates", "one tenth duplicates")
    yield ratio("end to end, at least the C pipeline's rate at its best batch size", 1, rate, best_reference(results, *MAIN))
    for name in ("100 markets", "1,000 markets", "quorum queues"):
        case = ("gateway", name + TO_A_GATEWAY)
        yield ratio("the same, " + case[1], 1, results.median(*case, OURS, "rate"), best_reference(results, *case))
    for ours, what in ((OURS, ""), (SEVERAL, f", {UNCONFIRMED} unconfirmed of a market")):
        yield ratio("end to end, the C pipeline's messages with the properties and headers of ours, and `mandatory`" + what, 1,
                    results.median(*MAIN, ours, "rate"), best_reference(results, *MAIN, DRESSED))
        for case in [("shapes", name) for name in ("1,000 markets", "10 markets", "1 market")] + [QUORUM]:
            yield ratio(f"the same, {case[1]}{what}", 1, results.median(*case, ours, "rate"),
                        best_reference(results, *case, DRESSED))
    yield ratio("with one tenth duplicates, at least 0.9 of the C pipeline's rate", 0.9, results.median(*duplicates, OURS, "rate"),
                best_reference(results, *duplicates))
    yield ratio("the same, its messages with the properties of ours", 0.9, results.median(*duplicates, OURS, "rate"),
                best_reference(results, *duplicates, DRESSED))
    read = ("gateway", duplicates[1] + TO_A_GATEWAY)
    yield ratio("the same, to a gateway", 0.9, results.median(*read, OURS, "rate"), best_reference(results, *read))
    for case in results.cases("update") or ["after many rows"]:
        update = next((name for name in results.pipelines("update", case) if name.endswith("update")), "")
        yield ratio(f"at least twice the C pipeline's with batches of 100 and an update for each row, {case}", 2,
                    results.median("update", case, OURS, "rate"), results.median("update", case, update, "rate"))
    yield at_most("CPU of the writer at most 10 µs a message", 10, results.median(*MAIN, OURS, "writer_us"), "µs")
    yield at_most("CPU of the relay at most 8 µs a message", 8, results.median(*MAIN, OURS, "relay_us"), "µs")
    yield from light_targets(results)
    yield from latency_targets(results)
    yield at_most("peak memory of either program at most 64 MiB, in every run", 64, peak_memory(results), "MiB")
    yield within(results, "catching up", "catchup")
    yield within(results, "with a past in the tables", "growth")
    ready = [results.median("stages", "start to ready", name, "ms") for name in ("writer", "relay")]
    yield at_most("start to ready at most 0.5 s", 0.5, max(ready) / 1000 if None not in ready else None, "s")
