"""How many captures met a label, and how late labels come; adds up over parts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Self

from open_model_monitor.capture.record import JSON

EXAMPLES = 3


@dataclass(slots=True)
class Coverage:
    """What a merge of captures with labels counted. `lateness` is, by whole hours, how many labels came so late:
    from the hour of the inference to the folder the label lies in."""

    joined: int = 0
    joined_by_event_id: int = 0  # of those, although the capture has an inference id
    unlabelled: int = 0
    labels: int = 0
    labels_unmatched: int = 0
    labels_superseded: int = 0
    lateness: dict[int, int] = field(default_factory=dict)
    examples: dict[str, list[str]] = field(default_factory=dict)  # ids, by what happened to them

    @property
    def captured(self) -> int:
        """Captures that were looked at."""
        return self.joined + self.unlabelled

    @property
    def share(self) -> float | None:
        """The share of the captures that met a label; None if there was no capture."""
        return self.joined / self.captured if self.captured else None

    def example(self, what: str, name: str) -> None:
        """Keep one of the first ids that something happened to."""
        known = self.examples.setdefault(what, [])
        if len(known) < EXAMPLES and name not in known:
            known.append(name)

    def late(self, hours: int) -> None:
        """Count a label that came so many hours after its inference; before it counts as 0."""
        hours = max(0, hours)
        self.lateness[hours] = self.lateness.get(hours, 0) + 1

    def merge(self, other: Self) -> Self:
        """Return a new sum of both."""
        both = type(self)()
        for name in _COUNTS:
            setattr(both, name, getattr(self, name) + getattr(other, name))
        for hours in sorted({*self.lateness, *other.lateness}):
            both.lateness[hours] = self.lateness.get(hours, 0) + other.lateness.get(hours, 0)
        for one in (self, other):
            for what, names in one.examples.items():
                for name in names:
                    both.example(what, name)
        return both

    def lateness_at(self, share: float) -> int | None:
        """Return within how many hours this share of the labels came; None if nothing is known of that."""
        total, seen = sum(self.lateness.values()), 0
        for hours, labels in sorted(self.lateness.items()):
            seen += labels
            if seen >= share * total:
                return hours
        return None

    def to_dict(self) -> JSON:
        """Return the counts as JSON values."""
        values: dict[str, JSON] = {name: getattr(self, name) for name in _COUNTS}
        return values | {"lateness": {str(h): n for h, n in self.lateness.items()}, "examples": self.examples}

    @classmethod
    def from_dict(cls, data: Mapping[str, JSON]) -> Self:
        """Rebuild what `to_dict` returned."""
        counts = {name: data.get(name, 0) for name in _COUNTS}
        lateness = {int(hours): labels for hours, labels in data.get("lateness", {}).items()}
        return cls(**counts, lateness=lateness, examples=dict(data.get("examples", {})))

    def summary(self) -> JSON:
        """Return what the run summary says."""
        return {
            **{name: getattr(self, name) for name in _COUNTS},
            "captured": self.captured,
            "coverage": self.share,
            "lateness_hours": {
                "median": self.lateness_at(0.5),
                "p90": self.lateness_at(0.9),
                "max": max(self.lateness, default=None),
            },
            "examples": self.examples,
        }


_COUNTS = tuple(f.name for f in fields(Coverage) if f.name not in ("lateness", "examples"))
