"""What it was measured on."""

import os
import platform
import re
import time
from pathlib import Path

from world import run


def describe(world):
    return {
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "cores": os.cpu_count(),
        "cpu": first(r"model name\s*:\s*(.*)", Path("/proc/cpuinfo").read_text()) or platform.machine(),
        "memory_gib": round(int(first(r"MemTotal:\s*(\d+)", Path("/proc/meminfo").read_text())) / 1048576, 1),
        "kernel": platform.release(),
        "system": first(r'PRETTY_NAME="(.*)"', Path("/etc/os-release").read_text()),
        "postgres": world.sql("postgres", "SHOW server_version"),
        "rabbitmq": os.environ["BENCH_RABBITMQ"],
        "swift": first(r"Swift version ([0-9.]+)", run("swift", "--version")),
    }


def first(pattern, text):
    found = re.search(pattern, text)
    return found.group(1) if found else None
