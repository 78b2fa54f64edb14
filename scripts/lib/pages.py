"""Holds links, settings, metrics and commands in all pages against files and programs. Standard library only.

    pages.py PROGRAM...
"""

import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGES = [path for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/*.md"), *ROOT.glob("deploy/**/*.md")]]
faults = []


def fault(page, text):
    faults.append(f"{page.relative_to(ROOT)}: {text}")


def without_code(text):
    return re.sub(r"```.*?```", "", text, flags=re.S)


def anchors(page):
    text = without_code(page.read_text())
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in re.findall(r"^#+ (.+)$", text, re.M)}


def check_links(page):
    for target in re.findall(r"\[[^\]]*\]\(([^)\s]+)\)", without_code(page.read_text())):
        if target.startswith(("http:", "https:", "mailto:")):
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists():
            fault(page, f"no file {path}")
        elif anchor and file.suffix == ".md" and anchor not in anchors(file):
            fault(page, f"{path or page.name} has no heading #{anchor}")


def check_metrics(page):
    known = set(re.findall(r"^\| `(\w+)`", (ROOT / "docs/metrics.md").read_text(), re.M))
    for name in re.findall(r"\bcandlepost_(?:relay|writer)_\w+\b", page.read_text()):
        if name not in known and re.sub(r"_(bucket|sum|count)$", "", name) not in known:
            fault(page, f"no metric {name}")


def check_traps():
    """docs/traps.md has each file that can trap, with the right number."""
    trap = re.compile(r"\b(?:precondition(?:Failure)?|fatalError|assert(?:ionFailure)?)\(|(?<=[\w)\]])!(?![=\w])|\b(?:try|as)!")
    found = {}
    for file in (ROOT / "Sources").rglob("*.swift"):
        # Texts and comments are no code.
        text = re.sub(r'"""\n.*?"""', '""', file.read_text(), flags=re.S)
        code = "\n".join(re.sub(r'"(\\.|[^"\\])*"', '""', line).split("//")[0] for line in text.split("\n"))
        if count := len(trap.findall(code)):
            found[file.relative_to(ROOT / "Sources").as_posix()] = count
    page = ROOT / "docs/traps.md"
    listed = {file: int(count) for file, count in re.findall(r"^\| `([^`]+\.swift)` \| (\d+) \|", page.read_text(), re.M)}
    for file in sorted(found.keys() | listed.keys()):
        if found.get(file) != listed.get(file):
            fault(page, f"{file} has {found.get(file, 0)} places that can trap, {listed.get(file, 0)} are listed")


def commands_of(program):
    """Each command's words, with the options that it takes."""
    dump = subprocess.run([program, "--experimental-dump-help"], check=True, capture_output=True, text=True).stdout

    root = json.loads(dump)["command"]

    def walk(words, command):
        # Flags of settings are no options to the parser: the help text names them.
        names = set(re.findall(r"--[a-z][a-z-]+", root["discussion"] + command.get("discussion", "")))
        names |= {("-" if name["kind"] == "short" else "--") + name["name"]
                 for argument in command.get("arguments", []) for name in argument.get("names", [])}
        yield tuple(words), names
        for one in command.get("subcommands", []):
            yield from walk(words + [one["commandName"]], one)

    return dict(walk([root["commandName"]], root)), root["discussion"]


def check_commands(page, commands, programs):
    """`relay replay --market 69` in code: its words and its options must be there."""
    text = page.read_text()
    code = re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.S)) + [
        line for block in re.findall(r"```\w*\n(.*?)```", text, re.S) for line in block.split("\n")]
    for line in code:
        words = re.split(r"\s+#", line)[0].split()
        if not words or words[0] not in programs:
            continue
        path = (words.pop(0),)
        while words and path + (words[0],) in commands:
            path += (words.pop(0),)
        if len(path) == 1 and words and re.fullmatch(r"[a-z]+", words[0]):
            fault(page, f"no command `{path[0]} {words[0]}`")
        for word in words:
            option = re.match(r"--[a-z][a-z-]+", word)
            if word in ("&", "&&", "|", "||", ";"):
                break
            if option and option[0] not in commands[path]:
                fault(page, f"`{' '.join(path)}` takes no {option[0]}")


# A misspelling that a page gives as an example.
NO_SETTINGS = {"WRITER_BATCH_SISE"}


def check_settings(page, settings):
    for name in re.findall(r"\b(?:WRITER|RELAY|OUTBOX|CONSOLE)_[A-Z_]+\b", page.read_text()):
        if name.removesuffix("_FILE") not in settings | NO_SETTINGS:
            fault(page, f"no setting {name}")


commands, settings = {}, set()
for program in sys.argv[1:]:
    its_commands, help_text = commands_of(program)
    commands.update(its_commands)
    settings.update(re.findall(r"\b[A-Z][A-Z_]{5,}\b", help_text))
programs = {words[0] for words in commands}
for page in PAGES:
    check_links(page)
    check_metrics(page)
    check_commands(page, commands, programs)
    check_settings(page, settings)
check_traps()
sys.exit("\n".join(faults) or 0)
