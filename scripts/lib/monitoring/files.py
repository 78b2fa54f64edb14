"""Holds deploy/monitoring against the docs and the rules of good dashboards. Standard library only.

    python3 scripts/lib/monitoring/files.py
"""

import json
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[3]
faults = []


def fault(text):
    faults.append(text)


def anchors(path):
    """The places in a page that a link can name."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def known_metrics():
    return set(re.findall(r"^\| `(\w+)`", (ROOT / "docs/metrics.md").read_text(), re.M))


def metrics_in(expression):
    bare = re.sub(r'"[^"]*"', "", expression)
    names = set(re.findall(r"\b(?:candlepost|process)_\w+", bare))
    return {re.sub(r"_(bucket|sum|count)$", "", name) if name not in known_metrics() else name for name in names}


def check_expression(where, expression):
    for name in metrics_in(expression) - known_metrics():
        fault(f"{where}: docs/metrics.md has no {name}")


def check_alerts():
    text = (ROOT / "deploy/monitoring/alerts.yaml").read_text()
    tests = (ROOT / "deploy/monitoring/alerts.test.yaml").read_text()
    names = []
    for alert in re.split(r"^ +- alert: ", text, flags=re.M)[1:]:
        name = alert.split()[0]
        names.append(name)
        page, _, anchor = re.search(r"runbook_url: (\S+)", alert)[1].partition("#")
        if anchor not in anchors(ROOT / page):
            fault(f"{name}: {page} has no heading {anchor}")
        if anchor != name.lower():
            fault(f"{name}: its runbook is {anchor}")
        for word in ("severity: ", "summary: ", "description: "):
            if word not in alert:
                fault(f"{name}: no {word}")
        check_expression(name, re.search(r"expr: (.*?)^ +(?:for|labels):", alert, re.S | re.M)[1])
        fires = re.search(rf"alertname: {name}\n +exp_alerts", tests)
        silent = re.search(rf"alertname: {name}}}", tests)
        if not fires or not silent:
            fault(f"{name}: alerts.test.yaml needs a case in which it fires and one in which it does not")
    if len(set(names)) != len(names):
        fault("alerts.yaml: a name stands twice")
    for heading in anchors(ROOT / "docs/alerts.md") - {name.lower() for name in names} - {"alerts", "what-is-heard-of-a-fault"}:
        fault(f"docs/alerts.md: there is no alert {heading}")


def check_dashboard(path):
    board = json.loads(path.read_text())
    variables = [variable["name"] for variable in board["templating"]["list"]]
    if variables[:3] != ["datasource", "job", "instance"]:
        fault(f"{path.name}: variables are {variables}")
    for panel in board["panels"]:
        where = f"{path.name}: {panel['title']}"
        if not panel["title"] or not panel["description"] or not panel["fieldConfig"]["defaults"]["unit"]:
            fault(f"{where}: title, description and unit are needed")
        for target in panel["targets"]:
            expression = target["expr"]
            check_expression(where, expression)
            if target["datasource"]["uid"] != "${datasource}":
                fault(f"{where}: another data source")
            selectors = re.findall(r"\b(?:candlepost|process)_\w+(\{[^}]*\})?", expression)
            if not all('job=~"$job"' in one and 'instance=~"$instance"' in one for one in selectors):
                fault(f"{where}: a selector without job and instance: {expression}")
            for span in re.findall(r"\b(?:rate|increase)\(.*?\[([^\]]+)\]", expression):
                if span not in ("$__rate_interval", "$__range"):
                    fault(f"{where}: a rate over {span}")
            if re.search(r"_total\b", expression) and "rate(" not in expression and "increase(" not in expression:
                fault(f"{where}: a counter without a rate")
    identities = [panel["id"] for panel in board["panels"]]
    if len(set(identities)) != len(identities):
        fault(f"{path.name}: two panels have the same id")


check_alerts()
for dashboard in sorted((ROOT / "deploy/monitoring/dashboards").glob("*.json")):
    check_dashboard(dashboard)
sys.exit("\n".join(faults) or 0)
