"""Follows the Dockerfile's steps in a scratch folder: no engine is needed, the commands are its own.

What differs from a real build: this machine's Python stands for the base image's, absolute paths lie below the
scratch folder, and `useradd` is only recorded.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from open_model_monitor.jobs.contract import options_from
from open_model_monitor.version import __version__

pytestmark = [pytest.mark.container, pytest.mark.xdist_group("container")]

REPOSITORY = Path(__file__).parents[2]
TOP_FOLDERS = ("src", "wheels", "opt", "tmp", "home")
MAX_CORE = 280e6  # bytes of a plain install without .pyc

Step = tuple[str, str]  # instruction, the rest of its line


@dataclass
class Stage:
    """One FROM and what follows."""

    base: str
    name: str
    steps: list[Step] = field(default_factory=list)

    def last(self, instruction: str) -> str | None:
        return next((rest for name, rest in reversed(self.steps) if name == instruction), None)


def stages() -> dict[str, Stage]:
    text = re.sub(r"^\s*#.*\n", "", (REPOSITORY / "Dockerfile").read_text(), flags=re.MULTILINE)
    found: dict[str, Stage] = {}
    for line in text.replace("\\\n", " ").splitlines():
        if not line.strip():
            continue
        instruction, rest = line.split(maxsplit=1)
        if instruction == "FROM":
            base, _, name = rest.split()
            current = found[name] = Stage(base, name)
        else:
            current.steps.append((instruction, rest))
    return found


def whole(name: str) -> Stage:
    """Return a stage with the steps of the stages it is based on."""
    stage = stages()[name]
    if stage.base not in stages():
        return stage
    base = whole(stage.base)
    return Stage(base.base, name, base.steps + stage.steps)


class Builder:
    """Runs steps below `root`, with `python` and `pip` of this interpreter first on the path."""

    def __init__(self, scratch: Path) -> None:
        self.root = scratch / "root"
        self.shims = scratch / "shims"
        self.shims.mkdir()
        self._shim("python", f'exec "{sys.executable}" "$@"')
        self._shim("pip", f'exec "{sys.executable}" -m pip "$@"')
        self._shim("useradd", f'echo "$@" >> "{scratch}/useradd.log"')
        self.environment = {"PATH": f"{self.shims}:/usr/local/bin:/usr/bin:/bin", "HOME": os.environ["HOME"]}
        self.environment |= {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
        self.workdir = self.root
        self.set_aside: dict[str, Path] = {}

    def _shim(self, name: str, line: str) -> None:
        (self.shims / name).write_text(f"#!/bin/sh\n{line}\n")
        (self.shims / name).chmod(0o755)

    def below_root(self, text: str) -> str:
        return re.sub(rf"(?<![\w.*])/(?={'|'.join(TOP_FOLDERS)})", f"{self.root}/", text)

    def build(self, stage: Stage) -> None:
        shutil.rmtree(self.root, ignore_errors=True)
        self.root.mkdir()
        (self.root / "tmp").mkdir()
        self.workdir = self.root
        for instruction, rest in stage.steps:
            getattr(self, f"do_{instruction.lower()}", lambda rest: None)(rest)

    def put_aside(self, stage: Stage) -> None:
        """Keep a finished stage for COPY --from; its paths are free for the next one."""
        self.set_aside[stage.name] = self.root.rename(self.root.with_name(stage.name))

    def do_workdir(self, rest: str) -> None:
        self.workdir = Path(self.below_root(rest))
        self.workdir.mkdir(parents=True, exist_ok=True)

    def do_copy(self, rest: str) -> None:
        *sources, target = rest.split()
        origin = REPOSITORY
        if sources[0].startswith("--from="):
            origin = self.set_aside[sources.pop(0).removeprefix("--from=")]
        to = self.workdir / self.below_root(target)
        for source in sources:
            path = origin / source.lstrip("/")
            if path.is_dir():
                shutil.copytree(path, to, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy2(path, to / path.name)

    def do_env(self, rest: str) -> None:
        for name, value in (word.split("=", 1) for word in shlex.split(rest)):
            self.environment[name] = self.below_root(value).replace("$PATH", self.environment["PATH"])

    def do_run(self, rest: str) -> None:
        self.shell(self.below_root(rest))

    def shell(self, command: str) -> str:
        done = subprocess.run(
            ["/bin/sh", "-ec", command],
            cwd=self.workdir,
            env=self.environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Builder:
    """The default image's file tree, and the builder's beside it."""
    builder = Builder(tmp_path_factory.mktemp("image"))
    builder.build(stages()["build"])
    builder.put_aside(stages()["build"])
    builder.build(whole("omm"))
    return builder


def size_without_pyc(folder: Path) -> int:
    return sum(f.lstat().st_size for f in folder.rglob("*") if f.is_file() and f.suffix != ".pyc")


def report(capsys: pytest.CaptureFixture[str], line: str) -> None:
    with capsys.disabled():
        print(f"\n{line}")  # noqa: T201 — meant for whoever watches the tests


def test_the_last_stage_is_the_default_image_and_has_a_user() -> None:
    assert list(stages())[-1] == "omm"
    assert whole("omm").last("USER") == "omm"
    assert json.loads(whole("omm").last("ENTRYPOINT")) == ["omm"]
    assert json.loads(whole("omm").last("CMD")) == ["run"]


def test_the_image_for_sagemaker_has_the_same_files_and_runs_as_root() -> None:
    assert whole("sagemaker").last("USER") is None
    assert [step for step in whole("omm").steps if step not in whole("sagemaker").steps] == [("USER", "omm")]


def test_every_stage_has_a_base_that_we_support() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    bases = {stage.base for stage in stages().values()} - set(stages())
    assert bases == {"python:3.12", "python:3.12-slim"}
    assert "Programming Language :: Python :: 3.12" in project["classifiers"]


def test_what_is_copied_is_not_ignored() -> None:
    allowed = {
        line[1:] for line in (REPOSITORY / ".dockerignore").read_text().splitlines() if line[:1] == "!"
    }
    copied = [rest.split()[:-1] for _, rest in stages()["build"].steps if _ == "COPY"]
    assert {source for sources in copied for source in sources} == allowed


def test_the_entry_point_answers(built: Builder) -> None:
    command = json.loads(whole("omm").last("ENTRYPOINT"))[0]
    assert shutil.which(command, path=built.environment["PATH"]) == str(built.root / "opt/omm/bin/omm")
    assert __version__ in built.shell(f"{command} --version")


def test_scripts_find_what_the_image_promises(built: Builder) -> None:
    built.shell(f"{built.root}/opt/omm/bin/python -c 'import numpy, pandas, pyarrow, boto3, requests, PIL'")


def test_the_wheel_carries_licence_and_types(built: Builder) -> None:
    package = next((built.root / "opt/omm/lib").glob("python*/site-packages"))
    assert (package / "open_model_monitor" / "py.typed").exists()
    licences = next(package.glob("open_model_monitor-*.dist-info")) / "licenses"
    assert {path.name for path in licences.iterdir()} == {"LICENSE", "NOTICE"}


def test_scripts_that_call_aws_see_role_and_region(built: Builder) -> None:
    assert options_from(built.environment).script_env_passthrough == (
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
    )


def test_any_user_may_write_the_contracts_folders(built: Builder) -> None:
    for shown in ("opt/ml", "opt/ml/processing/output", "opt/ml/output", "opt/ml/output/metrics/cloudwatch"):
        assert (built.root / shown).stat().st_mode & 0o777 == 0o777


def test_a_plain_install_is_small(built: Builder, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    installs = next(rest for name, rest in stages()["build"].steps if name == "RUN" and "venv" in rest)
    install = installs.split("&& find")[0].replace("[scripts]", "")
    here = shlex.quote(str(tmp_path / "core"))
    wheels = shlex.quote(str(built.set_aside["build"] / "wheels"))
    start = time.monotonic()
    built.shell(install.replace("/opt/omm", here).replace("/wheels", wheels))
    seconds = time.monotonic() - start
    packages = next((tmp_path / "core/lib").glob("python*/site-packages"))
    for name in ("pip", "setuptools"):  # part of every venv, not of the install
        shutil.rmtree(packages / name, ignore_errors=True)
    size = size_without_pyc(packages)
    image = size_without_pyc(built.root / "opt/omm")
    report(
        capsys, f"plain install: {size / 1e6:.0f} MB in {seconds:.0f} s; with [scripts]: {image / 1e6:.0f} MB"
    )
    assert size < MAX_CORE
