"""The same analysis per segment: what `segments.json` and the run summary say of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from open_model_monitor.capture.record import JSON
from open_model_monitor.monitors.base import Analysis


@dataclass(frozen=True, slots=True)
class Segments:
    """What was found in the rows of each value of a column; `own` are those with a baseline of their own."""

    column: str
    analyses: Mapping[str, Analysis[Any, Any]]
    own: frozenset[str] = frozenset()

    @property
    def violations(self) -> Sequence[dict[str, str]]:
        """The violations of all segments, each description opened by its segment: `[country=DE] …`."""
        return [
            entry | {"description": f"[{self.column}={name}] {entry['description']}"}
            for name, analysis in self.analyses.items()
            for entry in analysis.violations
        ]

    def to_dict(self) -> dict[str, JSON]:
        """Return the content of `segments.json`: per segment what the files of a run would hold."""
        return {
            "version": 0.0,
            "column": self.column,
            "segments": {
                name: {
                    "statistics": analysis.statistics.to_dict(),
                    "constraints": analysis.constraints.to_dict(),
                    "violations": analysis.violations,
                }
                for name, analysis in self.analyses.items()
            },
        }

    def summary(self) -> dict[str, JSON]:
        """Return what the run summary says: per segment its rows, violations, notices and measured numbers."""
        return {
            "column": self.column,
            "segments": {
                name: {
                    "rows": analysis.statistics.item_count,
                    "violations": len(analysis.violations),
                    "own_baseline": name in self.own,
                    "notices": [notice.to_dict() for notice in analysis.notices],
                    "features": dict(analysis.features),
                }
                for name, analysis in self.analyses.items()
            },
        }
