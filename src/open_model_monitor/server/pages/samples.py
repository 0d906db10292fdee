"""Captures to begin with: requests to a made-up model of customer churn, calm ones and ones that drifted.

Made up, and always the same: nobody's data. In the drifted ones people call support far more often, and some plans
are called by a name that the model never saw.
"""

from __future__ import annotations

import csv
import io
import json
import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

COLUMNS = ("tenure_months", "monthly_charge", "support_calls", "plan", "has_fiber")
PLANS = ("basic", "family", "business")
PRICES = {"basic": 25, "family": 55, "business": 80, "premium": 95, "test": 1}
START = datetime(2026, 1, 31, 10, tzinfo=UTC)

CSV_SCRIPT = """\
# Called with each captured record; returns one row, several, or none to leave the record out.
NAMES = ("tenure_months", "monthly_charge", "support_calls", "plan", "has_fiber")


def preprocess_handler(inference_record, logger):
    values = inference_record.endpoint_input.data.strip().split(",")
    row = dict(zip(NAMES, values))
    if row["plan"] == "test":
        logger.info("left out a test customer")
        return []
    row["charge_per_month"] = float(row["monthly_charge"]) / max(1, int(row["tenure_months"]))
    row["score"] = float(inference_record.endpoint_output.data)
    return row
"""
JSON_SCRIPT = """\
# Called with each captured record; returns one row, several, or none to leave the record out.
import json


def preprocess_handler(inference_record, logger):
    row = json.loads(inference_record.endpoint_input.data)
    if row["plan"] == "test":
        logger.info("left out a test customer")
        return []
    row["charge_per_month"] = row["monthly_charge"] / max(1, row["tenure_months"])
    row["score"] = json.loads(inference_record.endpoint_output.data)["score"]
    return row
"""


@dataclass(frozen=True, slots=True)
class Sample:
    """A kind of captures, and a script that reads them."""

    name: str
    title: str
    encoding: str  # CSV or JSON
    script: str


SAMPLES = (
    Sample("churn-csv", "Sample: churn requests as CSV", "CSV", CSV_SCRIPT),
    Sample("churn-json", "Sample: churn requests as JSON", "JSON", JSON_SCRIPT),
)


def sample_of(name: str) -> Sample | None:
    """Return the sample of that name, None if there is none."""
    return next((sample for sample in SAMPLES if sample.name == name), None)


def captures(sample: Sample, number: int, *, drifted: bool = False, hour: datetime = START) -> str:
    """Return captured records as JSON lines, within one hour."""
    chance = random.Random(7 if drifted else 3)  # noqa: S311 — made-up data, no secret
    lines = (_line(sample, place, _request(chance, place, drifted), hour) for place in range(number))
    return "".join(f"{line}\n" for line in lines)


def _request(chance: random.Random, place: int, drifted: bool) -> tuple[int, float, int, str, int]:
    tenure = min(72, 1 + int(chance.expovariate(1 / 24)))
    plan = chance.choices(PLANS, (6, 3, 1))[0]
    if drifted and place % 5 == 2:
        plan = "premium"
    plan = "test" if place % 40 == 11 else plan
    charge = round(
        {"basic": 25, "family": 55, "business": 80, "premium": 95, "test": 1}[plan]
        * chance.uniform(0.8, 1.3),
        2,
    )
    calls = min(12, int(chance.expovariate(1 / (3.4 if drifted else 1.1))))
    return tenure, charge, calls, plan, int(chance.random() < 0.4)


def _line(sample: Sample, place: int, request: tuple[int, float, int, str, int], hour: datetime) -> str:
    tenure, charge, calls, *_ = request
    score = round(min(0.98, max(0.02, 0.1 + 0.09 * calls + charge / 400 - tenure / 150)), 4)
    moment = hour + timedelta(seconds=3500 * place / 1000)
    event = {
        "eventId": f"sample-{sample.encoding.lower()}-{place:05d}",
        "inferenceTime": f"{moment:%Y-%m-%dT%H:%M:%SZ}",
    }
    kind = {"CSV": "text/csv", "JSON": "application/json"}[sample.encoding]
    if sample.encoding == "CSV":
        text = io.StringIO()
        csv.writer(text, lineterminator="").writerow(request)
        asked, answered = text.getvalue(), f"{score}\n"
    else:
        asked, answered = json.dumps(dict(zip(COLUMNS, request, strict=True))), json.dumps({"score": score})
    common = {"observedContentType": kind, "encoding": sample.encoding}
    return json.dumps(
        {
            "captureData": {
                "endpointInput": {**common, "mode": "INPUT", "data": asked},
                "endpointOutput": {**common, "mode": "OUTPUT", "data": answered},
            },
            "eventMetadata": event,
            "eventVersion": "0",
        },
        separators=(",", ":"),
    )
