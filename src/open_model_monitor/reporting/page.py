"""A run as one HTML file: no script, no network, readable on a phone and on paper."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from open_model_monitor.reporting.evidence import Evidence
from open_model_monitor.reporting.rendering import environment, style
from open_model_monitor.reporting.words import number, verdict

MOST = 200  # features with a chart; a hundred of them are some 300 kB


def html_report(evidence: Evidence, *, title: str | None = None) -> str:
    """Return the page of a run.

    Features with violations come first, then those that are farthest from their baseline; of a data set with more
    than 200 the rest is only counted. The page forbids everything but its own style (Content-Security-Policy).
    """
    known = evidence.features()
    tone, word = verdict(evidence)
    shown = [(row, evidence.feature(row["name"])) for row in known[:MOST]]
    digest = base64.b64encode(hashlib.sha256(style().encode()).digest()).decode()
    return (
        environment()
        .get_template("report.html")
        .render(
            evidence=evidence,
            title=title or title_of(evidence),
            verdict=word,
            tone=tone,
            facts=facts(evidence),
            features=shown,
            left_out=len(known) - len(shown),
            anchors={row["name"]: f"feature-{place}" for place, (row, _) in enumerate(shown)},
            style=style(),
            style_hash=digest,
        )
    )


def title_of(evidence: Evidence) -> str:
    """Return what a report is called when nobody said."""
    kind = {"ModelQuality": "Model quality", "DataQuality": "Data quality"}.get(
        str(evidence.summary.get("monitor")), "Data quality" if evidence.quality is None else "Model quality"
    )
    return f"{kind} baseline" if evidence.summary.get("kind") == "baseline" else kind


def facts(evidence: Evidence) -> list[tuple[str, Any]]:
    """Return what a reader asks first: window, rows, source, and how it was judged; of what is known."""
    summary = evidence.summary
    window, counts = summary.get("window"), summary.get("counts") or {}
    rows = counts.get("rows_out", evidence.statistics.get("dataset", {}).get("item_count"))
    told = {
        "Window": f"{_time(window[0])} – {_time(window[1])}" if window else None,
        "Rows": None if rows is None else number(rows),
        "Features": number(len(evidence.statistics.get("features") or ()))
        if evidence.quality is None
        else None,
        "Violations": number(len(evidence.violations)) if evidence.checked else None,
        "Source": summary.get("source") or None,
        "Judged": {"sagemaker": "as SageMaker does", "recommended": "as recommended"}.get(
            str((summary.get("behaviour") or {}).get("compatibility"))
        ),
        **{
            f"{role.capitalize()} SHA-256": digest[:12]
            for role, digest in (summary.get("scripts") or {}).items()
            if digest
        },
    }
    return [(word, value) for word, value in told.items() if value is not None]


def _time(text: str) -> str:
    """Return a time of a window, which is whole minutes in UTC but for the odd one."""
    return text.replace("T", " ", 1).removesuffix("+00:00").removesuffix(":00") + " UTC"
