"""Write what turned out to be right about the demo's captures, as a ground-truth folder.

    python labels.py LABELS.csv FOLDER

The labels are real, from the churn data in the repository. They come two hours after the captures, and every tenth has
not come yet.
"""

import json
import sys
from datetime import timedelta
from pathlib import Path

from captures import HOURS, START, event_id

LATE = timedelta(hours=2)


def label(number: int, truth: str) -> str:
    data = {"data": truth, "encoding": "CSV"}
    return json.dumps(
        {"groundTruthData": data, "eventMetadata": {"eventId": event_id(number)}, "eventVersion": "0"}
    )


def main(labels: str, folder: str) -> None:
    truths = Path(labels).read_text().split()
    for number in range(HOURS):
        hour = START + timedelta(hours=number) + LATE
        place = Path(folder) / f"{hour:%Y/%m/%d/%H}"
        place.mkdir(parents=True, exist_ok=True)
        lines = [label(n, truth) for n, truth in enumerate(truths) if n % HOURS == number and n % 10]
        (place / "labels.jsonl").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
