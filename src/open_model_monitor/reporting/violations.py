"""Violations as a reader wants them: by check, with what that means, features of which the same is said together."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from open_model_monitor.reporting.evidence import JSON, subject_of
from open_model_monitor.reporting.meanings import CHECKS, Meaning
from open_model_monitor.reporting.plain import sentence


@dataclass(frozen=True, slots=True)
class Said:
    """The same said of some features or metrics, in plain words."""

    subjects: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Group:
    """All violations of one check."""

    check: str
    meaning: Meaning
    said: tuple[Said, ...]

    @property
    def count(self) -> int:
        """How many violations it holds."""
        return sum(len(one.subjects) for one in self.said)


def grouped(violations: Iterable[JSON]) -> list[Group]:
    """Return violations by check, both in the order in which they stand in the document."""
    found: dict[str, dict[str, list[str]]] = {}
    for one in violations:
        check = str(one.get("constraint_check_type"))
        text = sentence(check, str(one.get("description", "")))
        found.setdefault(check, {}).setdefault(text, []).append(subject_of(one))
    return [
        Group(check, meaning_of(check), tuple(Said(tuple(names), text) for text, names in said.items()))
        for check, said in found.items()
    ]


def meaning_of(check: str) -> Meaning:
    """Return what a check means; of one that is not ours its name is all there is."""
    return CHECKS.get(check) or Meaning(check, "A check we do not know; its sentences are all there is.", "")
