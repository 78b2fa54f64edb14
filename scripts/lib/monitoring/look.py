"""Asks a Prometheus what it sees.

    look.py URL healthy SECONDS         every target is up, and no alert fires for so long
    look.py URL hears SECONDS ALERT...  each of these fires within so long
    look.py URL silent-again SECONDS    no alert fires any more, within so long
    look.py URL dashboards FILE...      each expression of each panel has data

Exits 1, and says what is wrong. Standard library only.
"""

import json
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

URL = sys.argv[1]
# What dashboards are filled in with.
VARIABLES = {"$__rate_interval": "20s", "$__range": "60s", '"$job"': '".*"', '"$instance"': '".*"'}


def ask(path, **parameters):
    query = urllib.parse.urlencode(parameters)
    try:
        with urllib.request.urlopen(f"{URL}/api/v1/{path}?{query}", timeout=10) as answer:
            return json.load(answer)["data"]
    except urllib.error.HTTPError as error:
        sys.exit(f"{path}: {error.read().decode()}")


def firing():
    return {alert["labels"]["alertname"] for alert in ask("alerts")["alerts"] if alert["state"] == "firing"}


def until(seconds, reached, what):
    end = time.monotonic() + seconds
    while not reached():
        if time.monotonic() > end:
            sys.exit(f"not within {seconds} s: {what()}")
        time.sleep(0.5)


def is_up():
    try:
        targets = ask("targets")["activeTargets"]
    except OSError:
        return False
    return len(targets) == 3 and all(target["health"] == "up" for target in targets)


def is_ready():
    ready = ask("query", query="min(candlepost_ready) * (sum(rate(candlepost_relay_rows_published_total[10s])) > bool 0)")
    return bool(ready["result"]) and ready["result"][0]["value"][1] == "1" and not firing()


def healthy(seconds):
    until(60, lambda: is_up() and is_ready(), lambda: f"a pair at work, without alerts; {firing()}")
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if firing():
            sys.exit(f"the pair is healthy, and these fire: {firing()}")
        time.sleep(0.5)


def hears(seconds, *alerts):
    heard = set()

    def all_heard():
        heard.update(firing())
        return heard.issuperset(alerts)

    until(seconds, all_heard, lambda: f"{sorted(set(alerts) - heard)}; heard: {sorted(heard)}")
    print(f"  heard: {', '.join(sorted(heard))}")


def has_data(expression):
    for variable, value in VARIABLES.items():
        expression = expression.replace(variable, value)
    results = ask("query", query=expression)["result"]
    return any(sample["value"][1] != "NaN" for sample in results)


def dashboards(*files):
    panels = [(file, panel["title"], target["expr"]) for file in files for panel in json.load(open(file))["panels"]
              for target in panel["targets"]]
    empty = panels

    def all_have():
        nonlocal empty
        empty = [panel for panel in empty if not has_data(panel[2])]
        return not empty

    until(60, all_have, lambda: "\n".join(f"{file}: {title}: no data: {expression}" for file, title, expression in empty))
    print(f"  {len(panels)} expressions of {len(files)} dashboards have data")


command, arguments = sys.argv[2], sys.argv[3:]
if command == "dashboards":
    dashboards(*arguments)
elif command == "healthy":
    healthy(int(arguments[0]))
elif command == "hears":
    hears(int(arguments[0]), *arguments[1:])
else:
    until(int(arguments[0]), lambda: not firing(), lambda: f"silence: {sorted(firing())} still fire")
