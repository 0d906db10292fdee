"""A preprocessor and what it needs, as bytes: packed where the run is, unpacked where its worker is."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from open_model_monitor.capture.record import Format
from open_model_monitor.errors import ScriptFailure, SettingsError
from open_model_monitor.jobs.contract import Job
from open_model_monitor.jobs.script_setup import ScriptSetup
from open_model_monitor.jobs.scripting import script_setup
from open_model_monitor.jobs.workspace import Workspace, private_workspace
from open_model_monitor.storage import Storage

MAX_BYTES = 32 << 20  # it goes along with every few parts
SCRIPT, HELPERS = "script", "helpers"
BASELINE = ("baseline_statistics", "baseline_constraints")


@dataclass(frozen=True, slots=True)
class ScriptKit:
    """A job whose script, helpers and baseline are addresses below the kit, and their content.

    The dataset is not in it. `folder` is where the script lay when it was packed.
    """

    job: Job
    format: Format
    folder: str
    files: Mapping[str, bytes]

    @contextmanager
    def unpacked(self, deadline: float | None) -> Iterator[ScriptSetup]:
        """Lay everything out in a private folder, removed afterwards, and say how the script is started."""
        with private_workspace(None) as workspace:
            kit = workspace.scratch.with_name("kit")
            for name, content in self.files.items():
                (kit / name).parent.mkdir(parents=True, exist_ok=True)
                (kit / name).write_bytes(content)
            job = _moved(self.job, kit)
            yield script_setup(
                job,
                "preprocessor",
                job.preprocessor or "",
                format=self.format,
                deadline=deadline,
                workspace=workspace,
                storage=Storage(),
            )

    def as_packed(self, failure: ScriptFailure, script: Path) -> ScriptFailure:
        """Return a failure whose traceback names the script where it was packed, not where it ran."""
        return replace(failure, traceback=failure.traceback.replace(str(script.parent), self.folder))


def pack_script(job: Job, format: Format, workspace: Workspace, storage: Storage) -> ScriptKit:
    """Pack the preprocessor of a job.

    Raises ScriptError if the script cannot be had, OutsideError if what it needs cannot, SettingsError for what
    does not travel.
    """
    options = job.options
    if options.script_requirements:
        raise SettingsError(
            "script_requirements are not installed on Spark's executors: install them where executors run Python "
            "(docs/spark.md), and leave them out here"
        )
    script = workspace.fetch_script(job.preprocessor or "", "preprocessor", storage)
    files = {f"{SCRIPT}/{name}": path.read_bytes() for name, path in _imported(script).items()}
    helpers = workspace.fetch_helpers(options.script_helpers, storage)
    for path in _files_below(Path(helpers)) if helpers else ():
        files[f"{HELPERS}/{path.relative_to(helpers or '')}"] = path.read_bytes()
    names: dict[str, Any] = {"preprocessor": f"{SCRIPT}/{script.name}"}
    for field in BASELINE:
        if address := getattr(job, field):
            names[field] = f"{field}/{address.rpartition('/')[2]}"
            files[names[field]] = storage.read(address)
    if (size := sum(map(len, files.values()))) > MAX_BYTES:
        raise SettingsError(
            f"the script and what it needs are {size >> 20} MB, and would travel with every task; install what is "
            "large where executors run Python (docs/spark.md)"
        )
    options = replace(options, script_helpers=(HELPERS,) if helpers else ())
    return ScriptKit(replace(job, options=options, **names), format, str(script.parent), files)


def _moved(job: Job, kit: Path) -> Job:
    names: dict[str, Any] = {
        field: f"{kit}/{name}" for field in ("preprocessor", *BASELINE) if (name := getattr(job, field))
    }
    helpers = tuple(f"{kit}/{name}" for name in job.options.script_helpers)
    return replace(job, options=replace(job.options, script_helpers=helpers), **names)


def _imported(script: Path) -> dict[str, Path]:
    """Return the script and the modules beside it that it imports, and those that they import, by their names."""
    found, waiting = {script.name: script}, [script]
    while waiting:
        for name in _imports(waiting.pop()):
            package = script.parent / name
            beside = _files_below(package) if package.is_dir() else [package.with_suffix(".py")]
            for path in beside:
                relative = str(path.relative_to(script.parent))
                if path.is_file() and relative not in found:
                    found[relative] = path
                    waiting += [path] if path.suffix == ".py" else []
    return found


def _imports(module: Path) -> set[str]:
    """Return the top names of what a module imports; none if it is no Python, which its start will tell."""
    try:
        tree = ast.parse(module.read_bytes())
    except (SyntaxError, ValueError):
        return set()
    names = set[str]()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
    return names


def _files_below(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
