"""What a program says of its commands, as manual pages and as a page of the docs. Standard library only.

    PROGRAM --experimental-dump-help | cli.py man NAME VERSION DATE FOLDER    a page for the program and one for each command
    PROGRAM --experimental-dump-help | cli.py conf        a configuration file with every setting, each commented out
    cli.py page PROGRAM...                                                docs/cli.md, on standard output

Both read the same JSON, so neither can say what the programs do not.
"""

import json
import pathlib
import re
import subprocess
import sys


def shown(items):
    return [item for item in items or [] if item.get("shouldDisplay", True)]


def spelled(argument):
    """`-h, --help`, `--rate <rate>`, `<file>`."""
    value = f"<{argument.get('valueName', 'value')}>"
    if argument["kind"] == "positional":
        return value
    names = [("-" if name["kind"] == "short" else "--") + name["name"] for name in argument["names"]]
    return ", ".join(names) + (f" {value}" if argument["kind"] == "option" else "")


def synopsis(words, command):
    parts = []
    for argument in shown(command.get("arguments")):
        text = spelled(argument).split(", ")[-1] + (" ..." if argument.get("isRepeating") else "")
        parts.append(f"[{text}]" if argument["isOptional"] else text)
    if shown(command.get("subcommands")):
        parts.append("[command]")
    return " ".join(words + parts)


def explained(argument):
    text = argument.get("abstract", "")
    default = argument.get("defaultValue")
    return text + (f" Default: {default}." if default and default not in ("false",) else "")


# Manual pages, in the man macros.

def roff(text):
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\n".join("\\&" + line if line.startswith((".", "'")) else line for line in text.split("\n"))


def blocks(text):
    """The text with its lines as they are: it has tables and examples."""
    return [".nf", roff(text.strip("\n")), ".fi"] if text and text.strip() else []


def manual(words, command, version, date, others):
    name = "-".join(words)
    abstract = command["abstract"].rstrip(".")
    lines = [f'.TH "{name.upper()}" 1 "{date}" "Candlepost {version}" "Candlepost"',
             ".SH NAME", f"{roff(name)} \\- {roff(abstract[:1].lower() + abstract[1:])}",
             ".SH SYNOPSIS", ".B " + roff(synopsis(words, command))]
    if command.get("discussion"):
        lines += [".SH DESCRIPTION", *blocks(command["discussion"])]
    if shown(command.get("arguments")):
        lines.append(".SH OPTIONS")
    for argument in shown(command.get("arguments")):
        lines += [".TP", ".B " + roff(spelled(argument)), roff(explained(argument)) or "\\&"]
    commands = [one for one in shown(command.get("subcommands")) if one["commandName"] != "help"]
    if commands:
        lines.append(".SH COMMANDS")
    for one in commands:
        lines += [".TP", f".B {roff(' '.join(words[1:] + [one['commandName']]))}", roff(one["abstract"])]
    lines += [".SH EXIT STATUS", *blocks(
        "0    done\n1    no, or not all of it\n64   wrong usage\n69   a server is away\n78   wrong settings")]
    if others:
        lines += [".SH SEE ALSO", ",\n".join(f".BR {roff(other)} (1)" for other in others).replace(",\n", " ,\n")]
    return "\n".join(lines) + "\n"


def walk(words, command):
    yield words, command
    for one in shown(command.get("subcommands")):
        if one["commandName"] != "help":
            yield from walk(words + [one["commandName"]], one)


def write_manuals(name, version, date, folder):
    command = json.load(sys.stdin)["command"]
    everything = list(walk([name], command))
    names = ["-".join(words) for words, _ in everything]
    for words, one in everything:
        page = "-".join(words)
        others = [other for other in names if other != page]
        (pathlib.Path(folder) / f"{page}.1").write_text(manual(words, one, version, date, others if page == name else [name]))


# The configuration file.

def write_configuration():
    text = json.load(sys.stdin)["command"]["discussion"].split("\n\n", 1)[-1].strip("\n")
    for setting in re.split(r"\n(?=[A-Z])", text):
        name = setting.split()[0]
        print("".join(f"# {line}\n" for line in setting.split("\n")), end="")
        print("# (the unit sets it)\n" if name in ("DATABASE_URL", "AMQP_URL") else f"#{name}=\n")


# The page of the docs.

def section(words, command, level):
    lines = [f"{'#' * level} {' '.join(words)}", "", command["abstract"], "", "```", synopsis(words, command), "```", ""]
    if "DATABASE_URL" not in command.get("discussion", "DATABASE_URL"):  # those that list the settings
        lines += ["```text", command["discussion"].strip("\n"), "```", ""]
    options = [one for one in shown(command.get("arguments"))
               if not any(name["name"] in ("help", "version") for name in one.get("names", []))]
    if options:
        lines += ["| option | |", "| --- | --- |"]
        lines += [f"| `{spelled(one)}` | {explained(one).replace('|', chr(92) + '|')} |".replace(chr(10), " ")
                  for one in options] + [""]
    return lines


def write_page(programs):
    lines = ["# Commands", "",
             "Made by `scripts/docs` from what the programs say of themselves; the manual pages are made of the same.",
             "Every command also takes the flags of the settings: see `--help`.", ""]
    for program in programs:
        text = subprocess.run([program, "--experimental-dump-help"], check=True, capture_output=True, text=True).stdout
        command = json.loads(text)["command"]
        for words, one in walk([command["commandName"]], command):
            lines += section(words, one, 2 if len(words) == 1 else 3)
        lines += [f"### Settings of {command['commandName']}", "", "```text",
                  command["discussion"].split("\n\n", 1)[-1].strip("\n"), "```", ""]
    print("\n".join(lines).rstrip("\n"))


if sys.argv[1] == "man":
    write_manuals(*sys.argv[2:6])
elif sys.argv[1] == "conf":
    write_configuration()
else:
    write_page(sys.argv[2:])
