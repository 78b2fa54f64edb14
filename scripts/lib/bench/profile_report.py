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
    parts.append(DONE.strip())
    target = directory / "profile.md"
    target.write_text("\n\n".join(parts) + "\n")
    print(f"written: {target}")


DONE = """
## What was done about the largest

Writer:

1. *Being woken* (kernel): while a batch commits nobody waits for messages, so the consumer's thread looks every 5 ms and not at each packet; a
   batch is two round trips in pipeline mode, and one acknowledgement.
2. *Decoding*: a scanner of our own that checks and copies in one pass: see [decoder.md](decoder.md).
3. *Outbox rows*: column values go as binary arrays, one parameter a column for a whole batch, written where libpq takes them from.
4. *Copies* (memmove): a body is copied once from the library's frame behind the others of its batch, and once into the outbox's array.
5. *Allocations*: about one a message; arrays are reserved for the batch. `scripts/bench allocations` guards it.

Relay:

1. *Being woken* (kernel): the session runs on the publisher's thread and has an inbox of its own instead of a stream, which resumed it by way of
   two other threads; the ledger needs no timer: 12.8 µs a message before, 12.0 after. Its tasks prefer that thread as their executor, or each
   continuation would resume by way of the pool, and a thread is woken after the lock that it needs is free: 10.1 without the second, 8.8
   with it, and a tenth more messages a second end to end (medians of five in turns).
2. *Counting references, copying lanes*: a look at all lanes copied sixteen structs of five buffers; now they are objects: 12.0 before, 10.2
   after. (Medians of two runs each in turns, on a machine that was slower that hour than in the table above.)
3. *Encoding*: frames are written by hand into one buffer, which one system call sends. To put the fields of a message together in one
   step, and not one by one, changed nothing that could be measured (6.4 µs before, 6.5 after, in turns) and was left out.
4. *Reading*: an answer is one buffer; rows point into it, and a body is copied once, into its frame.
5. *Confirms*: rows leave in bursts, so that the broker answers many at once; one by one cost it and us a frame each.
"""
