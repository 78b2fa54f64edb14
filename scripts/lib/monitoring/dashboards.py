"""The Grafana dashboards of deploy/monitoring/dashboards, as code.

    python3 scripts/lib/monitoring/dashboards.py [--check]

Writes them, or with --check exits 1 if one is not what this makes. Standard library only.
"""

import json
import pathlib
import sys

FOLDER = pathlib.Path(__file__).resolve().parents[3] / "deploy/monitoring/dashboards"
SOURCE = {"type": "prometheus", "uid": "${datasource}"}


def select(more=""):
    """The series of the chosen programs."""
    return '{job=~"$job",instance=~"$instance"' + (f",{more}" if more else "") + "}"


def rate(metric, by="", more=""):
    grouping = f" by ({by})" if by else ""
    return f"sum{grouping} (rate({metric}{select(more)}[$__rate_interval]))"


def quantile(share, metric):
    return f"histogram_quantile({share}, sum by (le) (rate({metric}_bucket{select()}[$__rate_interval])))"


def quantiles(metric):
    return [(quantile(share, metric), name) for share, name in ((0.5, "half"), (0.95, "95 %"), (0.99, "99 %"))]


# A panel: kind, title, description, unit, [(expression, legend)], and thresholds [(from, colour)].
def stat(title, description, unit, expression, thresholds=(), legend=""):
    return ("stat", title, description, unit, [(expression, legend)], thresholds)


def graph(title, description, unit, queries, thresholds=()):
    return ("timeseries", title, description, unit, queries, thresholds)


PROCESSES = [
    graph("CPU", "Cores that each program uses.", "short",
          [(f"rate(process_cpu_seconds_total{select()}[$__rate_interval])", "{{job}} {{instance}}")]),
    graph("Memory", "Resident memory of each program.", "bytes",
          [(f"process_resident_memory_bytes{select()}", "{{job}} {{instance}}")]),
    graph("File descriptors", "Open ones, as a share of those allowed.", "percentunit",
          [(f"process_open_fds{select()} / process_max_fds{select()}", "{{job}} {{instance}}")]),
]

WITHIN = (f'sum(rate(candlepost_relay_delivery_seconds_bucket{select("le=~" + chr(34) + "1|1.0" + chr(34))}[$__range]))'
          f" / sum(rate(candlepost_relay_delivery_seconds_count{select()}[$__range]))")

OVERVIEW = [
    stat("Ready", "1 if every condition of every program holds.", "bool_yes_no",
         f"min(candlepost_ready{select()})", [(None, "red"), (1, "green")]),
    stat("Lag", "Age of the oldest record that was not announced.", "s",
         f"max(candlepost_relay_lag_seconds{select()})", [(None, "green"), (30, "orange"), (300, "red")]),
    stat("Pending", "Records that were not announced yet.", "short", f"max(candlepost_relay_rows_pending{select()})"),
    stat("Announced within a second", "Share of the announcements of the whole range.", "percentunit", WITHIN,
         [(None, "red"), (0.95, "orange"), (0.99, "green")]),
    stat("Quarantine", "Messages that nobody has dealt with.", "short",
         f"sum(max by (reason) (candlepost_quarantine_open{select()}))", [(None, "green"), (1, "orange")]),
    stat("Parked", "Records that the broker rejects.", "short",
         f"max(candlepost_relay_rows_parked{select()})", [(None, "green"), (1, "orange")]),
    graph("Flow", "Messages taken, records stored and records announced, a second.", "cps",
          [(rate("candlepost_writer_messages_received_total"), "received"),
           (rate("candlepost_writer_records_stored_total"), "stored"),
           (rate("candlepost_relay_rows_published_total"), "announced")]),
    graph("Lag", "Age of the oldest record that was not announced.", "s",
          [(f"max(candlepost_relay_lag_seconds{select()})", "lag")], [(None, "green"), (30, "orange"), (300, "red")]),
    graph("From stored to announced", "From a record's transaction to the broker's confirm.", "s",
          quantiles("candlepost_relay_delivery_seconds")),
    graph("What is not new or not a record", "Duplicates, with other content, and quarantined messages, a second.", "cps",
          [(rate("candlepost_writer_duplicates_total", "content"), "duplicate, {{content}} content"),
           (rate("candlepost_writer_quarantined_total"), "quarantined")]),
    graph("Conditions", "1 while it holds. /readyz says why one does not.", "short",
          [(f"min by (job, condition) (candlepost_ready{select()})", "{{job}} {{condition}}")]),
    graph("Versions", "How many programs run of each version.", "short",
          [(f"count by (job, version, revision) (candlepost_build_info{select()})", "{{job}} {{version}} {{revision}}")]),
]

RELAY = [
    graph("Lanes", "Lanes of each relay. Together they should be 16.", "short",
          [(f"candlepost_relay_lanes_owned{select()}", "{{instance}}"),
           (f"sum(candlepost_relay_lanes_owned{select()})", "all")]),
    graph("Announced, by kind", "Records that the broker confirmed, a second.", "cps",
          [(rate("candlepost_relay_rows_published_total", "kind"), "{{kind}}")]),
    graph("Announced, by relay", "Records that the broker confirmed, a second.", "cps",
          [(rate("candlepost_relay_rows_published_total", "instance"), "{{instance}}")]),
    graph("Pending", "Records that were not announced yet, and the age of the oldest.", "short",
          [(f"max(candlepost_relay_rows_pending{select()})", "pending"),
           (f"max(candlepost_relay_lag_seconds{select()})", "seconds")]),
    graph("From stored to announced", "From a record's transaction to the broker's confirm.", "s",
          quantiles("candlepost_relay_delivery_seconds")),
    ("heatmap", "Distribution", "How long announcements took. Points are sampled traces.", "s",
     [(f"sum by (le) (increase(candlepost_relay_delivery_seconds_bucket{select()}[$__rate_interval]))", "{{le}}")], ()),
    graph("Not taken", "Publishes that were refused or returned, and rows that were parked, a second.", "cps",
          [(rate("candlepost_relay_rows_refused_total"), "refused"),
           (rate("candlepost_relay_rows_returned_total"), "returned"),
           (rate("candlepost_relay_rows_parked_total"), "parked")]),
    graph("Wake-ups", "Looks at the log by cause. Only polls under load: the doorbell is broken.", "cps",
          [(rate("candlepost_relay_wakeups_total", "by"), "{{by}}")]),
    graph("Output queue", "0 while lanes wait for the broker or the output queue.", "short",
          [(f"candlepost_relay_output_ready{select()}", "{{instance}}")]),
] + PROCESSES

WRITER = [
    graph("Received, by kind", "Messages taken from the queues, a second.", "cps",
          [(rate("candlepost_writer_messages_received_total", "kind"), "{{kind}}")]),
    graph("Stored, by kind", "New records, a second.", "cps",
          [(rate("candlepost_writer_records_stored_total", "kind"), "{{kind}}")]),
    graph("Duplicates", "Stored before, by kind and content, a second.", "cps",
          [(rate("candlepost_writer_duplicates_total", "kind, content"), "{{kind}}, {{content}} content")]),
    graph("Quarantined", "Messages that are no records, by reason, a second.", "cps",
          [(rate("candlepost_writer_quarantined_total", "reason"), "{{reason}}")]),
    graph("In quarantine", "Messages that nobody has dealt with, by reason.", "short",
          [(f"max by (reason) (candlepost_quarantine_open{select()})", "{{reason}}")]),
    graph("Commit", "From a transaction's first statement to the answer to its COMMIT.", "s",
          quantiles("candlepost_writer_commit_seconds")),
    graph("Batch", "Messages of a batch: the load makes it as large as it is.", "short",
          quantiles("candlepost_writer_batch_messages")),
    graph("Batches", "Batches stored, a second.", "cps", [(rate("candlepost_writer_batches_total"), "batches")]),
    graph("Ids ahead", "Rows for which there are partitions of the outbox.", "short",
          [(f"min(candlepost_outbox_ids_ahead{select()})", "ids")], [(None, "red"), (5000000, "green")]),
] + PROCESSES


def panel(number, description, x, y, width, height):
    kind, title, text, unit, queries, thresholds = description
    steps = [{"value": value, "color": colour} for value, colour in thresholds] or [{"value": None, "color": "blue"}]
    options = {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}}
    if kind == "stat":
        options = {"reduceOptions": {"calcs": ["lastNotNull"]}, "colorMode": "background"}
    if kind == "heatmap":
        options = {"calculate": False, "yAxis": {"unit": unit}, "exemplars": {"color": "orange"}}
    return {
        "id": number, "type": kind, "title": title, "description": text, "datasource": SOURCE,
        "gridPos": {"x": x, "y": y, "w": width, "h": height}, "options": options,
        "fieldConfig": {"defaults": {"unit": unit, "min": 0, "thresholds": {"mode": "absolute", "steps": steps}},
                        "overrides": []},
        "targets": [
            {"refId": chr(65 + place), "datasource": SOURCE, "expr": expression, "legendFormat": legend or "__auto",
             "exemplar": kind == "heatmap", "format": "heatmap" if kind == "heatmap" else "time_series"}
            for place, (expression, legend) in enumerate(queries)],
    }


def panels(descriptions):
    """Small numbers in a row of six, graphs in rows of three."""
    result, x, y, row = [], 0, 0, 0
    for number, description in enumerate(descriptions, 1):
        width, height = (4, 4) if description[0] == "stat" else (8, 8)
        if x + width > 24 or height != row:
            x, y = 0, y + row if result else 0
        result.append(panel(number, description, x, y, width, height))
        x, row = x + width, height
    return result


def variable(name, query):
    return {"name": name, "type": "query", "datasource": SOURCE, "query": {"query": query, "refId": name},
            "refresh": 2, "includeAll": True, "multi": True, "current": {"text": "All", "value": "$__all"}, "sort": 1}


def dashboard(uid, title, description, metric, descriptions):
    return {
        "uid": uid, "title": title, "description": description, "tags": ["candlepost"], "schemaVersion": 39,
        "editable": True, "refresh": "10s", "time": {"from": "now-1h", "to": "now"}, "timezone": "",
        "templating": {"list": [
            {"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Data source"},
            variable("job", f"label_values({metric}, job)"),
            variable("instance", f'label_values({metric}{{job=~"$job"}}, instance)'),
        ]},
        "annotations": {"list": [{
            "name": "Starts", "datasource": SOURCE, "enable": True, "iconColor": "purple",
            "expr": 'process_start_time_seconds{job=~"$job"} * 1000', "useValueForTime": "on",
            "titleFormat": "start", "textFormat": "{{job}} {{instance}}",
        }]},
        "links": [{"title": "Candlepost", "type": "dashboards", "tags": ["candlepost"], "keepTime": True,
                   "includeVars": False, "asDropdown": False}],
        "panels": panels(descriptions),
    }


DASHBOARDS = {
    "overview": dashboard("candlepost-overview", "Candlepost: overview", "Whether a pair does its work, and how quickly.",
                          "candlepost_build_info", OVERVIEW),
    "relay": dashboard("candlepost-relay", "Candlepost: relay lanes", "What relays announce, and what they wait for.",
                       "candlepost_relay_lanes_owned", RELAY),
    "writer": dashboard("candlepost-writer", "Candlepost: writer", "What writers take, store and refuse.",
                        "candlepost_writer_batches_total", WRITER),
}


def main():
    stale = []
    for name, content in DASHBOARDS.items():
        path, text = FOLDER / f"{name}.json", json.dumps(content, indent=1) + "\n"
        if "--check" not in sys.argv:
            path.write_text(text)
        elif not path.exists() or path.read_text() != text:
            stale.append(path.name)
    if stale:
        sys.exit(f"not what {sys.argv[0]} makes: {', '.join(stale)}")


if __name__ == "__main__":
    main()
