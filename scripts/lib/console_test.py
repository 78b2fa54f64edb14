"""The console in Chromium: every page in every look, acts from end to end, two browsers, servers away, many browsers. scripts/console-test
runs it. Needs BIN (the programs), FOLDER (of scripts/servers), SCREENSHOTS (empty for none)."""

import concurrent.futures
import datetime
import gzip
import json
import os
import pathlib
import re
import secrets
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright

ROOT = pathlib.Path(__file__).resolve().parents[2]
BIN, FOLDER = pathlib.Path(os.environ["BIN"]), pathlib.Path(os.environ["FOLDER"])
PATIENCE = 120_000  # milliseconds, for what a loaded machine may make late
HOSTILE = "<img src=x onerror=document.title='owned'>\"'\u202e"
TOKEN = secrets.token_hex(16)
checks = 0


def check(what, holds, detail=""):
    global checks
    checks += 1
    print(f"{'ok  ' if holds else 'FAIL'} {what}" + (f": {detail}" if detail and not holds else ""), flush=True)
    if not holds:
        raise SystemExit(1)


def servers(*words):
    return subprocess.run([ROOT / "scripts/servers", "--dir", FOLDER, *words], check=True, capture_output=True, text=True).stdout


def sql(text):
    return servers("psql", "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1", f"--command={text}").strip()


def until(what, holds, seconds=PATIENCE // 1000):
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            check(what, False, "not in time")
        time.sleep(0.1)
    check(what, True)


class World:
    """The pair and the console, over servers of their own, with candles in them."""

    def __init__(self):
        text = subprocess.run(["bash", "-c", 'eval "$1"; env --null', "env", servers("env")], check=True, capture_output=True, text=True).stdout
        self.environment = dict(line.split("=", 1) for line in text.split("\0") if line) | {"LOG_FORMAT": "json"}
        self.environment.pop("ADMIN_DATABASE_URL", None)
        self.running = {}
        self.run("writer", "migrate")
        self.run("writer", "markets", "import", "examples/markets.json")
        self.roles()
        self.port = self.free_port()
        self.start("writer", WRITER_HTTP="127.0.0.1:0")
        self.start("relay", RELAY_HTTP="127.0.0.1:0")
        self.start("console", CONSOLE_HTTP=f"127.0.0.1:{self.port}", DATABASE_URL=self.reader, CONSOLE_OPERATOR_URL=self.operator,
                   CONSOLE_TOKENS=f"alice:{TOKEN}")
        self.url = f"http://127.0.0.1:{self.port}"
        until("the console is ready", lambda: self.status("/readyz") == 200)

    def roles(self):
        url = self.environment["DATABASE_URL"]
        for role, part in (("looker", "auditor"), ("doer", "operator")):
            sql(f"CREATE ROLE {role} LOGIN PASSWORD 'local'")
            self.psql_owner(f"SELECT candlepost_grant('{part}', '{role}')")
        self.reader = re.sub(r"//[^@]*@", "//looker:local@", url)
        self.operator = re.sub(r"//[^@]*@", "//doer:local@", url)

    def psql_owner(self, text):
        subprocess.run(["psql", "--quiet", "--set=ON_ERROR_STOP=1", f"--command={text}", self.environment["DATABASE_URL"]],
                       check=True, capture_output=True)

    @staticmethod
    def free_port():
        with socket.socket() as one:
            one.bind(("127.0.0.1", 0))
            return one.getsockname()[1]

    def run(self, program, *words, data=None):
        done = subprocess.run([BIN / program, *words], env=self.environment, cwd=ROOT, input=data, capture_output=True, text=True)
        check(" ".join([program, *words]), done.returncode == 0, done.stderr[-500:])
        return done.stdout

    def start(self, program, **environment):
        log = open(FOLDER / f"{program}.log", "a")
        self.running[program] = subprocess.Popen(
            [BIN / program, "run"], env=self.environment | environment, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def stop(self):
        for process in self.running.values():
            process.terminate()
        return [process.wait(60) for process in self.running.values()]

    def status(self, path, data=None, **headers):
        request = urllib.request.Request(self.url + path, data=data, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code
        except OSError:
            return None

    def memory(self):
        status = pathlib.Path(f"/proc/{self.running['console'].pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024


def feed(world):
    """Real candles of several markets, a hostile name, and messages that are none."""
    lines = gzip.open(ROOT / "examples/candles.ndjson.gz", "rt").read().splitlines()
    world.lines = lines[:4000] + lines[-1500:]
    world.rest = lines[4000:5000]
    sql(f"UPDATE markets SET symbol = $x${HOSTILE}$x$ WHERE id = (SELECT max(id) FROM markets)")
    bad = json.loads(lines[0])
    bad["payload"]["marketId"] = 9999
    bad["collectorTraceId"] = HOSTILE
    none = json.loads(lines[0])
    none["payload"]["intervalStart"] = none["payload"]["intervalEnd"] = "never"
    world.run("writer", "feed", "-", data="\n".join(world.lines + [json.dumps(bad), json.dumps(none)]) + "\n")
    until("all candles are announced", lambda: sql("SELECT count(*) FROM outbox_audit WHERE state <> 'published'") == "0"
          and int(sql("SELECT count(*) FROM outbox")) == len(world.lines))
    until("what is no record is in quarantine", lambda: sql("SELECT count(*) FROM quarantine") == "2")


def pages(world):
    market = sql("SELECT market_id FROM candle_sticks GROUP BY 1 ORDER BY count(*) DESC LIMIT 1")
    hostile = sql("SELECT max(id) FROM markets")
    event = sql("SELECT min(id) FROM outbox")
    return {
        "overview": "/", "lanes": "/lanes", "markets": "/markets", "gaps": "/gaps?since=9000d", "market": f"/markets/{market}?last=120",
        "market-hostile": f"/markets/{hostile}", "events": f"/events?market={market}", "event": f"/events/{event}", "parked": "/parked",
        "quarantine": "/quarantine", "message": "/quarantine/1?try=yes", "conflicts": "/conflicts", "acts": "/acts", "verify": "/verify",
        "system": "/system", "kinds": "/kinds", "records": f"/markets/{market}/records?kind=Ticker", "help": "/help", "sign-in": "/sign-in", "not-found": "/nothing",
    }


def watch(page, problems):
    page.on("console", lambda message: problems.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("request", lambda request: problems.append(request.url) if not request.url.startswith(page.base) else None)


def each_page(browser, world, paths, cookies):
    """Every page, light and dark, wide and narrow: whole, without a fault of axe's, and small."""
    folder = ROOT / "docs/console"
    for width, scheme in ((1440, "light"), (1440, "dark"), (390, "light"), (390, "dark")):
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        context.add_cookies(cookies)
        context.set_default_timeout(PATIENCE)
        for name, path in paths.items():
            page, problems = context.new_page(), []
            page.base = world.url
            watch(page, problems)
            size = []
            page.on("response", lambda response: size.append(int(response.headers.get("content-length", 0))))
            page.goto(world.url + path)
            page.wait_for_selector("h1")
            problems = [text for text in problems if name != "not-found" or "404" not in text]
            check(f"{name} {width} {scheme}: no error", not problems, str(problems))
            check(f"{name} {width} {scheme}: not wider than the window", page.evaluate("document.documentElement.scrollWidth <= innerWidth"))
            check(f"{name} {width} {scheme}: the hostile name is text", page.title() != "owned")
            check(f"{name} {width} {scheme}: at most 60 KB", sum(size[:4]) <= 60_000, str(size))
            found = Axe().run(page).response["violations"]
            check(f"{name} {width} {scheme}: axe finds nothing", not found, json.dumps(
                [(one["id"], [node["html"][:200] for node in one["nodes"][:3]]) for one in found]))
            if os.environ["SCREENSHOTS"] and "hostile" not in name and name != "not-found":
                folder.mkdir(exist_ok=True)
                page.screenshot(path=folder / f"{name}-{width}-{scheme}.png")
            page.close()
        context.close()


def without_script(browser, world, paths):
    context = browser.new_context(java_script_enabled=False)
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    for name, path in paths.items():
        page.goto(world.url + path)
        check(f"{name} without a script", bool(page.locator("h1").text_content()) and page.locator("nav a").count() == 11)
    context.close()


def sign_in(browser, world):
    context = browser.new_context()
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.goto(world.url + "/sign-in")
    page.fill("#token", "wrong-token-wrong-token")
    page.click("main button")
    check("a wrong token is refused", "Nobody has this token" in page.content())
    page.fill("#token", TOKEN)
    page.click("main button")
    page.wait_for_selector("header >> text=alice")
    cookie = context.cookies()[0]
    check("the cookie is closed to scripts and other sites", cookie["httpOnly"] and cookie["sameSite"] == "Strict")
    return context, page


def forgeries(world, context):
    cookie = "; ".join(f"{one['name']}={one['value']}" for one in context.cookies())
    form = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": cookie}
    data = b"act=replay&id=1"
    check("a form without its token is refused", world.status("/acts/plan", data, Origin=world.url, **form) == 403)
    check("a form of another origin is refused", world.status("/acts/plan", data, Origin="http://evil.example", **form) == 403)
    check("a form of no origin is refused", world.status("/acts/plan", data, **form) == 403)
    check("a cross-site form is refused", world.status("/acts/plan", data, Origin=world.url, **form, **{"Sec-Fetch-Site": "cross-site"}) == 403)
    check("a name of elsewhere is refused", world.status("/", Host="evil.example") == 421)


def live(browser, world):
    """A page that nobody touches shows what comes, also when the servers were away."""
    page = browser.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(world.url)
    page.evaluate("window.untouched = true")
    page.wait_for_selector("text=in quarantine")
    world.run("writer", "feed", "-", "--rate", "200", data="\n".join(world.rest) + "\n")
    page.wait_for_function("""() => Number(document.querySelectorAll(".tiles b")[2].textContent) > 1""", timeout=PATIENCE)
    check("what flows is seen without a reload", page.evaluate("window.untouched"))
    servers("stop-postgres", "immediate")
    page.wait_for_selector("text=The database is away", timeout=PATIENCE)
    check("a page says that the database is away", world.status("/markets") == 503)
    servers("start-postgres")
    page.wait_for_selector("text=The database is away", state="detached", timeout=PATIENCE)
    check("and that it is back, without a reload", page.evaluate("window.untouched"))
    page.close()


def mend(page, world):
    """A message is tried, mended, tried again, saved, requeued: it is stored and announced, and what it was is kept."""
    page.goto(world.url + "/quarantine/2/edit")
    before = page.input_value("#body")
    lines = set(world.lines)
    good = json.loads(next(line for line in gzip.open(ROOT / "examples/candles.ndjson.gz", "rt").read().splitlines()[6000:] if line not in lines))
    page.fill("#body", "{}")
    page.click("text=Try: what")
    check("a trial says that it would be refused again", "refused again" in page.content())
    page.fill("#body", json.dumps(good))
    page.click("text=Try: what")
    check("a trial says that it would be stored", "would be stored and announced" in page.content())
    page.fill("#why", "the collector sent no times")
    page.click("button >> text=Save")
    page.wait_for_selector("text=edited")
    check("what it was is kept", bytes.fromhex(sql("SELECT encode(body, 'hex') FROM quarantine_acts WHERE act = 'edited'")).decode() == before)
    page.click("text=Requeue…")
    page.click("button >> text=Count")
    check("the message is counted and shown first", page.locator("tbody tr").count() == 1)
    page.fill("#why", "mended")
    page.click("main form button")
    page.wait_for_selector("text=Stored 1", timeout=PATIENCE)
    by = sql("SELECT acted_by FROM quarantine_acts WHERE act = 'requeued'")
    check("who requeued it is recorded", by.startswith("doer (alice, by the console"), by)


def replay(browser, page, world):
    """Many events again: the number has to be typed; another browser, which may only look, sees it."""
    market = sql("SELECT market_id FROM outbox GROUP BY 1 ORDER BY count(*) DESC LIMIT 1")
    count = sql(f"SELECT count(*) FROM outbox WHERE market_id = {market}")
    page.goto(world.url + f"/acts/new?act=replay&market={market}&rate=5000")
    page.click("button >> text=Count")
    check("the count is the log's", f"{int(count):,} rows" in page.content(), count)
    check("the first 20 are shown", page.locator("tbody tr").count() == 20)
    page.fill("#why", "a consumer lost them")
    page.fill("#number", "12")
    page.click("main form button")
    check("another number is not taken", "Type the number" in page.content())
    page.fill("#why", "a consumer lost them")
    page.fill("#number", count)
    page.click("main form button")
    other = browser.new_page()
    other.goto(world.url + "/acts")
    other.wait_for_selector("text=Replay events", timeout=PATIENCE)
    page.wait_for_selector("text=are published again", timeout=PATIENCE)
    other.wait_for_selector("tbody >> text=a consumer lost them", timeout=PATIENCE)
    check("another browser sees what was done, and cannot act", other.locator("text=New act").count() == 0)
    check("who looks only has no page to act by", other.goto(world.url + "/acts/new").status == 403)
    other.close()
    check("each was sent again", sql("SELECT count(*) FROM outbox_replays") == count)
    row = sql("SELECT act, done = rows, acted_by, why FROM outbox_acts ORDER BY id DESC LIMIT 1")
    check("the act is recorded", row.startswith("replayed|t|doer (alice") and row.endswith("a consumer lost them"), row)


def changed(page, world):
    """What was shown is no longer what is there: nothing is done."""
    world.psql_owner("INSERT INTO outbox_exceptions (outbox_id, lane, state, attempts, last_error) SELECT id, lane, 'parked', 3, 'PRECONDITION_FAILED - too large' FROM outbox ORDER BY id LIMIT 3")
    first = sql("SELECT min(outbox_id) FROM outbox_exceptions")
    page.goto(world.url + "/parked")
    check("parked rows are listed", page.locator("tbody tr").count() == 3)
    page.click("text=Discard these…")
    page.fill("input[name=since]", "30d")
    page.click("button >> text=Count")
    world.psql_owner(f"UPDATE outbox_exceptions SET published_at = now() WHERE outbox_id = {first}")
    page.fill("#why", "too old")
    page.click("main form button")
    page.wait_for_selector("text=Nothing was done", timeout=PATIENCE)
    check("a selection that has changed is not acted on", sql("SELECT count(*) FROM outbox_exceptions WHERE state = 'superseded'") == "0")
    page.goto(world.url + "/acts/new?act=retry&since=30d")
    page.click("button >> text=Count")
    page.fill("#why", "the limit was raised")
    page.click("main form button")
    page.wait_for_selector("text=2 are published", timeout=PATIENCE)
    check("parked rows were published", sql("SELECT count(*) FROM outbox_exceptions WHERE published_at IS NULL") == "0")


def verify(page, world):
    page.goto(world.url + "/verify")
    page.click("text=Verify now")
    page.wait_for_selector("text=All promises hold", timeout=PATIENCE)
    check("the promises hold, by a click", page.locator("text=All promises hold").count() == 1)


def keys(page, world):
    page.goto(world.url)
    page.keyboard.press("g")
    page.keyboard.press("m")
    page.wait_for_url("**/markets")
    page.keyboard.press("/")
    check("/ goes to the search", page.evaluate("document.activeElement.id") == "q")
    page.keyboard.press("Escape")
    page.keyboard.press("j")
    page.keyboard.press("j")
    check("j goes down the rows", page.locator("tbody tr.here").count() == 1)


def clocks(browser, world):
    """Times are UTC until somebody chooses the browser's clock, which every page keeps, also where blocks change by themselves."""
    context = browser.new_context(timezone_id="Asia/Kolkata")
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.goto(world.url + "/events")
    utc = page.locator("tbody time").nth(1).text_content()
    check("times are UTC at first", page.text_content("#zone") == "UTC" and utc == page.evaluate(
        "fetch(location.href).then((answer) => answer.text()).then((text) => text.match(/<time>[^<]*<\\/time>/g)[1].slice(6, -7))"))
    page.keyboard.press("u")
    shown = page.locator("tbody time").nth(1).text_content()
    moved = datetime.datetime.fromisoformat(shown) - datetime.datetime.fromisoformat(utc)
    check("u shows them by the browser's clock", moved == datetime.timedelta(hours=5, minutes=30), f"{utc} {shown}")
    page.goto(world.url + "/")
    check("the next page does, too", page.text_content("#zone") == "Asia/Calcutta" or page.text_content("#zone") == "Asia/Kolkata")
    page.click("#clock")
    check("and back", page.text_content("#zone") == "UTC")
    context.close()


def crowd(world):
    """Fifty browsers with their streams, as many that say nothing, and some that read slowly; probes and pages are still answered."""
    streams = []
    for _ in range(50):
        one = socket.create_connection(("127.0.0.1", world.port))
        one.sendall(b"GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n")
        streams.append(one)
    for _ in range(50):
        streams.append(socket.create_connection(("127.0.0.1", world.port)))
    for _ in range(20):
        one = socket.create_connection(("127.0.0.1", world.port))
        one.sendall(b"GET /markets HTTP/1.1\r\nHost: loc")
        streams.append(one)
    before = int(sql("SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'candlepost console%'"))
    took = []

    def ask(number):
        begin = time.monotonic()
        status = world.status(["/", "/lanes", "/markets", "/events"][number % 4])
        took.append(time.monotonic() - begin)
        return status

    with concurrent.futures.ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(ask, range(400)))
    check("every page is answered in the crowd", set(answers) == {200}, str(set(answers)))
    took.sort()
    print(f"     400 pages by ten at once, beside 50 streams: p50 {took[200] * 1000:.0f} ms, p95 {took[380] * 1000:.0f} ms")
    begin = time.monotonic()
    single = []
    for number in range(40):
        begin = time.monotonic()
        world.status(["/", "/lanes", "/markets", "/events"][number % 4])
        single.append(time.monotonic() - begin)
    single.sort()
    print(f"     one after another: p50 {single[20] * 1000:.0f} ms, p95 {single[38] * 1000:.0f} ms; {world.memory():.0f} MiB resident")
    sessions = int(sql("SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'candlepost console%'"))
    check("browsers cost the database a few sessions", sessions <= 6, f"{before}, {sessions}")
    check("memory stays below 64 MiB and what a debug build adds", world.memory() < 96, f"{world.memory():.0f} MiB")
    for one in streams:
        one.close()


def main():
    world = World()
    try:
        feed(world)
        paths = pages(world)
        with sync_playwright() as playwright:
            arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
            browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=arguments)
            context, page = sign_in(browser, world)
            forgeries(world, context)
            keys(page, world)
            mend(page, world)
            replay(browser, page, world)
            changed(page, world)
            verify(page, world)
            clocks(browser, world)
            live(browser, world)
            without_script(browser, world, paths)
            each_page(browser, world, paths, context.cookies())
            browser.close()
        crowd(world)
        check("nothing was logged as an error", '"level":"error"' not in (FOLDER / "console.log").read_text())
    finally:
        ends = world.stop()
    check("all programs drained", ends == [0, 0, 0], str(ends))
    print(f"{checks} checks passed")


if __name__ == "__main__":
    sys.exit(main())
