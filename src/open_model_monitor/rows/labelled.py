"""Rows of a model-quality run: what was predicted, how probable it was, and what turned out to be right.

Whatever an item is (a merged record, a line of a scored data set, what a handler returned), its rows come out with
the columns of `capture.record.LABELLED`. How attributes find their values: `datasets.md` §12, `scripts.md` §6.1.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from open_model_monitor.capture.jsontext import parse_json
from open_model_monitor.capture.record import (
    GROUND_TRUTH,
    LABELLED,
    CapturedData,
    Columns,
    Counts,
    EventData,
    Item,
    Origin,
    Row,
)
from open_model_monitor.errors import DataError
from open_model_monitor.rows.convert import Converter, pair_rows
from open_model_monitor.rows.flatten import Names, PayloadError, natural_key
from open_model_monitor.rows.payloads import OUTPUT, Fields, Payload, read_payload
from open_model_monitor.rows.texts import Line

SEGMENT = "segment"

_PLACE = re.compile(r"(?:_c)?(\d+)", re.ASCII)
_PREFIXES = ("endpointOutput_", "batchTransformOutput_")
_TRUTHS = (f"{GROUND_TRUTH}_0", GROUND_TRUTH, f"{GROUND_TRUTH}_label")
_LABEL = "label"
_SHOWN = 20

_COLUMNS = Columns(LABELLED, ("",) * len(LABELLED), (True,) * len(LABELLED))
_WITH_SEGMENT = Columns((*LABELLED, SEGMENT), ("",) * 5, (True,) * 5)

Values = Sequence[Any]
Rows = Callable[[Item, Counts], Sequence[Row | Line]]


@dataclass(frozen=True, slots=True)
class Attributes:
    """Where predictions and labels are, as a job names it: column, index, or JMESPath; None where it does not.

    With neither `inference` nor `probability` the first value of the output is the prediction. `missing` are texts
    that mean no value: under "" for all three, else under what a job names.
    """

    inference: str | None = None
    probability: str | None = None
    ground_truth: str | None = None
    segment: str | None = None
    missing: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def prediction(self) -> str | None:
        """What names the predicted label or value; the first value if nothing is named."""
        return self.inference if self.inference is not None or self.probability is not None else "0"


class Labeller:
    """Turns items into labelled rows; `handler` makes the rows of an item where there is a script."""

    def __init__(self, attributes: Attributes, converter: Converter, handler: Rows | None = None) -> None:
        self._attributes = attributes
        self._converter = converter
        self._handler = handler
        self._columns = _COLUMNS if attributes.segment is None else _WITH_SEGMENT
        self._places: dict[tuple[str, tuple[str, ...]], int | None] = {}
        self._met: set[str] = set()  # attributes that were found at least once
        named = (attributes.prediction, attributes.probability, attributes.ground_truth)
        everywhere, missing = attributes.missing.get("", ()), attributes.missing
        self._missing = [frozenset((*everywhere, *missing.get(name or "", ()))) for name in named]

    def rows(self, item: Item, counts: Counts) -> list[Row]:
        """Return the labelled rows of an item; one that cannot be read is counted as malformed and has none.

        Raises DataError if the first record has nothing that an attribute names, listing what there is.
        """
        if self._handler is not None:
            rows = [row.row() if isinstance(row, Line) else row for row in self._handler(item, counts)]
            return self._of_handler(item, rows)
        if item.kind != "capture":
            return self._of_table(item, self._converter.rows(item, counts))
        try:
            return list(self._of_record(item.value, item.origin, counts))
        except PayloadError as error:
            counts.reject(item.origin, str(error))
            return []

    # ------------------------------------------------------------ merged records

    def _of_record(self, record: CapturedData, origin: Origin, counts: Counts) -> Iterator[Row]:
        section, name = record.endpoint_output, "endpointOutput"
        if section is None:
            section, name = record.batch_transform_output, "batchTransformOutput"
        output = self._converter.payload(section, name, counts)
        if output is None:
            raise PayloadError("the record has no output that is a table")
        wanted = self._attributes
        paths = [
            attribute
            for attribute in (wanted.prediction, wanted.probability)
            if attribute is not None and self._is_path(attribute, output)
        ]
        if paths:
            output = self._searched(section, paths, output)
        truth = _truth(record.ground_truth)
        segments = self._segments(record, counts)
        pairs = pair_rows(truth, output)
        for k, (label, fields) in enumerate(pairs):
            names, values = self._named(fields)
            yield self._row(
                f"{_key(origin)}#{k}",
                self._value(wanted.prediction, names, values),
                self._value(wanted.probability, names, values),
                None if label is None else _label(label, wanted.ground_truth),
                self._segment_of(names, values, segments, k, len(pairs)),
            )

    def _is_path(self, attribute: str, output: Payload) -> bool:
        """Whether an attribute is no column of the output, so that it must be looked for as JMESPath."""
        if _PLACE.fullmatch(attribute):
            return False
        candidates = [output.rows, *([output.batch] if output.batch is not None else [])]
        known = [self._named(rows[0])[0] for rows in candidates if rows]
        return bool(known) and all(self._place(attribute, names) is None for names in known)

    def _searched(self, section: Any, paths: Sequence[str], output: Payload) -> Payload:
        documents = _documents(section)
        found = {path: _all_found(path, documents) for path in paths}
        names = self._named(output.rows[0])[0] if output.rows else ()
        for path, values in found.items():
            if all(value is None for value in values):
                self._missed(path, names)
        return _with_columns(output, found)

    def _named(self, fields: Fields | None) -> tuple[tuple[str, ...], Values]:
        names, values = fields if fields is not None else (None, ())
        return _unnamed(len(values)) if names is None else tuple(names), values

    def _segments(self, record: CapturedData, counts: Counts) -> Payload | None:
        if self._attributes.segment is None:
            return None
        return self._converter.payload(record.endpoint_input, "endpointInput", counts)

    def _segment_of(
        self, names: tuple[str, ...], values: Values, inputs: Payload | None, row: int, rows: int
    ) -> Any:
        """Return the value of the segment's column: of the output, else of the input."""
        attribute = self._attributes.segment
        if attribute is None:
            return None
        if inputs is not None and len(inputs.rows) in (1, rows):
            fields = inputs.rows[row if len(inputs.rows) == rows else 0]
            input_names, input_values = self._named(fields)
            bare = attribute.removeprefix("endpointInput_")
            if (place := self._place(bare, input_names)) is not None:
                self._met.add(attribute)
                return input_values[place]
        return self._value(attribute, names, values)

    # ------------------------------------------------------------ scored data sets, and handlers

    def _of_table(self, item: Item, rows: Sequence[Row]) -> list[Row]:
        wanted, labelled = self._attributes, []
        for k, row in enumerate(rows):
            names = row.columns.names
            found = {
                role: self._of_value(attribute, row, item)
                for role, attribute in (
                    ("prediction", wanted.prediction),
                    ("probability", wanted.probability),
                    ("label", self._truth_attribute(names)),
                    (SEGMENT, wanted.segment),
                )
            }
            labelled.append(self._row(f"{_key(row.origin)}#{k}", *found.values()))
        return labelled

    def _truth_attribute(self, names: tuple[str, ...]) -> str:
        attribute = self._attributes.ground_truth
        if attribute is not None:
            return attribute
        return next((name for name in (*_TRUTHS, _LABEL) if name in names), _TRUTHS[0])

    def _of_value(self, attribute: str | None, row: Row, item: Item) -> Any:
        """Return what an attribute means in a row; a JMESPath looks at the JSON value that the row came from."""
        if attribute is None or item.kind != "json" or self._place(attribute, row.columns.names) is not None:
            return self._value(attribute, row.columns.names, row.values)
        found = _search(attribute, item.value)
        found = found[0] if isinstance(found, list) and len(found) == 1 else found
        if found is None or isinstance(found, list | Mapping):
            return self._value(attribute, row.columns.names, row.values)
        self._met.add(attribute)
        return found

    def _of_handler(self, item: Item, rows: Sequence[Row]) -> list[Row]:
        wanted = self._attributes
        own = _own_labels(item, len(rows))
        labelled = []
        for k, row in enumerate(rows):
            names = row.columns.names
            label = self._script_truth(names, row.values, own[k] if own else None)
            prediction, probability = (
                None if attribute is None else self._script_value(attribute, names, row.values)
                for attribute in (wanted.prediction, wanted.probability)
            )
            segment = (
                None if wanted.segment is None else self._script_value(wanted.segment, names, row.values)
            )
            labelled.append(self._row(f"{_key(item.origin)}#{k}", prediction, probability, label, segment))
        return labelled

    def _script_truth(self, names: tuple[str, ...], values: Values, own: Any) -> Any:
        attribute = self._attributes.ground_truth
        for name in (*([attribute] if attribute is not None else []), *_TRUTHS):
            if name in names:
                return values[names.index(name)]
        if attribute is not None and (place := self._header_place(attribute, names)) is not None:
            return values[place]
        return own if own is not None else self._missed(attribute or _TRUTHS[0], names)

    def _script_value(self, attribute: str, names: tuple[str, ...], values: Values) -> Any:
        key = ("script " + attribute, names)
        if key not in self._places:
            self._places[key] = self._script_place(attribute, names)
        place = self._places[key]
        if place is None and _PLACE.fullmatch(attribute):  # a row that broke off, not a name that is wrong
            raise PayloadError(f"there is no value {attribute}: the row has {len(values)}")
        if place is None:
            return self._missed(attribute, names)
        self._met.add(attribute)
        return values[place]

    def _script_place(self, attribute: str, names: tuple[str, ...]) -> int | None:
        """Return where a key is: itself, with a prefix, the only one with a prefix, or by its index (§6.1)."""
        for name in (attribute, *(prefix + attribute for prefix in _PREFIXES)):
            if name in names:
                return names.index(name)
        outputs = [place for place, name in enumerate(names) if name.startswith(_PREFIXES)]
        if len(outputs) == 1:
            return outputs[0]
        if (place := self._header_place(attribute, names)) is not None:
            return place
        rest = [name for name in sorted(names, key=natural_key) if not name.startswith(GROUND_TRUTH)]
        index = _PLACE.fullmatch(attribute)
        return names.index(rest[int(index[1])]) if index and int(index[1]) < len(rest) else None

    def _header_place(self, attribute: str, names: tuple[str, ...]) -> int | None:
        """Return where a column of the data set's header went, if the handler kept as many columns."""
        header = self._converter.header_names
        if attribute not in header or len(header) != len(names):
            return None
        return names.index(sorted(names, key=natural_key)[header.index(attribute)])

    # ------------------------------------------------------------ columns

    def _value(self, attribute: str | None, names: tuple[str, ...], values: Values) -> Any:
        if attribute is None:
            return None
        place = self._place(attribute, names)
        if place is None and _PLACE.fullmatch(attribute):  # a row that broke off, not a name that is wrong
            raise PayloadError(f"there is no value {attribute}: the row has {len(values)}")
        if place is None:
            return self._missed(attribute, names)
        self._met.add(attribute)
        return values[place]

    def _place(self, attribute: str, names: tuple[str, ...]) -> int | None:
        key = (attribute, names)
        if key not in self._places:
            spellings = (attribute, *(prefix + attribute for prefix in _PREFIXES))
            found = next((names.index(name) for name in spellings if name in names), None)
            index = _PLACE.fullmatch(attribute)
            if found is None and index and int(index[1]) < len(names):
                found = int(index[1])
            self._places[key] = found
        return self._places[key]

    def _missed(self, attribute: str, names: Sequence[str]) -> None:
        """Take a value for missing, unless the attribute was never met: then it is wrong."""
        if attribute not in self._met:
            shown = ", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")
            raise DataError(
                f"there is no {attribute!r} in the first record; there are: {shown or 'no columns'}. Name it by "
                "inference_attribute, probability_attribute or ground_truth_attribute: a column, an index, or a "
                "JMESPath into the JSON output"
            )

    def _row(self, key: str, prediction: Any, probability: Any, label: Any, segment: Any) -> Row:
        values = [key, prediction, probability, label]
        for place, missing in enumerate(self._missing, 1):
            if missing and str(values[place]).strip() in missing:
                values[place] = None
        if self._columns is _WITH_SEGMENT:
            values.append(segment)
        return Row(self._columns, values, _NOWHERE)


_NOWHERE = Origin("", 0)


def _key(origin: Origin) -> str:
    """Return what tells a record apart wherever it is read: its id, or its place in its object."""
    known = origin.inference_id or origin.event_id
    if known:
        return str(known)
    return f"{origin.source.rpartition('/')[2]}:{origin.lines_from}:{origin.line}"


def _truth(section: EventData | None) -> Payload | None:
    if section is None or section.data is None:
        return None
    try:
        return read_payload(section.data, section.encoding or "CSV", section.observedContentType)
    except PayloadError as error:
        raise PayloadError(f"{GROUND_TRUTH}: {error}") from error


def _label(fields: Fields, attribute: str | None) -> Any:
    """Return the label of a row of the truth: the key that is asked for, `label`, or the first value."""
    names, values = fields
    if names is not None:
        for name in (attribute, _LABEL):
            if name in names:
                return values[names.index(name)]
    return values[0] if values else None


def _own_labels(item: Item, rows: int) -> list[Any]:
    """Return the record's labels, one for each row of the handler; none if their number differs."""
    truth = item.value.ground_truth if isinstance(item.value, CapturedData) else None
    try:
        payload = _truth(truth)
    except PayloadError:
        return []
    if payload is None:
        return []
    found = payload.batch if payload.batch is not None and len(payload.batch) == rows else payload.rows
    return [_label(fields, None) for fields in found] if len(found) == rows else []


def _with_columns(output: Payload, found: Mapping[str, list[Any]]) -> Payload:
    """Return the output's rows with what JMESPaths found in it as further columns, named by the paths."""
    lengths = {len(values) for values in found.values()}
    if len(lengths) > 1 or not lengths - {0}:
        told = ", ".join(f"{path!r} {len(values)}" for path, values in found.items())
        raise PayloadError(f"the paths find different numbers of values, or none: {told}")
    [rows] = lengths
    names, columns = tuple(found), list(found.values())
    if len(output.rows) != rows:
        return Payload([(names, values) for values in zip(*columns, strict=True)])
    return replace(
        output,
        batch=None,
        rows=[
            ((*(_unnamed(len(values)) if known is None else known), *names), [*values, *more])
            for (known, values), more in zip(output.rows, zip(*columns, strict=True), strict=True)
        ],
    )


def _documents(section: Any) -> list[Any]:
    data = section.data
    if not isinstance(data, str):
        return [data]
    try:
        return [parse_json(data)]
    except ValueError:
        pass
    try:
        return [parse_json(line) for line in data.split("\n") if line and not line.isspace()]
    except ValueError as error:
        raise PayloadError(f"payload cannot be parsed as JSON: {error}") from error


def _all_found(path: str, documents: Sequence[Any]) -> list[Any]:
    values: list[Any] = []
    for document in documents:
        inner = document.get(OUTPUT) if isinstance(document, Mapping) else None
        found = _search(path, inner) if inner is not None else None
        if found is None:
            found = _search(path, document)
        values += found if isinstance(found, list) else [found]
    return values


def _search(path: str, document: Any) -> Any:
    import jmespath  # only who names a path needs it
    from jmespath.exceptions import JMESPathError

    try:
        return jmespath.search(path, document)
    except JMESPathError as error:
        raise DataError(f"{path!r} is no column, no index, and no JMESPath: {error}") from error


def _unnamed(count: int) -> Names:
    return tuple([f"_c{i}" for i in range(count)])
