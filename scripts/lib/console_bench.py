"""Asks the console for each page, two hundred times, and prints how long that took and how much memory the console has. Standard library
only; scripts/console-bench runs it. Needs BIN (the programs), DATABASE_URL, LOG (where the console's log goes)."""

import http.client
import os
import pathlib
import re
import socket
import subprocess
import time

TIMES = 200
PAGES = [
    "/", "/lanes", "/markets", "/markets?q=M77", "/markets/500", "/markets/500?last=480", "/gaps", "/gaps?market=500", "/events",
    "/events?market=500", "/events?market=500&since=1h", "/events?symbol=M500/USDT&kind=CandleStick", "/events?state=pending",
    "/events?state=parked", "/events?trace=trace-{middle}", "/events?since=5h&until=4h", "/events/{middle}", "/parked", "/quarantine",
    "/quarantine?refused=not_json", "/quarantine/5000", "/conflicts", "/acts", "/acts/1000", "/verify", "/system", "/help",
    "/events.json?market=500", "/markets.ndjson",
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
        print(f"started: {memory(process):.0f} MiB")
        _, _, _ = ask(connection, "/")
        connection.request("GET", "/events.json")
        newest = int(re.search(rb'"id":(\d+)', connection.getresponse().read())[1])
        print("| page | p50 | p95 | bytes |\n| --- | ---: | ---: | ---: |")
        for page in PAGES:
            path = page.replace("{middle}", str(newest // 2))
            first, status, size = ask(connection, path)
            took = []
            end = time.monotonic() + 20
            while len(took) < TIMES and (time.monotonic() < end or len(took) < 3):
                took.append(ask(connection, path)[0])
            took.sort()
            note = "" if status == 200 else f" ({status})"
            if len(took) < TIMES:
                note += f" ({len(took)} times)"
            print(f"| `{page}`{note} | {took[len(took) // 2]:.1f} | {took[len(took) * 95 // 100]:.1f} | {size:,} |", flush=True)
        print(f"\nat the end: {memory(process):.0f} MiB")
    finally:
        process.terminate()
        process.wait(60)


main()
