"""Build captures, as an endpoint writes them, from the churn requests in the repository.

    python captures.py REQUESTS.csv FOLDER

One line per request, spread over three hours; the score is a stand-in, since the model itself is not here.
"""

import csv
import json
import sys
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

START = datetime(2026, 1, 31, 10, tzinfo=UTC)
HOURS = 3


def capture(number: int, request: list[str], hour: datetime, answer: str | None = None) -> str:
    attributes = {"customAttributes": ["test-traffic"]} if number % 50 == 7 else {}
    return json.dumps(
        {
            "captureData": {
                "endpointInput": {
                    "observedContentType": "text/csv",
                    "mode": "INPUT",
                    "data": ",".join(request),
                    "encoding": "CSV",
                },
                "endpointOutput": {
                    "observedContentType": "text/csv; charset=utf-8",
                    "mode": "OUTPUT",
                    "data": f"{score(request) if answer is None else answer}\n",
                    "encoding": "CSV",
                },
            },
            "eventMetadata": {
                "eventId": event_id(number),
                "inferenceTime": f"{hour:%Y-%m-%dT%H}:{number % 60:02d}:00Z",
                **attributes,
            },
            "eventVersion": "0",
        },
        separators=(",", ":"),
    )


def event_id(number: int) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"churn-demo/{number}"))


def score(request: list[str]) -> float:
    minutes = float(request[2]) if request[2].replace(".", "").isdigit() else 180.0
    return round(min(0.999, 0.05 + 0.8 * (minutes / 350.0) ** 2), 6)


def main(requests: str, folder: str) -> None:
    with open(requests, newline="") as file:
        rows = list(csv.reader(file))
    for number in range(HOURS):
        hour = START + timedelta(hours=number)
        place = Path(folder) / f"churn-endpoint/AllTraffic/{hour:%Y/%m/%d/%H}"
        place.mkdir(parents=True, exist_ok=True)
        lines = [capture(n, row, hour) for n, row in enumerate(rows) if n % HOURS == number]
        (place / f"59-58-000-demo{number}.jsonl").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
