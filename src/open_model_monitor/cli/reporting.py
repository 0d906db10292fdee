"""Reports for people and CI systems: of a run, as it ends, or of the documents that one has left."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from open_model_monitor.cli import show
from open_model_monitor.cli.parameters import BASELINE, OUTPUT, Common, option
from open_model_monitor.errors import UsageError

if TYPE_CHECKING:
    from open_model_monitor.reporting.evidence import Evidence

STDOUT = "-"


def _file(what: str) -> Parameter:
    return option(OUTPUT, f"File for {what}", allow_leading_hyphen=True)


@Parameter(name="*")
@dataclass(frozen=True)
class Reports:
    """Files that people and CI systems read; each a path, an address, or - for stdout."""

    html: Annotated[str | None, _file("the report: one page with charts, without network.")] = None
    markdown: Annotated[str | None, _file("a report in Markdown, for pull requests and job summaries.")] = (
        None
    )
    junit: Annotated[str | None, _file("JUnit XML: a case per feature, a failure per violation.")] = None
    title: Annotated[str | None, option(OUTPUT, "What the reports are called.")] = None

    @property
    def asked(self) -> dict[str, str]:
        """Where each kind of report goes, of those that are wanted."""
        every = {"html": self.html, "markdown": self.markdown, "junit": self.junit}
        return {kind: where for kind, where in every.items() if where is not None}

    def check(self, common: Common) -> None:
        """Refuse, before any work, what cannot be on stdout together; raises UsageError."""
        piped = [f"--{kind}" for kind, where in self.asked.items() if where == STDOUT]
        piped += ["--json"] if common.json and piped else []
        if len(piped) > 1:
            raise UsageError(f"{' and '.join(piped)} cannot both go to stdout; name a file for one")

    @property
    def is_piped(self) -> bool:
        """Whether stdout is taken by a report."""
        return STDOUT in self.asked.values()

    def write(self, evidence: Callable[[], Evidence]) -> None:
        """Write what is asked for; raises StorageError."""
        if not self.asked:
            return
        from open_model_monitor.reporting.junit import junit_report
        from open_model_monitor.reporting.markdown import markdown_report
        from open_model_monitor.reporting.page import html_report
        from open_model_monitor.storage import Storage

        makers = {"html": html_report, "markdown": markdown_report, "junit": junit_report}
        proof, storage = evidence(), Storage()
        for kind, where in self.asked.items():
            text = makers[kind](proof, title=self.title)
            if where == STDOUT:
                sys.stdout.write(text)
            else:
                storage.write(where, text.encode())


_REPORTS, _COMMON = Reports(), Common()


def report(
    folder: Annotated[str, Parameter(help="The folder of a run's documents, ours or SageMaker's.")],
    /,
    *,
    baseline: Annotated[
        str | None, option(BASELINE, "Folder of the baseline, to draw its distributions beside the run's.")
    ] = None,
    reports: Reports = _REPORTS,
    common: Common = _COMMON,
) -> int:
    """Make a report of a run that is done: HTML, Markdown, JUnit XML.

    Without an option it writes report.html into the folder.

    For example:

        omm report out/ --baseline baseline/
        omm report s3://bucket/reports/2026/01/31/10/ --html report.html
        omm report out/ --markdown - >> "$GITHUB_STEP_SUMMARY"
        omm report out/ --junit violations.xml --title churn
    """
    from open_model_monitor.results.reading import read_evidence

    reports.check(common)
    asked = reports if reports.asked else Reports(f"{folder.rstrip('/')}/report.html", title=reports.title)
    proof = read_evidence(folder, baseline=baseline)
    asked.write(lambda: proof)
    if not asked.is_piped:
        show.answer(
            {"violations": len(proof.violations), "reports": asked.asked},
            "\n".join(f"written to {where}" for where in asked.asked.values()),
            common,
        )
    return 0
