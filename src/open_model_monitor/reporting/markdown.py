"""A run as Markdown, for pull requests and the summaries of CI jobs."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Sequence
from typing import Any

from open_model_monitor.reporting.evidence import JSON, Evidence
from open_model_monitor.reporting.page import facts, title_of
from open_model_monitor.reporting.violations import grouped
from open_model_monitor.reporting.words import number, share, verdict

# Rows of tables and names in a row; comments on pull requests end at 65,536 characters.
MOST, FARTHEST, NAMED = 100, 10, 5
SIGNS = {"ok": "✅", "warn": "⚠️", "bad": "❌", "off": "➖"}


def markdown_report(evidence: Evidence, *, title: str | None = None) -> str:
    """Return the report of a run in GitHub's dialect; names and descriptions cannot break out of their cells."""
    tone, word = verdict(evidence)
    parts = [f"### {SIGNS[tone]} {cell(title or title_of(evidence))}: {word}"]
    parts.append(" · ".join(f"**{name}** {cell(value)}" for name, value in facts(evidence)))
    if evidence.violations:
        subject = "Features" if evidence.quality is None else "Metrics"
        parts.append(_table(("Check", subject, "What was found"), _violations(evidence)))
    if evidence.quality is not None:
        parts.append(_table(("Metric", ">Value", ">Interval", ">Threshold"), _metrics(evidence)))
    elif drifted := [row for row in evidence.features() if row["distance"] is not None]:
        table = _table(("Feature", ">Distance", ">Threshold", ">Complete"), _distances(drifted[:FARTHEST]))
        parts.append(f"<details><summary>Farthest from the baseline</summary>\n\n{table}\n\n</details>")
    return "\n\n".join(parts) + "\n"


def _violations(evidence: Evidence) -> Iterable[Sequence[str]]:
    for group in grouped(evidence.violations):
        for one in group.said:
            names = ", ".join(cell(name) for name in one.subjects[:NAMED])
            more = f" and {len(one.subjects) - NAMED:,} more" if len(one.subjects) > NAMED else ""
            yield cell(group.meaning.title), f"**{names}**{more}", cell(one.text)


def _distances(rows: Iterable[JSON]) -> Iterable[Sequence[str]]:
    for row in rows:
        yield cell(row["name"]), number(row["distance"]), number(row["threshold"]), share(row["completeness"])


def _metrics(evidence: Evidence) -> Iterable[Sequence[str]]:
    for name, entry in (evidence.quality or {}).items():
        if not isinstance(entry, dict) or "value" not in entry:
            continue
        about = evidence.about(name)
        interval = about.get("interval") or {}
        within = f"{number(interval['low'])} – {number(interval['high'])}" if interval else "–"
        yield cell(name.replace("_", " ")), number(entry["value"]), within, number(about.get("threshold"))


def cell(value: Any) -> str:
    """Return a text as one cell of a table: no markup, no line ends, no mentions of people."""
    text = re.sub(r"\s+", " ", str(value)).strip()
    marked = re.sub(r"([\\`*_{}\[\]()#+!|~$])", r"\\\1", html.escape(text, quote=False))
    return marked.replace("@", "@\u200b")


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table of at most a hundred rows; a head that starts with `>` has its column to the right."""
    listed = list(rows)
    lines = [
        f"| {' | '.join(head.lstrip('>') for head in heads)} |",
        f"|{'|'.join('---:' if head.startswith('>') else '---' for head in heads)}|",
        *(f"| {' | '.join(row)} |" for row in listed[:MOST]),
    ]
    more = [f"\nand {len(listed) - MOST:,} more"] if len(listed) > MOST else []
    return "\n".join([*lines, *more])
