"""What the programs are made of, as CycloneDX 1.6 JSON on standard output.

    sbom.py TREE VERSION REVISION TIME PROGRAM...

From Package.resolved of the tree that was built, from the Debian packages of the libraries that the programs are linked with, and
the Swift toolchain, whose runtime is in the programs. Standard library only. No serial number: the same build gives the same file.
"""

import json
import pathlib
import re
import subprocess
import sys

tree, version, revision, time, *programs = sys.argv[1:]
ROOT = f"pkg:generic/candlepost@{version}"


def run(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def swift_packages():
    """The namespace of a Swift purl is where the package lives."""
    pins = json.loads((pathlib.Path(tree) / "Package.resolved").read_text())["pins"]
    for pin in pins:
        place = re.sub(r"^https://|\.git$", "", pin["location"])
        number = pin["state"].get("version", pin["state"]["revision"])
        yield {"type": "library", "bom-ref": f"pkg:swift/{place}@{number}", "purl": f"pkg:swift/{place}@{number}",
               "name": pin["identity"], "version": number, "licenses": [{"license": {"id": "Apache-2.0"}}],
               "externalReferences": [{"type": "vcs", "url": pin["location"]}]}


def runtime():
    number = re.search(r"Swift version (\S+)", run("swift", "--version"))[1]
    return {"type": "framework", "bom-ref": f"pkg:generic/swift@{number}", "purl": f"pkg:generic/swift@{number}",
            "name": "swift", "version": number, "licenses": [{"license": {"id": "Apache-2.0"}}],
            "description": "The Swift runtime and standard library, linked into the programs."}


def owner_of(place):
    """Debian knows some files of /usr/lib as those of /lib."""
    for path in (place, str(place).removeprefix("/usr")):
        found = subprocess.run(["dpkg", "--search", path], capture_output=True, text=True).stdout
        if found:
            return found.split(":")[0]
    sys.exit(f"no Debian package has {place}")


def linked_libraries():
    needed = {match for program in programs for match in re.findall(r"NEEDED\s+(\S+)", run("objdump", "-p", program))}
    places = {match for program in programs for match in re.findall(r"=> (\S+) \(", run("ldd", program))}
    for place in sorted(place for place in places if pathlib.Path(place).name in needed):
        owner = owner_of(pathlib.Path(place).resolve())
        number, source = run("dpkg-query", "--show", "--showformat=${Version} ${source:Package}", owner).split()
        release = re.search(r'VERSION_ID="(\d+)"', pathlib.Path("/etc/os-release").read_text())[1]
        purl = f"pkg:deb/debian/{owner}@{number}?distro=debian-{release}"
        yield {"type": "library", "bom-ref": purl, "purl": purl, "name": owner, "version": number,
               "description": f"Source {source}. Not in the package: the system's own is used."}


components = {one["bom-ref"]: one for one in [*swift_packages(), runtime(), *linked_libraries()]}
print(json.dumps({
    "bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1,
    "metadata": {
        "timestamp": time,
        "component": {"type": "application", "bom-ref": ROOT, "purl": ROOT, "name": "candlepost", "version": version,
                      "licenses": [{"license": {"id": "Apache-2.0"}}],
                      "properties": [{"name": "candlepost:revision", "value": revision}]}},
    "components": list(components.values()),
    "dependencies": [{"ref": ROOT, "dependsOn": list(components)}],
}, indent=1))
