"""Outputs of a batch transform, one by one, as captures that a label can be joined to (`datasets.md` §9.5, §11.4)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from open_model_monitor.capture.ground_truth import Capture, hour_of_time, id_of
from open_model_monitor.capture.record import Counts, Item
from open_model_monitor.rows.convert import ends_in_ids
from open_model_monitor.rows.flatten import PayloadError
from open_model_monitor.rows.payloads import ENVELOPES, IDS, read_fields, without_ids


def batch_outputs(item: Item, counts: Counts) -> Iterator[Capture]:
    """Yield the records of an item: a CSV row, a JSON object with an id, or each such object inside it.

    What has no inference id is counted as malformed: no label could find it.
    """
    if item.header:
        return
    try:
        found = list(_of_line(item.value) if item.kind == "csv" else _of_value(item.value))
    except PayloadError as error:
        found = []
        counts.reject(item.origin, str(error))
    else:
        if not found:
            counts.reject(item.origin, f"no {IDS[0]}: the transform job must append it (GenerateInferenceId)")
    yield from found


def _of_line(line: str) -> Iterator[Capture]:
    fields = read_fields(line)
    if ends_in_ids((None, fields)):
        *rest, name, time = fields
        yield _capture(name, time, _csv_text(rest) if '"' in line else ",".join(rest), "CSV")


def _csv_text(fields: list[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(fields)
    return text.getvalue()


def _of_value(value: Any) -> Iterator[Capture]:
    if isinstance(value, Mapping):
        if value.get(IDS[0]) is not None:
            rest = msgspec.json.encode(dict(without_ids(value))).decode()
            yield _capture(value[IDS[0]], value.get(IDS[1]), rest, "JSON")
            return
        lists = [inner for key, inner in value.items() if key in ENVELOPES and isinstance(inner, list)]
        value = lists[0] if len(lists) == 1 else []
    for element in value if isinstance(value, list) else []:
        if isinstance(element, Mapping) and element.get(IDS[0]) is not None:
            yield from _of_value(element)


def _capture(name: Any, time: Any, data: str, encoding: str) -> Capture:
    key = id_of(name)
    section = {"data": data, "encoding": encoding}
    line = {
        "eventVersion": "0",
        "captureData": {"batchTransformOutput": section},
        "eventMetadata": {"eventId": key},
    }
    moment = time.strip() if isinstance(time, str) else time
    return Capture(None, key, msgspec.json.encode(line) + b"\n", hour_of_time(moment))
