"""Programs under measurement: started, stopped, and what the kernel says that they used."""

import os
import signal
import subprocess
import time
from pathlib import Path

TICK = 1 / os.sysconf("SC_CLK_TCK")


class Program:
    """A program in a session of its own. Its CPU time counts from its very start."""

    def __init__(self, log, *command, **environment):
        self.log = log
        with open(log, "wb") as output:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                env={**os.environ, **environment}, start_new_session=True)

    def peak_mib(self):
        """Peak resident memory so far."""
        return self._memory("VmHWM")

    def resident_mib(self):
        return self._memory("VmRSS")

    def _memory(self, name):
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith(name + ":"):
                return round(int(line.split()[1]) / 1024, 1)
        raise ChildProcessError(f"{self.log}: the program is not there any more")

    def must_run(self):
        """Ends the measurement where the program has ended by itself."""
        ended = os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if ended:
            raise ChildProcessError(f"a program ended by itself: see {self.log}")

    def stop(self):
        """Ends it; returns its CPU time in microseconds."""
        self.must_run()
        self.process.send_signal(signal.SIGTERM)
        _, status, usage = os.wait4(self.process.pid, 0)
        self.process.returncode = os.waitstatus_to_exitcode(status)
        return (usage.ru_utime + usage.ru_stime) * 1e6

    def kill(self):
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


class Programs:
    """Some that are all killed at the end of a `with`, whatever ends it."""

    def __init__(self):
        self.started = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for program in self.started:
            program.kill()

    def start(self, *arguments, **environment):
        self.started.append(Program(*arguments, **environment))
        return self.started[-1]


class Usage:
    """What a process uses from now on."""

    def __init__(self, pid):
        self.pid = pid
        self.begin = self._now()

    def since(self):
        """Microseconds of CPU time, and how often its threads were switched: nearly each is a wake-up. Threads that have
        ended meanwhile count for the time alone."""
        cpu, switches = self._now()
        return cpu - self.begin[0], switches - self.begin[1]

    def _now(self):
        switches = 0
        for status in Path(f"/proc/{self.pid}/task").glob("*/status"):
            try:
                switches += sum(int(line.split()[1]) for line in status.read_text().splitlines() if "_ctxt_switches" in line)
            except OSError:
                pass
        return time.clock_gettime_ns(~self.pid << 3 | 2) / 1000, switches  # the process's clock, as clock_getcpuclockid(3) has it


class ServerClock:
    """CPU time of PostgreSQL and RabbitMQ: all their processes, also those that have ended meanwhile."""

    def __init__(self, directory):
        self.marks = {"postgres": f"CANDLEPOST_POSTGRES={directory}", "rabbitmq": f"CANDLEPOST_RABBITMQ={directory}"}
        self.roots = {name: self._marked(mark) for name, mark in self.marks.items()}
        self.start()

    @staticmethod
    def _marked(mark):
        """Their processes carry an environment variable that names them; children may write their title over it."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                if mark.encode() in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
            except OSError:
                pass
        return found

    def start(self):
        self.begin = {name: self._seconds(roots) for name, roots in self.roots.items()}

    def used(self):
        """Microseconds since start(), by server."""
        return {name: (self._seconds(roots) - self.begin[name]) * 1e6 for name, roots in self.roots.items()}

    @staticmethod
    def _seconds(roots):
        parents, times = {}, {}
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents[int(entry.name)] = int(fields[1])
            # Its own, and those of children that have ended: utime, stime, cutime, cstime.
            times[int(entry.name)] = sum(map(int, fields[11:15])) * TICK
        family = set(roots)
        while more := {pid for pid, parent in parents.items() if parent in family} - family:
            family |= more
        return sum(times.get(pid, 0) for pid in family)


def load_average():
    return float(Path("/proc/loadavg").read_text().split()[0])


def until(condition, seconds, what):
    """Polls a condition; ends the measurement if it does not come true in time."""
    end = time.monotonic() + seconds
    while not (result := condition()):
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {seconds} s")
        time.sleep(0.002)
    return result
