"""Report: everything one run produced, as values; and how each becomes a document."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from open_model_monitor.capture.coverage import Coverage
from open_model_monitor.capture.record import JSON, Counts
from open_model_monitor.errors import ScriptFailure
from open_model_monitor.monitors.base import Finding, Metric, Notice
from open_model_monitor.monitors.model_quality import ModelQuality, camel_case
from open_model_monitor.reporting.evidence import Evidence
from open_model_monitor.results.segments import Segments

if TYPE_CHECKING:
    import pyarrow as pa

SEGMENTS = "segments.json"
MODEL_QUALITY = ModelQuality.kind
COMPLETED, WITH_VIOLATIONS = "Completed", "CompletedWithViolations"


@dataclass(frozen=True, slots=True)
class Report:
    """What a run found. Falsy nothing: look at `violations` and `outcome`.

    `violations` are the entries of `constraint_violations.json` as the postprocessor left them, None if the run
    checked nothing. `statistics` and `constraints`, suggested from the data of this run, are documents of the
    monitor type. `features` hold what the run summary says about each feature, or metric.
    """

    kind: str  # "baseline" or "monitoring"
    statistics: Any  # of the monitor type, as `to_dict` writes it
    constraints: Any
    findings: tuple[Finding, ...] = ()
    violations: tuple[Mapping[str, str], ...] | None = None
    notices: tuple[Notice, ...] = ()
    metrics: tuple[Metric, ...] = ()
    features: Mapping[str, JSON] = field(
        default_factory=dict
    )  # per feature: type counts, distances, thresholds
    counts: Counts = field(default_factory=Counts)
    warnings: tuple[str, ...] = ()
    behaviour: Mapping[str, JSON] = field(default_factory=dict)
    source: str = ""
    window: tuple[str, str] | None = None
    scripts: Mapping[str, str | None] = field(default_factory=dict)  # "preprocessor sha256" and the like
    record_failures: tuple[ScriptFailure, ...] = ()  # of records left out because they may fail
    script_failure: ScriptFailure | None = None  # of the postprocessor
    output: str | None = None
    monitor: str = "DataQuality"
    segments: Segments | None = None
    coverage: Coverage | None = None  # of captures by labels, where that is known
    baseline_statistics: Any = None  # what the run compared with, of the monitor type
    baseline_constraints: Any = None

    @property
    def outcome(self) -> str:
        """`Completed` or `CompletedWithViolations`."""
        return WITH_VIOLATIONS if self.violations else COMPLETED

    @property
    def exit_message(self) -> str:
        """The sentence that ends the job (`api.md` §11.7), with what the postprocessor's failure adds."""
        number = len(self.violations or ())
        text = "no violations" if not number else f"{number} violations"
        message = f"{self.outcome}: Job completed successfully with {text}."
        return f"{message} {self.script_failure.summary()}" if self.script_failure else message

    @property
    def rows(self) -> int:
        """Rows analysed."""
        return self.counts.rows_out

    def documents(self) -> dict[str, JSON]:
        """Return the documents of the run by file name, without the summary."""
        documents: dict[str, JSON] = {
            "statistics.json": self.statistics.to_dict(),
            "constraints.json": self.constraints.to_dict(),
        }
        kept = self.behaviour.get("violations_file_when_clean") != "never"
        if self.violations or (self.violations is not None and kept):
            documents["constraint_violations.json"] = {
                "violations": [dict(entry) for entry in self.violations]
            }
        if self.segments is not None:
            documents[SEGMENTS] = self.segments.to_dict()
        return documents

    def to_dict(self) -> dict[str, JSON]:
        """Return the content of `run_summary.json`: what was counted, decided and noticed; no times, no hosts."""
        return {
            "kind": self.kind,
            "monitor": self.monitor,
            "outcome": self.outcome,
            "exit_message": self.exit_message,
            "source": self.source,
            "window": list(self.window) if self.window else None,
            "scripts": dict(self.scripts),
            "behaviour": dict(self.behaviour),
            "violations": len(self.violations) if self.violations is not None else None,
            "counts": {
                **self.counts.summary(),
                "rows_ragged": self.counts.rows_ragged,
                **({} if self.coverage is None else _label_counts(self.coverage)),
                "non_finite_values": sum(
                    feature.non_finite for feature in getattr(self.statistics, "features", ())
                ),
            },
            "notices": [notice.to_dict() for notice in self.notices],
            "warnings": list(self.warnings),
            "features": dict(self.features),
            **({"labels": self.coverage.summary()} if self.coverage is not None else {}),
            **({"segments": self.segments.summary()} if self.segments is not None else {}),
            "record_failures": [failure.to_dict() for failure in self.record_failures],
            "PostprocessingStatus": self._postprocessing(),
        }

    def _postprocessing(self) -> str | None:
        if "postprocessor" not in self.scripts:
            return None
        return "Failed" if self.script_failure else "Completed"

    def evidence(self) -> Evidence:
        """Return the documents of the run and of its baseline as a reader of the files would find them."""

        def as_read(document: Any) -> dict[str, Any]:
            return {} if document is None else msgspec.json.decode(to_json(document))

        documents = self.documents()
        return Evidence(
            self.output,
            as_read(self.to_dict()),
            as_read(documents["statistics.json"]),
            tuple(dict(entry) for entry in self.violations or ()),
            as_read(self.baseline_statistics and self.baseline_statistics.to_dict()),
            as_read(self.baseline_constraints and self.baseline_constraints.to_dict()),
        )

    def to_html(self, title: str | None = None) -> str:
        """Return the run as one HTML page without scripts or network: charts, violations, everything counted."""
        from open_model_monitor.reporting.page import html_report

        return html_report(self.evidence(), title=title)

    def to_markdown(self, title: str | None = None) -> str:
        """Return the run as Markdown, for pull requests and summaries of CI jobs."""
        from open_model_monitor.reporting.markdown import markdown_report

        return markdown_report(self.evidence(), title=title)

    def to_junit(self, title: str | None = None) -> str:
        """Return the run as JUnit XML: a case per feature or metric, a failure per violation."""
        from open_model_monitor.reporting.junit import junit_report

        return junit_report(self.evidence(), title=title)

    def to_arrow(self) -> pa.Table:
        """Return one row per feature (name, type, completeness, mean, …), or metric, and its violations."""
        import pyarrow as pa

        return pa.Table.from_pylist(list(self._rows()))

    def _rows(self) -> Sequence[dict[str, Any]]:
        return self._metric_rows() if self.monitor == MODEL_QUALITY else self._feature_rows()

    def _metric_rows(self) -> Sequence[dict[str, Any]]:
        rows = []
        for name, found in self.features.items():
            interval = found.get("interval") or {}
            checks = [
                f for f in self.findings if f.about == {"metric_name": camel_case(name)} and not f.holds
            ]
            rows.append(
                {
                    "metric": name,
                    "value": found["value"],
                    "low": interval.get("low"),
                    "high": interval.get("high"),
                    "threshold": found.get("threshold"),
                    "violations": ", ".join(check.constraint_check_type for check in checks),
                }
            )
        return rows

    def _feature_rows(self) -> Sequence[dict[str, Any]]:
        rows = []
        for feature in self.statistics.to_dict()["features"]:
            numbers = feature.get("numerical_statistics") or {}
            common = (numbers or feature["string_statistics"])["common"]
            found = [e for e in self.violations or () if e["feature_name"] == feature["name"]]
            rows.append(
                {
                    "feature": feature["name"],
                    "type": feature["inferred_type"],
                    "present": common["num_present"],
                    "missing": common["num_missing"],
                    **{key: numbers.get(key) for key in ("mean", "std_dev", "min", "max")},
                    "violations": ", ".join(e["constraint_check_type"] for e in found),
                }
            )
        return rows

    def __repr__(self) -> str:
        what = "metrics" if self.monitor == MODEL_QUALITY else "features"
        head = f"{self.kind} of {self.rows} rows × {len(self._rows())} {what}: {self.outcome}"
        lines = [f"  {_subject(e)}: {e['description']}" for e in (self.violations or ())[:10]]
        more = len(self.violations or ()) - len(lines)
        return "\n".join([head, *lines, *([f"  … and {more} more"] if more > 0 else [])])

    def _repr_html_(self) -> str:
        """Notebooks show a table of the features, violations marked."""
        rows = self._rows()
        cells = "".join(
            f"<tr{' style=color:#b00' if row['violations'] else ''}>"
            + "".join(f"<td>{html.escape(_shown(value))}</td>" for value in row.values())
            + "</tr>"
            for row in rows
        )
        names = "".join(f"<th>{html.escape(name)}</th>" for name in (rows[0] if rows else ()))
        return f"<p><b>{html.escape(self.exit_message)}</b></p><table><tr>{names}</tr>{cells}</table>"


def _label_counts(coverage: Coverage) -> dict[str, int]:
    names = ("joined", "unlabelled", "labels_unmatched", "labels_superseded")
    return {name: getattr(coverage, name) for name in names}


def _subject(entry: Mapping[str, str]) -> str:
    return entry.get("feature_name") or entry.get("metric_name") or ""


def _shown(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def to_json(document: JSON) -> bytes:
    """Return a document's bytes: UTF-8, two blanks of indentation; null for what is not a number."""
    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"
