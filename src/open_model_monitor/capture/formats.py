"""`dataset_format`: every spelling in, one out (`datasets.md` §9.3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from open_model_monitor.capture.jsontext import parse_json
from open_model_monitor.capture.record import JSON, SECTIONS, Format
from open_model_monitor.errors import SettingsError

EXPECTED = (
    'expected one of {"csv":{"header":true}}, {"json":{"lines":true}}, {"json":{"lines":false}}, {"parquet":{}}, '
    '{"sagemakerCaptureJson":{}}, {"sagemakerMergeJson":{}}'
)
_CAPTURES = {"sagemakercapturejson": "capture", "sagemakermergejson": "merged"}


def parse_format(document: str | Mapping[str, Any]) -> Format:
    """Return the format that a `dataset_format` document or its JSON text spells.

    Raises SettingsError saying what is wrong and what is expected.
    """
    if isinstance(document, str):
        try:
            document = parse_json(document)
        except ValueError as error:
            raise SettingsError(f"dataset_format is not JSON ({error}); {EXPECTED}") from None
    if not isinstance(document, Mapping) or len(document) != 1:
        raise SettingsError(f"dataset_format is {document!r}; {EXPECTED}")
    ((name, options),) = document.items()
    options = {} if options is None else options
    if not isinstance(options, Mapping):
        raise SettingsError(f"dataset_format {name} is {options!r}; {EXPECTED}")
    lowered = {str(key).lower(): value for key, value in options.items()}
    kind = str(name).lower()
    if kind == "csv":
        return Format("csv", _flag("header", lowered.get("header")), _position(lowered))
    if kind in ("json", "jsonlines"):
        lines = lowered.get("lines", lowered.get("line", kind == "jsonlines"))
        return Format("jsonlines" if _flag("lines", lines) else "json")
    if kind == "parquet":
        return Format("parquet")
    if kind in _CAPTURES:
        sections = _sections(lowered.get("captureindexnames"), _CAPTURES[kind])
        # The position is known to the original for CSV only; a baseline of the original cannot carry it.
        return Format(_CAPTURES[kind], output_columns_position=_position(lowered), sections=sections)
    raise SettingsError(f"dataset_format {name!r} is unknown; {EXPECTED}")


def _flag(name: str, value: Any) -> bool:
    if value is None:
        return False
    known = {"true": True, "false": False}.get(str(value).lower())
    if known is None:
        raise SettingsError(f"dataset_format: {name} is {value!r}; expected true or false")
    return known


def _position(options: Mapping[str, Any]) -> str:
    position = str(options.get("output_columns_position") or "START").upper()
    if position not in ("START", "END"):
        raise SettingsError(f"dataset_format: output_columns_position is {position!r}; expected START or END")
    return position


def _sections(names: Any, kind: str) -> tuple[str, ...]:
    allowed = SECTIONS if kind == "merged" else SECTIONS[:2]
    if not names:
        return allowed
    names = [names] if isinstance(names, str) else names
    if not isinstance(names, (list, tuple)):
        raise SettingsError(f"captureIndexNames is {names!r}; it may list {', '.join(allowed)}")
    wanted = {str(name).lower() for name in names}
    if unknown := wanted - {section.lower() for section in allowed}:
        raise SettingsError(f"captureIndexNames has {min(unknown)!r}; it may list {', '.join(allowed)}")
    return tuple(section for section in allowed if section.lower() in wanted)


def format_to_dict(format: Format) -> JSON:
    """Return the document that `parse_format` reads as this format."""
    if format.kind == "csv":
        return {"csv": {"header": format.header, "output_columns_position": format.output_columns_position}}
    if format.kind == "parquet":
        return {"parquet": {}}
    if format.kind in ("json", "jsonlines"):
        return {"json": {"lines": format.kind == "jsonlines"}}
    name = "sagemakerCaptureJson" if format.kind == "capture" else "sagemakerMergeJson"
    options: dict[str, JSON] = {"captureIndexNames": list(format.sections)}
    if format.output_columns_position != "START":
        options["output_columns_position"] = format.output_columns_position
    return {name: options}
