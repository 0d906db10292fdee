"""The users' handlers: load, call, understand what comes back, report what went wrong.

Runs inside the process of the script (see `jobs.sandbox_child`), never in ours. Contract: `scripts.md` §2, §5, §9.
"""

from __future__ import annotations

import importlib.util
import inspect
import logging
import sys
import types
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from time import perf_counter  # at once: scripts may replace what the module offers
from typing import Any, NoReturn

from msgspec import structs

from open_model_monitor.capture.record import SCRIPT, CapturedData, Columns, Counts, Item, Row
from open_model_monitor.errors import ScriptError, ScriptFailure
from open_model_monitor.rows.batches import FLAT, plain
from open_model_monitor.rows.convert import Converter
from open_model_monitor.rows.flatten import flatten_row
from open_model_monitor.rows.script_failures import failure_of, sha256_of, with_record
from open_model_monitor.rows.texts import Line, line_of, names_of, usual_line

HANDLERS = {"preprocessor": "preprocess_handler", "postprocessor": "postprocess_handler"}
EXPECTED = {
    "preprocessor": "preprocess_handler(inference_record) or preprocess_handler(inference_record, logger)",
    "postprocessor": "postprocess_handler()",
}
REPR = 200
TRACEBACKS = 20  # distinct failures kept when records may fail
_RESERVED = ("eventMetadata", "eventVersion")
_SPECIAL = frozenset(("captureData", *_RESERVED))
_GENERATOR = types.GeneratorType
_TEXTS = frozenset((str, type(None)))


# ---------------------------------------------------------------- loading


@dataclass(frozen=True, slots=True)
class Handler:
    """A loaded handler and how it is called."""

    function: Callable[..., Any]
    role: str
    script: Path
    logger_as: str | None = None  # "positional", "keyword" or None

    def bound(self, logger: logging.Logger) -> Callable[[Any], Any]:
        """Return the preprocess handler as a function of the record alone."""
        function = self.function
        if self.logger_as == "positional":
            return lambda record: function(record, logger)
        if self.logger_as == "keyword":
            return lambda record: function(record, logger=logger)
        return function


def load(script: Path, role: str) -> Handler:
    """Import a script as a module and find its handler.

    Raises ScriptError (phase "load") for whatever is wrong: syntax, imports, the handler's name or signature.
    """
    module = _import(script, role)
    name = HANDLERS[role]
    function = getattr(module, name, None)
    if function is None:
        found = sorted(
            key
            for key, value in vars(module).items()
            if inspect.isfunction(value) and not key.startswith("_")
        )
        _refuse(script, role, f"there is no function {name}; functions found: {', '.join(found) or 'none'}")
    if not callable(function):
        _refuse(script, role, f"{name} is a {type(function).__name__}, not a function")
    if inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function):
        _refuse(script, role, f"{name} is a coroutine function; make it a plain one (def, not async def)")
    return Handler(function, role, script, _check_signature(function, script, role))


def _import(script: Path, role: str) -> types.ModuleType:
    name = script.stem if script.stem.isidentifier() and script.stem not in sys.modules else f"user_{role}"
    sys.path.insert(0, str(script.parent))
    spec = importlib.util.spec_from_file_location(name, script)
    if spec is None or spec.loader is None:
        _refuse(script, role, "is not a Python file; its name must end in .py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise ScriptError(failure_of(error, role=role, phase="load", script=script)) from error
    return module


def _refuse(script: Path, role: str, message: str) -> NoReturn:
    raise ScriptError(
        ScriptFailure(
            role=role,
            phase="load",
            script=script.name,
            exception_type="LoadError",
            message=message,
            remedy=f"expected: {EXPECTED[role]}",
            script_sha256=sha256_of(script),
        )
    )


def _check_signature(function: Callable[..., Any], script: Path, role: str) -> str | None:
    try:
        parameters = list(inspect.signature(function).parameters.values())
    except (TypeError, ValueError):
        return None
    kinds = inspect.Parameter
    positional = [p for p in parameters if p.kind in (kinds.POSITIONAL_ONLY, kinds.POSITIONAL_OR_KEYWORD)]
    required = [p for p in positional if p.default is kinds.empty]
    varargs = any(p.kind is kinds.VAR_POSITIONAL for p in parameters)
    keyword = [p for p in parameters if p.kind is kinds.KEYWORD_ONLY and p.default is kinds.empty]
    takes_logger = any(p.kind is kinds.KEYWORD_ONLY and p.name == "logger" for p in parameters)
    stray = [p.name for p in keyword if not (role == "preprocessor" and p.name == "logger")]
    found = f"{HANDLERS[role]}{inspect.signature(function)}"
    if stray:
        _refuse(script, role, f"{found} requires the keyword argument {stray[0]}, which nobody passes")
    if role == "postprocessor":
        if required:
            _refuse(script, role, f"{found} requires an argument, but a postprocessor is called with none")
        return None
    if len(required) > 2 or not (required or positional or varargs):
        _refuse(script, role, f"{found} takes {len(required)} required arguments")
    if len(required) == 2 or (varargs and len(required) <= 1 and len(positional) <= 1):
        return "positional"
    if len(positional) > len(required) and len(positional) >= 2 and "log" in positional[1].name.lower():
        return "positional"
    return "keyword" if takes_logger else None


# ---------------------------------------------------------------- calling


class ReturnValueError(TypeError):
    """A handler returned something that is not rows."""


class Preprocessor:
    """Calls a preprocess handler with one item at a time and turns what comes back into rows.

    With `lines`, rows of texts are joined at once; a gap among them is an empty text then.
    """

    def __init__(
        self,
        handler: Handler,
        converter: Converter,
        logger: logging.Logger,
        *,
        skip_failing: bool = False,
        redact: bool = False,
        lines: bool = False,
    ) -> None:
        self._handler = handler
        self._call = self._bound = handler.bound(logger)
        self._converter = converter
        self._log = logger
        self._skip = skip_failing
        self._redact = redact
        self._lines = lines
        self._keys: list[Any] = []  # of the last dict
        self._usual: bytes | None = None  # the same, if no name among them asks for a look at its value
        self._columns = self._flat = Columns((), (), ())
        self._kinds: Sequence[type] | None = ()  # of its values; None if all were texts, and joined
        self._processed = 0
        self._warned: set[str] = set()
        self.failures: list[ScriptFailure] = []  # of records left out, the first distinct ones
        self.seconds = 0.0  # spent in the handler's calls that were timed

    def time_calls(self, *, on: bool) -> float:
        """Time the calls from now on, or no longer; returns the seconds so far."""
        self._call = self._timed if on else self._bound
        return self.seconds

    def _timed(self, value: Any) -> Any:
        started = perf_counter()
        try:
            returned = self._bound(value)
            return _listed(returned) if type(returned) is types.GeneratorType else returned
        finally:
            self.seconds += perf_counter() - started

    def rows(self, item: Item, counts: Counts) -> Sequence[Row | Line]:
        """Return the rows that the handler makes of an item; none if it dropped it.

        Raises ScriptError if the handler raises or returns what is not rows, unless failing records are skipped.
        """
        if item.header:
            return self._header(item, counts)
        try:
            returned = self._call(item.value)
            if type(returned) is _GENERATOR:
                returned = _listed(returned)
        except (Exception, SystemExit) as error:
            return self._failed(error, "call", item, counts)
        if self._kinds is None and self._usual is not None and type(returned) is dict:
            # Nearly always: texts under the names of the last row. Each step more would be paid per record.
            line = usual_line(returned, self._usual, len(self._keys))
            if line is not None:
                self._processed += 1
                return [Line(self._columns, line)]
        malformed = counts.lines_malformed
        try:
            rows = self._understand(returned, item, counts)
        except (Exception, SystemExit) as error:
            return self._failed(error, "return value", item, counts)
        self._processed += 1
        if not rows and counts.lines_malformed == malformed:
            counts.records_dropped_by_script += 1
        return rows

    def _header(self, item: Item, counts: Counts) -> Sequence[Row | Line]:
        """The header line of a CSV file: dropped if the handler drops it, fails on it or returns its texts."""
        self._converter.rows(item, counts)
        try:
            rows = self._understand(self._call(item.value), item, Counts())
        except (Exception, SystemExit) as error:
            self._log.info("header line skipped: %s: %s", type(error).__name__, error)
            return []
        fields = set(self._converter.header_names)
        if rows and all(
            str(value).strip() in fields for row in rows for value in row.values if value is not None
        ):
            self._log.info("header line skipped: the handler returned its names")
            return []
        return rows

    def _failed(self, error: BaseException, phase: str, item: Item, counts: Counts) -> Sequence[Row | Line]:
        failure = self._describe(error, phase, item)
        if not self._skip:
            raise ScriptError(failure) from error
        counts.records_failed_in_script += 1
        known = {(f.exception_type, f.line, f.phase) for f in self.failures}
        if len(self.failures) < TRACEBACKS and (failure.exception_type, failure.line, phase) not in known:
            self.failures.append(failure)
        return []

    def _describe(self, error: BaseException, phase: str, item: Item) -> ScriptFailure:
        failure = failure_of(error, role="preprocessor", phase=phase, script=self._handler.script)
        return replace(with_record(failure, item, redact=self._redact), records_processed=self._processed)

    # -------------------------------------------------------- return values

    def _understand(self, returned: Any, item: Item, counts: Counts) -> Sequence[Row | Line]:
        if type(returned) is dict:
            return self._of_mapping(returned, item, counts)
        if returned is None:
            counts.returned_none += 1
            self._warn_once("the handler returned None for a record, which drops it; return [] to say so")
            return []
        if isinstance(returned, CapturedData):
            return self._converter.rows(structs.replace(item, kind="capture", value=returned), counts)
        if isinstance(returned, Mapping):
            return self._of_mapping(dict(returned), item, counts)
        if isinstance(returned, str) and item.kind == "csv" and returned == item.value:
            return [] if item.header else self._converter.rows(item, counts)
        return [
            row for element in self._elements(returned) for row in self._of_element(element, item, counts)
        ]

    def _elements(self, returned: Any) -> Iterator[Any]:
        if type(returned).__name__ == "Series" and hasattr(returned, "to_dict"):  # pandas
            return iter([returned.to_dict()])
        if hasattr(returned, "to_dict") and hasattr(returned, "iterrows"):  # a pandas DataFrame
            return iter(returned.to_dict("records"))
        for method in ("to_dicts", "to_pylist"):  # Polars, Arrow
            if hasattr(returned, method):
                return iter(getattr(returned, method)())
        if isinstance(returned, (str, bytes, int, float)) or not hasattr(returned, "__iter__"):
            raise ReturnValueError(_not_rows(returned))
        return iter(returned)

    def _of_element(self, element: Any, item: Item, counts: Counts) -> Sequence[Row | Line]:
        if element is None:
            counts.returned_none += 1
            self._warn_once("the handler returned None inside a list; the element is dropped")
            return []
        if isinstance(element, CapturedData):
            return self._converter.rows(structs.replace(item, kind="capture", value=element), counts)
        if not isinstance(element, Mapping):
            raise ReturnValueError(_not_rows(element, "a list of "))
        return self._of_mapping(dict(element), item, counts)

    def _of_mapping(self, mapping: dict[Any, Any], item: Item, counts: Counts) -> Sequence[Row | Line]:
        if not mapping:
            counts.returned_empty += 1
            self._warn_once("the handler returned an empty dict, which drops the record; return [] to say so")
            return []
        if "captureData" in mapping and isinstance(mapping["captureData"], dict):
            record = CapturedData(mapping)
            if record.sections():
                return self._converter.rows(structs.replace(item, kind="capture", value=record), counts)
        for name in _RESERVED:
            if name in mapping and (name == "eventVersion" or isinstance(mapping[name], dict)):
                mapping = {key: value for key, value in mapping.items() if key != name}
        keys = list(mapping)
        if keys != self._keys:
            self._columns, self._kinds = self._named(keys), ()
            self._keys = keys
            self._usual = names_of(keys) if keys and _SPECIAL.isdisjoint(keys) else None
        return [self._row(mapping.values(), item, counts)]

    def _row(self, values: Collection[Any], item: Item, counts: Counts) -> Row | Line:
        """Return the row of the values of `self._keys`."""
        kinds = list(map(type, values))
        if kinds != self._kinds:
            found = set(kinds)
            if not found <= FLAT:
                return self._settled(list(values), item, counts)
            self._kinds = kinds
            if self._lines and found <= _TEXTS:
                line = line_of(["" if value is None else value for value in values])
                if line is not None:
                    self._kinds = None
                    return Line(self._columns, line)
        return Row(self._columns, list(values), item.origin)

    def _settled(self, values: list[Any], item: Item, counts: Counts) -> Row | Line:
        """Flatten and convert now what is no plain value: the handler may change it, and its record is at hand."""
        notes: list[str] = []
        names, flat = flatten_row(dict(zip(self._columns.names, values, strict=True)), notes)
        for note in notes:
            counts.warn(note)
        plain_values = [
            value if type(value) in FLAT else plain(value, partial(_warn, counts, name))
            for name, value in zip(names, flat, strict=True)
        ]
        if names != self._flat.names:
            self._flat = Columns(tuple(names), (SCRIPT,) * len(names), (True,) * len(names))
        return Row(self._flat, plain_values, item.origin)

    def _named(self, keys: list[Any]) -> Columns:
        names = tuple(map(str, keys))
        if len(set(names)) < len(names):
            double = next(name for name in names if names.count(name) > 1)
            raise ReturnValueError(f"two keys of the returned dict have the same text: {double!r}")
        for key in keys:
            if not isinstance(key, (str, int, float)):
                self._warn_once(f"keys of type {type(key).__name__} were turned into text")
        return Columns(names, (SCRIPT,) * len(names), (True,) * len(names))

    def _warn_once(self, text: str) -> None:
        if text not in self._warned:
            self._warned.add(text)
            self._log.warning(text)


def _listed(generator: types.GeneratorType[Any, None, Any]) -> list[Any]:
    """Return what a generator yields, which may be one dict again and again, changed in between."""
    return [dict(element) if type(element) is dict else element for element in generator]


def _warn(counts: Counts, name: str, text: str) -> None:
    counts.warn(f"column {name}: {text}")


def _not_rows(value: Any, prefix: str = "") -> str:
    shown = repr(value)
    shown = shown if len(shown) <= REPR else shown[:REPR] + "…"
    return (
        f"the handler returned {prefix}{type(value).__name__} ({shown}); accepted are a dict (one row), "
        "a list of dicts (rows), [] (drop the record) or the record itself"
    )
