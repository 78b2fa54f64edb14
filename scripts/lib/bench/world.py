"""Where it is measured: binaries, servers, databases, queues."""

import json
import os
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from contextlib import contextmanager
from pathlib import Path

from processes import Programs, ServerClock, until

ROOT = Path(__file__).resolve().parents[3]
PORT = int(os.environ.get("BENCH_PORT", "0"))


def with_database(url, database):
    """The URL of another database of the same server, options kept."""
    parts = urllib.parse.urlsplit(url)
    return urllib.parse.urlunsplit(parts._replace(path="/" + database))


class World:
    """Needs what scripts/bench sets: the servers' variables, BENCH_BIN, BENCH_LOGS, BENCH_SERVERS and BENCH_PORT."""

    def __init__(self, binaries=None):
        self.bin = Path(binaries or os.environ["BENCH_BIN"])
        self.logs = Path(os.environ["BENCH_LOGS"])
        self.reference = ROOT / "Tests/Benchmarks/refpipe"
        self.broker = os.environ["AMQP_URL"]
        self.clock = ServerClock(os.environ["BENCH_SERVERS"])

    # Databases

    def url(self, database):
        return with_database(os.environ["DATABASE_URL"], database)

    def sql(self, database, *statements, superuser=True):
        """The last statement's result, as text."""
        base = os.environ["ADMIN_DATABASE_URL"] if superuser else os.environ["DATABASE_URL"]
        options = [option for statement in statements for option in ("-c", statement)]
        return run("psql", "-qAtX", "-v", "ON_ERROR_STOP=1", with_database(base, database), *options).strip()

    def sql_process(self, database, *statements, interactive=False):
        """psql as superuser, which runs beside this program; an interactive one reads statements from its input."""
        options = [option for statement in statements for option in ("-c", statement)]
        return subprocess.Popen(
            ["psql", "-qAtX", "-v", "ON_ERROR_STOP=1", with_database(os.environ["ADMIN_DATABASE_URL"], database),
             *options], stdin=subprocess.PIPE if interactive else subprocess.DEVNULL,
            stdout=subprocess.DEVNULL if interactive else subprocess.PIPE, stderr=subprocess.PIPE if not interactive else None,
            text=True)

    def number(self, database, statement):
        return float(self.sql(database, statement) or 0)

    def fresh_database(self, name="bench", markets=1000):
        """The schema, and the markets that the loads are for."""
        self.sql("postgres", f"DROP DATABASE IF EXISTS {name} WITH (FORCE)", f"CREATE DATABASE {name} OWNER candlepost")
        run(self.bin / "writer", "migrate", DATABASE_URL=self.url(name))
        self.sql(
            name, "INSERT INTO exchanges VALUES (1, 'binance', 'Binance')",
            f"INSERT INTO markets SELECT g, 1, 'SYM'||g, 'SYM'||g FROM generate_series(1, {markets}) g", superuser=False)
        self.sql(name, "VACUUM ANALYZE", "CHECKPOINT")

    def fresh_reference(self):
        """The tables of the C pipeline."""
        self.sql("postgres", "DROP DATABASE IF EXISTS refpipe WITH (FORCE)", "CREATE DATABASE refpipe OWNER candlepost")
        run("psql", "-qX", self.url("refpipe"), "-v", "ON_ERROR_STOP=1", "-f", self.reference / "schema.sql")
        self.sql("refpipe", "CHECKPOINT")

    # Queues

    def amqp(self, queue_type="classic"):
        """Each type of queue has a virtual host of its own, in which they all are of that type."""
        return self.broker + ("/test-01" if queue_type == "quorum" else "/test-00")

    @staticmethod
    def _queue_environment(queue_type):
        """For the programs of the C pipeline: the type of the queues that they declare."""
        return {"REFPIPE_QUEUE_TYPE": "quorum"} if queue_type == "quorum" else {}

    def load(self, queue_type, *arguments):
        """The load generator of the C pipeline; what it prints."""
        return run(self.reference / "load", *arguments, **self._queue_environment(queue_type))

    def purge(self, queue_type="classic"):
        self.load(queue_type, self.amqp(queue_type), "purge")

    def await_announced(self, count, queue_type="classic", programs=(), seconds=900):
        """When the output queue held so many messages, in seconds since 1970; the programs must run until then."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                return json.loads(self.load(queue_type, self.amqp(queue_type), "await", count, 10))["at"]
            except subprocess.CalledProcessError as error:
                if error.returncode != 1 or not error.stdout:
                    raise
            for program in programs:
                program.must_run()
        raise TimeoutError(f"not all of {count} messages were announced within {seconds} s (logs: {self.logs})")

    def start_gateway(self, programs, count, queue_type="classic"):
        """Takes so many messages from the output queue as they come, and ends."""
        return programs.start(
            self.logs / "gateway.log", self.reference / "load", self.amqp(queue_type), "drain", str(count),
            **self._queue_environment(queue_type))

    def await_delivered(self, gateway, programs, seconds=900):
        """When the gateway took its last message, in seconds since 1970; the programs must run until then."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                gateway.process.wait(timeout=2)
                return json.loads(gateway.log.read_text())["at"]
            except subprocess.TimeoutExpired:
                for program in programs:
                    program.must_run()
        raise TimeoutError(f"not all messages were delivered within {seconds} s (logs: {self.logs})")

    # Programs

    def start_writer(self, programs, database="bench", queue_type="classic", **environment):
        return self._start(programs, "writer", database, queue_type, WRITER_HTTP=f"127.0.0.1:{PORT}", **environment)

    def start_relay(self, programs, database="bench", queue_type="classic", **environment):
        return self._start(programs, "relay", database, queue_type, RELAY_HTTP=f"127.0.0.1:{PORT + 1}", **environment)

    def _start(self, programs, name, database, queue_type, **environment):
        return programs.start(
            self.logs / f"{name}.log", self.bin / name, "run", DATABASE_URL=self.url(database),
            AMQP_URL=self.amqp(queue_type), QUEUE_TYPE=queue_type, **environment)

    def start_reference(self, programs, batch, mark, queue_type="classic", notify="after", dressed=False):
        """The C pipeline's consumer and relay; it rings its relay in its transaction or after it. Dressed, its messages have
        the properties of ours."""
        environment = self._queue_environment(queue_type)
        servers = ("-p", self.url("refpipe"), "-a", self.amqp(queue_type), "-b", str(batch))
        return (
            programs.start(self.logs / "consumer.log", self.reference / "consumer", *servers, "-n", notify, **environment),
            programs.start(self.logs / "reference-relay.log", self.reference / "relay", *servers, "-m", mark,
                           *(["-P"] if dressed else []), **environment))

    @contextmanager
    def pair(self, **options):
        """Writer and relay, both ready."""
        with Programs() as programs:
            both = self.start_writer(programs, **options), self.start_relay(programs, **options)
            until(lambda: [one.must_run() for one in both] and ready(PORT) and ready(PORT + 1), 60,
                  f"writer and relay are ready (logs: {self.logs})")
            yield both


def ready(port):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as reply:
            return reply.status == 200
    except (urllib.error.URLError, OSError):
        return False


def run(*command, **environment):
    """Standard output of a command that must succeed."""
    command = [str(part) for part in command]
    result = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, env={**os.environ, **environment}, check=False)
    if result.returncode != 0:
        raise subprocess.CalledProcessError(result.returncode, command[0], result.stdout, result.stderr)
    return result.stdout
