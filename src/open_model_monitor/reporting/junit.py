"""A run as JUnit XML, which every CI system shows: a case per feature or metric, a failure per violation."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from open_model_monitor.monitors.model_quality import camel_case
from open_model_monitor.reporting.evidence import Evidence, entries, subject_of
from open_model_monitor.reporting.page import title_of

# What XML 1.0 cannot hold, escaped or not.
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit_report(evidence: Evidence, *, title: str | None = None) -> str:
    """Return the report of a run as one test suite.

    A feature (or metric with a threshold) without violations is one case that passed; of others each violation is a
    case that failed, named after its check. Where nothing was checked the cases are skipped.
    """
    named = _text(title or title_of(evidence))
    found: dict[str, list[tuple[str, str]]] = {}
    for one in evidence.violations:
        check = str(one.get("constraint_check_type"))
        found.setdefault(subject_of(one), []).append((check, str(one.get("description", ""))))
    subjects = dict.fromkeys([*_subjects(evidence), *found])
    suite = ET.Element("testsuite", name=named)
    for subject in subjects:
        for check, text in found.get(subject, [("", "")]):
            case = ET.SubElement(
                suite,
                "testcase",
                classname=f"{named}.{_text(subject)}",
                name=_text(check) or "all checks",
                time="0",
            )
            if check:
                ET.SubElement(case, "failure", type=_text(check), message=_text(text)).text = _text(text)
            elif not evidence.checked:
                ET.SubElement(case, "skipped", message="Nothing was checked: this run had no baseline")
    cases = len(suite)
    counts = {
        "tests": cases,
        "failures": len(evidence.violations),
        "errors": 0,
        "skipped": 0 if evidence.checked else cases,
    }
    for name, count in counts.items():
        suite.set(name, str(count))
    suites = ET.Element("testsuites", name=named)
    suites.append(suite)
    ET.indent(suites)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(suites, encoding="unicode") + "\n"


def _subjects(evidence: Evidence) -> list[str]:
    if evidence.quality is None:
        return [one["name"] for one in entries(evidence.statistics)]
    known = evidence.summary.get("features") or {}
    return [camel_case(name) for name, about in known.items() if about.get("threshold") is not None]


def _text(value: str) -> str:
    return _FORBIDDEN.sub("\ufffd", value)
