"""Which faults of a run of scripts/chaos an operator would have heard of, by what a Prometheus has seen of it.

    chaos.py URL FOLDER     FOLDER/faults.jsonl says when the faults were
    chaos.py --faults       those that must be heard, separated by commas

Prints a table. Exits 1, and says what is wrong, if a fault that has to be heard was not, or an alert began while nothing was wrong.
Standard library only.
"""

import json
import pathlib
import sys
import urllib.parse
import urllib.request

READY = {"CandlepostNotReady"}
OUTPUT = {"CandlepostOutputNotReady"}
# The faults that do not pass by themselves, and the alerts of which one has to be heard.
HEARD = {
    "postgresKilled": READY, "postgresStoppedImmediate": READY, "postgresRestartedFast": READY, "readOnly": READY,
    "noConnections": READY, "roleConnectionLimit": READY, "diskFull": READY,
    "rabbitMQKilled": READY, "rabbitMQRestarted": READY, "brokerApplicationStopped": READY,
    "permissionsWithdrawn": READY | OUTPUT, "writingForbidden": READY | OUTPUT,
    "memoryAlarm": OUTPUT, "diskAlarm": OUTPUT, "outputQueueFull": OUTPUT,
    "relayStoppedForLong": {"CandlepostLanesUnowned", "CandlepostRelayAbsent"},
    "replicasMixedIn": {"CandlepostConflictingDuplicates"},
}
# Such are over before anybody could do anything, or are none for whoever looks from outside.
PASSING = ["writerJoins", "relayJoins", "poisonMixedIn", "migratorsAgain", "longTransaction", "hostileHeaders", "deadlock", "gatewayStopped"]
# Of an alert that began so long after a fault's end, the fault is the cause still: the rules look back for some seconds.
LOOK_BACK = 4
# Before the first fault and after the last there is quiet for so long and longer. It takes Prometheus some seconds to find the programs.
QUIET = 7


def firing(url, begin, end):
    """When each alert fired: its name, and from when to when."""
    query = {"query": 'ALERTS{alertstate="firing"}', "start": begin, "end": end, "step": "0.25"}
    with urllib.request.urlopen(f"{url}/api/v1/query_range?{urllib.parse.urlencode(query)}", timeout=60) as answer:
        results = json.load(answer)["data"]["result"]
    spans = []
    for result in results:
        name, times = result["metric"]["alertname"], [float(moment) for moment, _ in result["values"]]
        first = last = times[0]
        for moment in [*times[1:], None]:
            if moment is None or moment - last > 1:
                spans.append((name, first, last))
                first = moment
            last = moment
    return spans


def main(url, folder):
    faults = [json.loads(line) for line in (pathlib.Path(folder) / "faults.jsonl").read_text().splitlines()]
    # There was quiet before the first and after the last, and beyond that there were no programs.
    spans = firing(url, faults[0]["begin"] - QUIET, faults[-1]["end"] + QUIET)
    wrong = []
    # By name: a rule's alerts for several programs are one to whoever hears of it.
    print("| fault | lasted | heard |\n| --- | ---: | --- |")
    for fault in sorted(faults, key=lambda fault: fault["begin"]):
        name, end = fault["fault"], fault["end"] + LOOK_BACK
        heard = {alert for alert, first, _ in spans if fault["begin"] <= first <= end}
        wanted = HEARD.get(name)
        if wanted and not heard & wanted:
            wrong.append(f"nobody hears of {name}: one of {', '.join(sorted(wanted))} had to fire; heard: {', '.join(sorted(heard)) or 'nothing'}")
        words = ", ".join(alert.removeprefix("Candlepost") for alert in sorted(heard)) or "nothing"
        print(f"| {name} | {fault['end'] - fault['begin']:.0f} | {words} |")
    for alert, first, _ in spans:
        if not any(fault["begin"] <= first <= fault["end"] + LOOK_BACK for fault in faults):
            before = max((fault for fault in faults if fault["end"] < first), key=lambda fault: fault["end"], default=None)
            since = f"{first - before['end']:.0f} s after {before['fault']} was over" if before else "before the first fault"
            wrong.append(f"{alert} began while nothing was wrong, {since}")
    sys.exit("\n".join(wrong) or 0)


if sys.argv[1] == "--faults":
    print(",".join([*HEARD, *PASSING]))
else:
    main(*sys.argv[1:])
