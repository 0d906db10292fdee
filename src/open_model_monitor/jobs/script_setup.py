"""How the process of a script is started, wherever the worker is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from open_model_monitor.jobs.sandbox import Sandbox, ScriptLimits
from open_model_monitor.jobs.script_log import Listener, ScriptLog


@dataclass(frozen=True, slots=True)
class ScriptSetup:
    """How the process of a preprocessor is started, wherever the worker is."""

    script: Path
    environment: Mapping[str, str]
    cwd: Path
    tree: Path | None
    log: Path
    limits: ScriptLimits

    @contextmanager
    def sandbox(self, role: str, listener: Listener | None = None) -> Iterator[Sandbox]:
        """Start the process; ends it, and closes its log, on leaving."""
        log = ScriptLog(self.log, listener)
        try:
            with Sandbox(
                self.script, role, self.environment, self.cwd, self.tree, log, self.limits
            ) as sandbox:
                yield sandbox
        finally:
            log.close()
