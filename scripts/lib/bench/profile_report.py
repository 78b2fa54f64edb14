"""docs/profile.md."""

from results import Results
from tables import table


def write(raw, directory):
    results = Results(raw)
    lines = results.of("profile")
    if not lines:
        return
    parts = [f"""# Where the processor time goes

Both programs in their release build, sampled by `perf` while {lines[0]["messages"]:,} waiting candles of 100 markets pass through; written by
`scripts/bench profile`, commit {lines[0]["commit"]}. In µs for each message: the share of the samples, times the program's CPU time. Inclusive:
with everything that a function calls (what runs after an `await` is called by the executor, not by the function that waits), of
the program's own functions."""]
    for name in results.cases("profile"):
        parts.append(f"## {name.capitalize()}: {results.median('profile', name, 'all of it', 'us'):.1f} µs a message")
        parts.append(table(["µs", "%", "in"], [
            [f'{line["us"]:.2f}', f'{100 * line["share"]:.1f}', line["place"]] for line in results.of("profile", name, "place")], (0, 1)))
        for what in ("inclusive", "exclusive"):
            parts.append(f"### {what.capitalize()}\n\n" + table(["µs", "%", "function", "in"], [
                [f'{line["us"]:.2f}', f'{100 * line["share"]:.1f}', f'`{line["function"]}`', line["place"]]
                for line in results.of("profile", name, what)], (0, 1)))
    target = directory / "profile.md"
    target.write_text("\n\n".join(parts) + "\n")
    print(f"written: {target}")
