"""How the process of a user's script is set up, for a run as for a trial."""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path

from open_model_monitor.capture.formats import format_to_dict
from open_model_monitor.capture.record import Format
from open_model_monitor.errors import SettingsError
from open_model_monitor.jobs.contract import Job
from open_model_monitor.jobs.sandbox import ScriptLimits
from open_model_monitor.jobs.script_setup import ScriptSetup
from open_model_monitor.jobs.workspace import CODE, Workspace, installed_requirements, write_config
from open_model_monitor.storage import Storage, is_remote

DATASET = "/opt/ml/processing/input/dataset"
BASELINE = "/opt/ml/processing/baseline"
# Where the platform's older layout shows scripts, beside the folders of `CODE`.
INPUTS = {
    "preprocessor": "/opt/ml/processing/input/record_preprocessor_script_input",
    "postprocessor": "/opt/ml/processing/input/post_analytics_processor_script_input",
}
VARIABLES = {"preprocessor": "record_preprocessor_script", "postprocessor": "post_analytics_processor_script"}


def script_setup(
    job: Job,
    role: str,
    address: str,
    *,
    format: Format,
    deadline: float | None,
    workspace: Workspace,
    storage: Storage,
) -> ScriptSetup:
    """Fetch a script, lay out what it expects to find, and say how it is started.

    Raises ScriptError (phase "load") if the script cannot be had, OutsideError if what it needs cannot.
    """
    options = job.options
    script = workspace.fetch_script(address, role, storage)
    shown = _shown(job, role, script, workspace, storage)
    ours = {**job.to_environment(), "dataset_format": json.dumps(format_to_dict(format)), **shown}
    contract = {**ours, **(workspace.given or {})}
    contract.pop("spark_conf", None)  # may hold keys of a cluster
    write_config(workspace, job.schedule or "omm-run", contract)
    requirements = options.script_requirements
    beside = (
        installed_requirements(Path(requirements)) if requirements else None,
        workspace.fetch_helpers(options.script_helpers, storage),
    )
    environment = workspace.environment(
        contract,
        passthrough=options.script_env_passthrough,
        python_path=os.pathsep.join(filter(None, beside)) or None,
    )
    limits = ScriptLimits(
        memory_bytes=options.script_memory_mb << 20,
        deadline=deadline,
        skip_failing=options.on_record_error == "skip",
        redact=options.redact_payloads,
        log_level=_log_level(options.script_log_level, contract.get("LOG_LEVEL")),
        seed=options.script_random_seed,
        isolation=options.script_isolation,
    )
    return ScriptSetup(script, environment, workspace.scratch, workspace.tree, workspace.log, limits)


def _log_level(option: str, users: str | None) -> str:
    """Return the level's name; the user's LOG_LEVEL wins where it names one, for it may be meant for others."""
    levels = logging.getLevelNamesMapping()
    for text, is_ours in ((users, False), (option, True)):
        name = logging.getLevelName(int(text)) if text and text.isdecimal() else (text or "").upper()
        if name in levels:
            return name
        if is_ours:
            raise SettingsError(f"script_log_level is {option!r}; expected one of {', '.join(levels)}")
    return "INFO"


def _shown(job: Job, role: str, script: Path, workspace: Workspace, storage: Storage) -> dict[str, str]:
    """Lay the run's inputs into the private tree; returns the variables that name them there."""
    if workspace.is_laid_out:
        return {}
    shown = {}
    for name, place in (("baseline_statistics", "stats"), ("baseline_constraints", "constraints")):
        if address := getattr(job, name):
            copy = workspace.path(f"{BASELINE}/{place}/{address.rpartition('/')[2]}")
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.write_bytes(storage.read(address))
            shown[name] = str(copy)
    for folder in (INPUTS[role], CODE[role]):
        link = workspace.path(folder) / script.name
        _link(link, script)
        shown[VARIABLES[role]] = str(link)
    if not is_remote(job.source):
        dataset = workspace.path(DATASET)
        source = Path(job.source)
        _link(dataset if source.is_dir() else dataset / source.name, source)
        shown["dataset_source"] = str(dataset)
    return shown


def _link(link: Path, target: Path) -> None:
    link.parent.mkdir(parents=True, exist_ok=True)
    if not link.exists() and link != target:
        link.symlink_to(target)
