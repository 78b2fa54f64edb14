"""Asks the console for each page, two hundred times, and prints a table for docs/console.md: how long that took, and how much memory the
console has. Exits 1 if a page takes too long or the console takes too much. Standard library only; scripts/console-bench runs it. Needs BIN
(the programs), DATABASE_URL, LOG (where the console's log goes)."""

import http.client
import os
import pathlib
import re
import socket
import subprocess
import sys
import time

TIMES = 200
# What is promised: milliseconds of the 95th percentile, and MiB.
SLOWEST, LARGEST = 50, 64
PAGES = [
    ("overview", "/"), ("lanes and relays", "/lanes"), ("markets", "/markets"), ("markets that are searched for", "/markets?q=M77"),
    ("a market, 120 intervals", "/markets/500"), ("a market, 480 intervals", "/markets/500?last=480"),
    ("gaps of a market in a day", "/gaps?market=500"),
    ("events, the newest", "/events"), ("events of a market", "/events?market=500"),
    ("events of a market in the last hour", "/events?market=500&since=1h"),
    ("events by symbol and kind", "/events?symbol=M500/USDT&kind=CandleStick"), ("events, pending", "/events?state=pending"),
    ("events, parked", "/events?state=parked"), ("events from five to four hours ago", "/events?since=5h&until=4h"),
    ("an event", "/events/{middle}"), ("parked", "/parked"), ("quarantine", "/quarantine"),
    ("quarantine, of a reason", "/quarantine?refused=not_json"), ("a message in quarantine", "/quarantine/5000"),
    ("conflicts", "/conflicts"), ("acts", "/acts"), ("an act", "/acts/1000"), ("verify", "/verify"), ("system", "/system"),
    ("help", "/help"), ("events of a market, as JSON", "/events.json?market=500"),
]
# They look at so much that they may take their time.
REPORTS = [
    ("gaps of all markets in an hour", "/gaps"), ("gaps of all markets in a day", "/gaps?since=1d"),
    ("events by trace id alone", "/events?trace=trace-{middle}"), ("all markets, as NDJSON", "/markets.ndjson"),
]


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def memory(process):
    return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{process.pid}/status").read_text())[1]) / 1024


def ask(connection, path):
    begin = time.perf_counter()
    connection.request("GET", path)
    answer = connection.getresponse()
    size = len(answer.read())
    return (time.perf_counter() - begin) * 1000, answer.status, size


def main():
    faults = []
    port = free_port()
    log = open(os.environ["LOG"], "w")
    process = subprocess.Popen(
        [f"{os.environ['BIN']}/console", "run"], stdout=log, stderr=log,
        env={"DATABASE_URL": os.environ["DATABASE_URL"], "CONSOLE_HTTP": f"127.0.0.1:{port}", "LOG_FORMAT": "json"})
    try:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)
        for _ in range(600):
            try:
                if ask(connection, "/readyz")[1] == 200:
                    break
            except OSError:
                connection.close()
            time.sleep(0.1)
        first = memory(process)
        ask(connection, "/")
        connection.request("GET", "/events.json")
        newest = int(re.search(rb'"id":(\d+)', connection.getresponse().read())[1])
        print("| page | p50 | p95 | bytes |\n| --- | ---: | ---: | ---: |")
        for name, page in PAGES + REPORTS:
            path = page.replace("{middle}", str(newest // 2))
            _, status, size = ask(connection, path)
            took = []
            end = time.monotonic() + 20
            while len(took) < TIMES and (time.monotonic() < end or len(took) < 3):
                took.append(ask(connection, path)[0])
            took.sort()
            slow = took[len(took) * 95 // 100]
            print(f"| {name} | {took[len(took) // 2]:.1f} | {slow:.1f} | {size:,} |", flush=True)
            if status != 200:
                faults.append(f"{path}: {status}")
            if slow > SLOWEST and (name, page) in PAGES:
                faults.append(f"{name} takes {slow:.0f} ms, and may take {SLOWEST}")
        print(f"\n{first:.0f} MiB at the start, {memory(process):.0f} MiB at the end; load of the machine: {os.getloadavg()[0]:.1f}")
        if memory(process) > LARGEST:
            faults.append(f"the console has {memory(process):.0f} MiB, and may have {LARGEST}")
    finally:
        process.terminate()
        process.wait(60)
    sys.exit("\n".join(faults) or 0)


main()
