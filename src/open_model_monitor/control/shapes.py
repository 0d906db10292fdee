"""Requests and responses against the service model: what is refused is refused alike, whoever asks (`api.md` §1.4, §3).

The model is data, `service_model.json`; where we are deliberately wider than it, a table here says so.
"""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec

from open_model_monitor.errors import InvalidRequest, Misshapen, UnknownOperation

log = logging.getLogger(__name__)

JSON = dict[str, Any]
MAX_SHOWN = 256  # characters of a value in a message
_READING = ("Describe", "List")

# Wider than the model, or narrower: enumerations that change every month, and what the SDK's documentation promises.
_INSTANCE_TYPE = {"type": "string", "max": 64, "pattern": r"ml\.[a-z0-9-]+\.[a-z0-9]+"}
_OWN_SHAPES: dict[str, JSON] = {
    "ProcessingInstanceType": _INSTANCE_TYPE,
    "ProductionVariantInstanceType": _INSTANCE_TYPE,
    "TransformInstanceType": _INSTANCE_TYPE,
    "ProcessingS3InputMode": {"type": "string", "enum": ["Pipe", "File", "FastFile"]},
    "ProcessingEnvironmentValue": {"type": "string", "max": 4096, "pattern": r"[\S\s]*"},
}
# Java's classes of letters, numbers and separators.
_JAVA = {r"\p{L}\p{Z}\p{N}_": r"\w \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"}
_SURROGATES = r"\uE000-\uFFFD\uD800\uDC00-\uDBFF\uDFFF"
_ADDRESS = "(https|s3)://"


@cache
def _model() -> JSON:
    text = files("open_model_monitor.control").joinpath("service_model.json").read_bytes()
    model: JSON = msgspec.json.decode(text)
    model["shapes"] |= _OWN_SHAPES
    return model


def operations() -> list[str]:
    """Return the names of the operations in the model."""
    return sorted(_model()["operations"])


def is_mutation(operation: str) -> bool:
    """Whether an operation changes something."""
    return not operation.startswith(_READING)


def validate(operation: str, request: Any, *, local_addresses: bool = False) -> JSON:
    """Return a request without nulls and unknown members, its times as aware datetimes.

    `local_addresses` accepts `file://` where the model wants S3.

    Raises UnknownOperation; Misshapen for another JSON type than the model's; InvalidRequest, with all that is wrong.
    """
    ends = _model()["operations"].get(operation)
    if ends is None:
        raise UnknownOperation(f"Open Model Monitor does not implement the operation {operation[:128]}")
    if not isinstance(request, dict):
        raise Misshapen(f"The request must be a JSON object, not {_kind(request)}")
    if "input" not in ends:
        return {}
    check = _Check(local_addresses)
    clean: JSON = check.value(ends["input"], request, "")
    check.failures += _tag_failures(clean.get("Tags"))
    if check.failures:
        count = len(check.failures)
        raise InvalidRequest(
            f"{count} validation error{'s' if count > 1 else ''} detected: {'; '.join(check.failures)}"
        )
    return clean


class _Check:
    """Walks a request along its shapes and collects what is wrong."""

    def __init__(self, local_addresses: bool) -> None:
        self.failures: list[str] = []
        self._local = local_addresses

    def value(self, name: str, value: Any, path: str) -> Any:
        shape = _model()["shapes"][name]
        return getattr(self, f"_{shape['type']}")(shape, value, path)

    def _structure(self, shape: JSON, value: Any, path: str) -> JSON:
        if not isinstance(value, dict):
            raise _misshapen(path, "an object", value)
        clean = {}
        for member, given in value.items():
            if given is None:
                continue
            if member not in shape["members"]:
                log.debug("unknown member %s.%s is ignored", path, member)
                continue
            clean[member] = self.value(shape["members"][member], given, _below(path, member))
        for member in shape.get("required", ()):
            if member not in clean:
                self.failures.append(
                    f"Value at '{_below(path, member)}' failed to satisfy constraint: Member must not be null"
                )
        return clean

    def _list(self, shape: JSON, value: Any, path: str) -> list[Any]:
        if not isinstance(value, list):
            raise _misshapen(path, "a list", value)
        self._length(shape, value, len(value), path)
        if len(value) > shape.get("max", math.inf):
            return []
        given = [one for one in value if one is not None]
        return [
            self.value(shape["member"], one, f"{path}.{place}.member") for place, one in enumerate(given, 1)
        ]

    def _map(self, shape: JSON, value: Any, path: str) -> JSON:
        if not isinstance(value, dict):
            raise _misshapen(path, "an object", value)
        self._length(shape, value, len(value), path)
        if len(value) > shape.get("max", math.inf):
            return {}
        clean = {}
        for key, one in value.items():
            if one is None:
                continue
            self.value(shape["key"], key, f"{path}.key")
            clean[key] = self.value(shape["value"], one, f"{path}.{key[:64]}.member")
        return clean

    def _string(self, shape: JSON, value: Any, path: str) -> str:
        if not isinstance(value, str):
            raise _misshapen(path, "a string", value)
        if self._length(shape, value, len(value), path):  # patterns only see texts of a bounded length
            if "enum" in shape and value not in shape["enum"]:
                self._fail(value, path, f"satisfy enum value set: [{', '.join(shape['enum'])}]")
            pattern = shape.get("pattern")
            if pattern and not _matches(pattern, value, self._local):
                self._fail(value, path, f"satisfy regular expression pattern: {pattern}")
        return value

    def _integer(self, shape: JSON, value: Any, path: str) -> int:
        if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1:
            raise _misshapen(path, "a whole number", value)
        self._range(shape, value, path)
        return int(value)

    def _double(self, shape: JSON, value: Any, path: str) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise _misshapen(path, "a number", value)
        self._range(shape, value, path)
        return value

    _float = _double
    _long = _integer

    def _boolean(self, shape: JSON, value: Any, path: str) -> bool:
        if not isinstance(value, bool):
            raise _misshapen(path, "true or false", value)
        return value

    def _timestamp(self, shape: JSON, value: Any, path: str) -> datetime:
        try:
            if isinstance(value, str):
                moment = datetime.fromisoformat(value)
                return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
            if isinstance(value, int | float) and not isinstance(value, bool):
                return datetime.fromtimestamp(value, UTC)
        except (ValueError, OverflowError, OSError):
            pass
        raise _misshapen(path, "a time (seconds since 1970, or ISO 8601)", value)

    def _length(self, shape: JSON, value: Any, length: int, path: str) -> bool:
        if length < shape.get("min", 0):
            self._fail(value, path, f"have length greater than or equal to {shape['min']}")
            return False
        if length > shape.get("max", math.inf):
            self._fail(value, path, f"have length less than or equal to {shape['max']}")
            return False
        return True

    def _range(self, shape: JSON, value: float, path: str) -> None:
        if value < shape.get("min", -math.inf):
            self._fail(value, path, f"have value greater than or equal to {shape['min']}")
        if value > shape.get("max", math.inf):
            self._fail(value, path, f"have value less than or equal to {shape['max']}")

    def _fail(self, value: Any, path: str, rule: str) -> None:
        self.failures.append(
            f"Value '{str(value)[:MAX_SHOWN]}' at '{path}' failed to satisfy constraint: Member must {rule}"
        )


def _below(path: str, member: str) -> str:
    member = member[0].lower() + member[1:]
    return f"{path}.{member}" if path else member


def _misshapen(path: str, wanted: str, value: Any) -> Misshapen:
    return Misshapen(f"{path or 'The request'} must be {wanted}, not {_kind(value)}")


def _kind(value: Any) -> str:
    names = {dict: "an object", list: "a list", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(value), "a number")


def _matches(pattern: str, text: str, local: bool) -> bool:
    if local and pattern.startswith(_ADDRESS) and text.startswith("file:///"):
        return True
    return _compiled(pattern).fullmatch(text) is not None


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    if _SURROGATES in pattern:  # Python's texts have no surrogate pairs
        pattern = pattern.replace(_SURROGATES, r"\uE000-\uFFFD\U00010000-\U0010FFFF")
    for java, ours in _JAVA.items():
        pattern = pattern.replace(java, ours)
    return re.compile(pattern)


def _tag_failures(tags: Any) -> Iterator[str]:
    seen: set[str] = set()
    for place, tag in enumerate(tags or (), 1):
        key = tag.get("Key", "")
        path = f"tags.{place}.member.key"
        if key in seen:
            yield f"Value '{key}' at '{path}' failed to satisfy constraint: Member must be unique"
        if key.lower().startswith("aws:"):
            yield f"Value '{key}' at '{path}' failed to satisfy constraint: Member must not begin with aws:"
        seen.add(key)


# ------------------------------------------------------------ responses


def render(operation: str, response: JSON, *, strict: bool = False) -> JSON:
    """Return a response as it goes on the wire: only the model's members, times as numbers, nothing that is None.

    `strict` raises ValueError if a required member is missing or has another type; for tests.
    """
    output = _model()["operations"][operation].get("output")
    if output is None:
        return {}
    rendered: JSON = _rendered(output, response)
    if strict:
        _check_response(output, rendered, operation)
    return rendered


def _rendered(name: str, value: Any) -> Any:
    shape = _model()["shapes"][name]
    if isinstance(value, datetime):
        return round(value.timestamp(), 3)
    if shape["type"] == "structure" and isinstance(value, dict):
        members = shape["members"]
        return {
            member: _rendered(members[member], one)
            for member, one in value.items()
            if one is not None and member in members
        }
    if shape["type"] == "list" and isinstance(value, list):
        return [_rendered(shape["member"], one) for one in value]
    return value


_TYPES: dict[str, Callable[[Any], bool]] = {
    "structure": lambda value: isinstance(value, dict),
    "map": lambda value: isinstance(value, dict),
    "list": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
}


def with_times(operation: str, response: JSON) -> JSON:
    """Return a rendered response with its times as datetimes in UTC, as clients in Python have them."""
    return _timed(_model()["operations"][operation]["output"], response) if response else response


def _timed(name: str, value: Any) -> Any:
    shape = _model()["shapes"][name]
    if shape["type"] == "timestamp":
        return datetime.fromtimestamp(value, UTC)
    if shape["type"] == "structure":
        return {member: _timed(shape["members"][member], one) for member, one in value.items()}
    if shape["type"] == "list":
        return [_timed(shape["member"], one) for one in value]
    return value


def _check_response(name: str, value: Any, path: str) -> None:
    shape = _model()["shapes"][name]
    if not _TYPES.get(shape["type"], lambda one: isinstance(one, int | float))(value):
        raise ValueError(f"{path} must be a {shape['type']}, not {value!r}")
    if shape["type"] == "structure":
        for member in shape.get("required", ()):
            if member not in value:
                raise ValueError(f"{path}.{member} is missing")
        for member, one in value.items():
            _check_response(shape["members"][member], one, f"{path}.{member}")
    if shape["type"] == "list":
        for one in value:
            _check_response(shape["member"], one, f"{path}[]")
