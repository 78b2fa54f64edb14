"""Lints, renders and validates deploy/chart. Needs what scripts/requirements.txt lists.

    chart.py check                every values file of ci/: linted, rendered, valid for four versions of Kubernetes; those of
                                  ci/refused are refused; deploy/kubernetes is what the default values give
    chart.py render               writes deploy/kubernetes
    chart.py package FOLDER       the chart as an archive
"""

import pathlib
import re
import sys

import helm_python
import kubernetes_validate
import yaml
from cloudcoil.models.keda import v1alpha1 as keda
from cloudcoil.models.prometheus_operator import v1 as operator
from helm_python import chart as helm

ROOT = pathlib.Path(__file__).resolve().parents[2]
CHART = ROOT / "deploy/chart"
MANIFESTS = ROOT / "deploy/kubernetes/candlepost.yaml"
VERSIONS = ["1.29", "1.31", "1.33", "1.35"]
MODELS = {"ScaledObject": keda.ScaledObject, "TriggerAuthentication": keda.TriggerAuthentication,
          "ServiceMonitor": operator.ServiceMonitor, "PrometheusRule": operator.PrometheusRule}
# KEDA takes any text for a trigger's metadata: these are the names that it knows.
TRIGGERS = {"metrics-api": {"url", "format", "valueLocation", "targetValue", "activationTargetValue", "authMode"},
            "rabbitmq": {"protocol", "queueName", "mode", "value", "activationValue", "vhostName"}}
faults = []


def render(values, namespace="candlepost"):
    with helm.Chart.load(CHART) as chart:
        chart.validate_schema(values)
        return chart.render(values, name="candlepost", namespace=namespace)


def objects(rendered):
    for path, text in rendered.items():
        if path.endswith((".yaml", ".yml")):
            yield from ((path, one) for one in yaml.safe_load_all(text) if one)


def check_object(where, path, one):
    name = f"{where}: {one['kind']} {one['metadata']['name']}"
    if one["kind"] in MODELS:
        try:
            MODELS[one["kind"]].model_validate(one)
        except ValueError as error:
            faults.append(f"{name}: {error}")
        for trigger in one["spec"].get("triggers", []) if one["kind"] == "ScaledObject" else []:
            unknown = set(trigger["metadata"]) - TRIGGERS[trigger["type"]]
            if unknown or not all(isinstance(value, str) for value in trigger["metadata"].values()):
                faults.append(f"{name}: {trigger['type']}: {unknown or 'only text'}")
        return
    for version in VERSIONS:
        try:
            kubernetes_validate.validate(one, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            faults.append(f"{name}: Kubernetes {version}: {'.'.join(map(str, error.path))}: {error.message}")


def pods(one):
    return one["spec"]["template"]["spec"] if one["kind"] in ("Deployment", "Job") else None


def check_restricted(where, one):
    """The restricted pod security standard, and what this project asks for beyond it."""
    pod = pods(one)
    if not pod:
        return
    name = f"{where}: {one['kind']} {one['metadata']['name']}"
    context = pod["securityContext"]
    if not context.get("runAsNonRoot") or context["seccompProfile"]["type"] != "RuntimeDefault":
        faults.append(f"{name}: not restricted")
    if pod.get("automountServiceAccountToken") is not False:
        faults.append(f"{name}: has a token of the cluster")
    for container in pod["containers"] + pod.get("initContainers", []):
        own = container["securityContext"]
        if own["allowPrivilegeEscalation"] or not own["readOnlyRootFilesystem"] or own["capabilities"] != {"drop": ["ALL"]}:
            faults.append(f"{name}: container {container['name']} is not restricted")
        for variable in container.get("env", []):
            if re.search(r"(URL|TOKEN)$", variable["name"]):
                faults.append(f"{name}: {variable['name']} is in the environment")


def check_features():
    for path in sorted((CHART / "ci").glob("*-values.yaml")):
        values = yaml.safe_load(path.read_text()) or {}
        found = list(objects(render(values)))
        for file, one in found:
            check_object(path.name, file, one)
            check_restricted(path.name, one)
        identities = [(one["kind"], one["metadata"]["name"]) for _, one in found]
        if len(set(identities)) != len(identities):
            faults.append(f"{path.name}: an object is there twice")
        print(f"  {path.name:32} {len(found):3} objects")
    result = helm.lint(CHART)
    if "ERROR" in str(result) or "WARNING" in str(result):
        faults.append(f"lint: {result}")


def check_refusals():
    for path in sorted((CHART / "ci/refused").glob("*.yaml")):
        try:
            render(yaml.safe_load(path.read_text()))
            faults.append(f"{path.name}: should be refused")
        except helm_python.HelmError as error:
            print(f"  refused: {path.stem:25} {str(error).strip().splitlines()[-1][:110]}")


def manifests():
    parts = []
    for path, text in sorted(render({}).items()):
        if path.endswith(".yaml"):
            parts += [f"---\n{part.strip()}\n" for part in re.split(r"^---$", text, flags=re.M) if part.strip()]
    return "# Made by scripts/chart from deploy/chart with its default values; don't edit.\n" + "".join(parts)


if sys.argv[1] == "render":
    MANIFESTS.write_text(manifests())
elif sys.argv[1] == "package":
    print(helm.package(CHART, sys.argv[2]))
else:
    check_features()
    check_refusals()
    if not MANIFESTS.exists() or MANIFESTS.read_text() != manifests():
        faults.append("deploy/kubernetes is old: scripts/chart writes it")
    sys.exit("\n".join(faults) or 0)
