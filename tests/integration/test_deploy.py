"""docker-compose.yml and the Helm chart say what the program understands."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from open_model_monitor.cli.app import build
from open_model_monitor.settings import PREFIX, setting_fields

ROOT = Path(__file__).parents[2]
CHART = ROOT / "deploy/helm/open-model-monitor"
GO_PATH = Path("/usr/share/gocode")
VARIABLES = {f"{PREFIX}{one.name.upper()}" for one in setting_fields()}
VALUES = {
    "database": "postgresql+psycopg://omm:x@db/omm",
    "secretKey": "long and random",
    "settings": {"schedule_extended": "true"},
    "env": [{"name": "AWS_REGION", "value": "eu-west-1"}],
    "ingress": {"enabled": True, "host": "monitor.example", "className": "nginx"},
}


def understood(words):
    """Whether the command line takes these words."""
    build().parse_args([str(word) for word in words], print_error=False, exit_on_error=False)


def test_compose():
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    services = compose["services"]
    assert set(services) == {"server", "worker", "db"}
    for name in ("server", "worker"):
        understood(services[name]["command"])
        ours = {one for one in services[name]["environment"] if one.startswith(PREFIX)}
        assert ours <= VARIABLES
        assert services[name]["depends_on"]["db"]["condition"] == "service_healthy"
    targets = [
        line.split()[-1] for line in (ROOT / "Dockerfile").read_text().splitlines() if line.startswith("FROM")
    ]
    assert services["server"]["build"]["target"] in targets


@pytest.fixture(scope="module")
def rendered(tmp_path_factory):
    """Return what Kubernetes would be told."""
    values = tmp_path_factory.mktemp("values") / "values.yaml"
    values.write_text(yaml.safe_dump(VALUES))
    if helm := shutil.which("helm"):
        subprocess.run([helm, "lint", "--strict", CHART, "--values", values], check=True, capture_output=True)
        command, more = [helm, "template", "rel", CHART, "--values", values], {}
    elif (go := shutil.which("go")) and (GO_PATH / "src/github.com/Masterminds/sprig").exists():
        command = [go, "run", ROOT / "tests/support/helm_render.go", CHART, values]
        more = {"GO111MODULE": "off", "GOPATH": str(GO_PATH)}
    else:
        pytest.skip("neither helm nor Go with sprig is here")
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **more})
    assert done.returncode == 0, done.stderr
    return [one for one in yaml.safe_load_all(done.stdout) if one]


def of_kind(rendered, kind):
    return {
        one["metadata"]["name"].removeprefix("rel-open-model-monitor").strip("-"): one
        for one in rendered
        if one["kind"] == kind
    }


def test_the_chart_runs_our_commands_with_our_settings(rendered):
    deployments = of_kind(rendered, "Deployment")
    assert set(deployments) == {"server", "worker"}
    for deployment in deployments.values():
        pod = deployment["spec"]["template"]["spec"]
        [container] = pod["containers"]
        understood(container["args"])
        names = {one["name"] for one in container["env"]}
        assert {one for one in names if one.startswith(PREFIX)} <= VARIABLES
        assert {"OMM_DATABASE", "OMM_SECRET_KEY", "OMM_SCHEDULE_EXTENDED", "AWS_REGION"} <= names
        assert pod["securityContext"]["runAsNonRoot"]
        selector = deployment["spec"]["selector"]["matchLabels"]
        assert selector.items() <= deployment["spec"]["template"]["metadata"]["labels"].items()
    worker = deployments["worker"]["spec"]["template"]["spec"]
    grace = {one["name"]: one.get("value") for one in worker["containers"][0]["env"]}[
        "OMM_STOP_GRACE_SECONDS"
    ]
    assert worker["terminationGracePeriodSeconds"] > int(grace)


def test_the_charts_parts_find_each_other(rendered):
    [service] = of_kind(rendered, "Service").values()
    server = of_kind(rendered, "Deployment")["server"]
    assert service["spec"]["selector"].items() <= server["spec"]["template"]["metadata"]["labels"].items()
    [ingress] = of_kind(rendered, "Ingress").values()
    backend = ingress["spec"]["rules"][0]["http"]["paths"][0]["backend"]["service"]
    assert backend["name"] == service["metadata"]["name"]
    [secret] = of_kind(rendered, "Secret").values()
    assert secret["stringData"] == {"database": VALUES["database"], "secret-key": VALUES["secretKey"]}
