"""Try a postprocessor: a whole run whose output is looked at and thrown away."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from open_model_monitor.capture.jsontext import parse_json
from open_model_monitor.capture.record import JSON
from open_model_monitor.jobs.contract import Job
from open_model_monitor.jobs.run import ORIGINAL, run
from open_model_monitor.jobs.script_log import Listener
from open_model_monitor.results.delivery import LOG, SUMMARY
from open_model_monitor.results.report import Report
from open_model_monitor.storage import Storage


@dataclass(frozen=True, slots=True)
class PostprocessorTrial:
    """What a whole run with a postprocessor gave: its report, and the files that the script left, with sizes."""

    report: Report
    files: dict[str, int]
    violations_before: int

    def to_dict(self) -> JSON:
        """Return the trial as JSON values."""
        violations = [dict(entry) for entry in self.report.violations or ()]
        return {"files": self.files, "violations_before": self.violations_before, "violations": violations}


def try_postprocessor(
    job: Job, *, storage: Storage | None = None, on_log: Listener | None = None
) -> PostprocessorTrial:
    """Run the job in a folder that is thrown away; without a baseline it is compared with itself.

    Raises what a run raises, ScriptError for a postprocessor that fails.
    """
    with tempfile.TemporaryDirectory(prefix="omm-trial-") as folder:
        if not (job.baseline_constraints or job.baseline_statistics):
            made = f"{folder}/baseline"
            run(replace(job, is_baseline=True, postprocessor=None, output=made), storage=storage)
            statistics, constraints = (f"{made}/{name}.json" for name in ("statistics", "constraints"))
            job = replace(job, baseline_statistics=statistics, baseline_constraints=constraints)
        output = Path(folder) / "output"
        options = replace(job.options, postprocessor_failure="fail")
        job = replace(job, is_baseline=False, output=str(output), options=options)
        report = run(job, storage=storage, listener=on_log)
        ours = {*report.documents(), SUMMARY, ORIGINAL, LOG}
        files = {
            p.relative_to(output).as_posix(): p.stat().st_size
            for p in sorted(output.rglob("*"))
            if p.is_file()
        }
        before = output / ORIGINAL
        number = (
            len(parse_json(before.read_bytes())["violations"])
            if before.exists()
            else len(report.violations or ())
        )
    written = {
        name: size for name, size in files.items() if name not in ours and not name.startswith("metrics/")
    }
    return PostprocessorTrial(report, written, number)
