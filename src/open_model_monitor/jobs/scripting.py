"""How the process of a user's script is set up, for a run as for a trial."""

from __future__ import annotations

import json
from pathlib import Path

from open_model_monitor.capture.formats import format_to_dict
from open_model_monitor.capture.record import Format
from open_model_monitor.jobs.contract import Job
from open_model_monitor.jobs.profile_parts import ScriptSetup
from open_model_monitor.jobs.sandbox import ScriptLimits
from open_model_monitor.jobs.workspace import Workspace, installed_requirements, write_config
from open_model_monitor.storage import Storage

LOG = "script.log"


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
    """Fetch a script, install what it requires, write the config it may read, and say how it is started.

    Raises ScriptError (phase "load") if the script cannot be had, OutsideError if its requirements cannot.
    """
    options = job.options
    script = workspace.fetch_script(address, role, storage)
    contract = {**job.to_environment(), "dataset_format": json.dumps(format_to_dict(format))}
    write_config(workspace, job.schedule or "omm-run", contract)
    requirements = options.script_requirements
    environment = workspace.environment(
        contract,
        passthrough=options.script_env_passthrough,
        python_path=installed_requirements(Path(requirements)) if requirements else None,
    )
    level = contract.get("LOG_LEVEL") or options.script_log_level
    limits = ScriptLimits(
        memory_bytes=options.script_memory_mb << 20,
        deadline=deadline,
        skip_failing=options.on_record_error == "skip",
        redact=options.redact_payloads,
        log_level=level.upper(),
        seed=options.script_random_seed,
        isolation=options.script_isolation,
    )
    return ScriptSetup(script, environment, workspace.scratch, workspace.tree, workspace.output / LOG, limits)
