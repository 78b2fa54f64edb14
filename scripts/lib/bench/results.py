"""Raw results: JSON lines in one file that only grows. A report takes the newest complete run of each section."""

import json
import statistics
import subprocess
import time
from pathlib import Path

from processes import load_average


class Recorder:
    """Writes the lines of one section in one run."""

    def __init__(self, path, section, commit):
        self.path, self.section, self.commit = Path(path), section, commit
        self.run = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        self.lines = []

    def add(self, case, pipeline, show=True, **values):
        line = {"section": self.section, "run": self.run, "commit": self.commit, "case": case, "pipeline": pipeline,
                "load": load_average(), **values}
        self.lines.append(line)
        with self.path.open("a") as file:
            file.write(json.dumps(line) + "\n")
        if not show:
            return
        shown = " ".join(f"{name}={brief(value)}" for name, value in values.items() if not isinstance(value, list))
        print(f"  {self.section} | {case} | {pipeline} | {shown}", flush=True)

    def done(self):
        with self.path.open("a") as file:
            file.write(json.dumps({"section": self.section, "run": self.run, "done": True}) + "\n")


class Results:
    """The newest complete run of each section; an incomplete one where there is no other."""

    def __init__(self, path):
        lines = [json.loads(line) for line in Path(path).read_text().splitlines()] if Path(path).exists() else []
        complete = {(line["section"], line["run"]) for line in lines if line.get("done")}
        chosen = {}
        for line in lines:
            key = ((line["section"], line["run"]) in complete, line["run"])
            chosen[line["section"]] = max(key, chosen.get(line["section"], key))
        self.lines = [
            line for line in lines if not line.get("done") and line["run"] == chosen[line["section"]][1]]
        self.incomplete = sorted(section for section, key in chosen.items() if not key[0])

    def of(self, section, case=None, pipeline=None):
        return [
            line for line in self.lines if line["section"] == section and case in (None, line["case"])
            and pipeline in (None, line["pipeline"])]

    def sections(self):
        return list(dict.fromkeys(line["section"] for line in self.lines))

    def cases(self, section):
        return list(dict.fromkeys(line["case"] for line in self.of(section)))

    def pipelines(self, section, case):
        return list(dict.fromkeys(line["pipeline"] for line in self.of(section, case)))

    def values(self, section, case, pipeline, name):
        return [line[name] for line in self.of(section, case, pipeline) if line.get(name) is not None]

    def median(self, section, case, pipeline, name):
        """None where nothing was measured."""
        values = self.values(section, case, pipeline, name)
        return statistics.median(values) if values else None


def brief(value):
    return f"{value:.1f}" if isinstance(value, float) else value


def commit_of(root):
    """Short, with a + where files differ from it."""
    short = subprocess.run(["git", "-C", root, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    changed = subprocess.run(
        ["git", "-C", root, "status", "--porcelain", "--untracked-files=no", "--", "Sources", "migrations", "Package.swift"],
        capture_output=True, text=True, check=False)
    return (short.stdout.strip() or "none") + ("+" if changed.stdout else "")
