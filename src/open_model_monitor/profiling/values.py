"""The class of one value, and of a whole column of values at once.

Classes: Integral, Fractional, Boolean, String; a value that is missing has none. A column of text is classified
by what its bytes can spell (digits only: all Integral; digits and points that parse: numbers) and falls back to
one decision per distinct text. Both ways give the same answer; a property test says so.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from open_model_monitor.profiling.distinct import Hashes, hash_numbers, hash_texts

INTEGRAL, FRACTIONAL, BOOLEAN, STRING = "Integral", "Fractional", "Boolean", "String"
CLASSES = (INTEGRAL, FRACTIONAL, BOOLEAN, STRING)

_INTEGRAL = re.compile(r"[+-]? ?\d+", re.ASCII)
_FRACTIONAL = re.compile(r"[+-]? ?(?:(?:\d+\.\d*|\.\d+)(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+)", re.ASCII)
BLANKS = " \t\n\r\v\f"
_DIGITS = b"0123456789"
EXAMPLES = 3


def class_of(text: str) -> str:
    """Return the class of a text, `Unknown` if blank; surrounding ASCII blanks do not matter."""
    text = text.strip(BLANKS)
    if not text:
        return "Unknown"
    if _INTEGRAL.fullmatch(text):
        return INTEGRAL
    if _FRACTIONAL.fullmatch(text):
        return FRACTIONAL
    return BOOLEAN if text.lower() in ("true", "false") else STRING


def number_of(text: str) -> float:
    """Return the double that a text of class Integral or Fractional spells."""
    return float(text.strip(BLANKS).replace(" ", ""))


@dataclass(slots=True)
class ColumnValues:
    """What a batch holds in one column, ready to be added to states.

    `present` counts values that are neither missing nor the ambiguous text `nan`, which `nan_texts` counts by
    spelling. `numbers` are the finite doubles in order; `hashes` identify the distinct values.
    """

    present: int = 0
    classes: dict[str, int] = field(default_factory=dict)
    texts: int = 0  # present values that were not native numbers
    nan_texts: dict[str, int] = field(default_factory=dict)
    non_finite: int = 0
    numbers: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    examples: list[str] = field(default_factory=list)
    _source: pa.Array | None = None
    _word_hashes: Hashes | None = None  # of what is not a number

    def hashes(self) -> Hashes:
        """Return a hash per value, or per distinct value; equal numbers have equal hashes."""
        numbers = hash_numbers(self.numbers)
        return numbers if self._word_hashes is None else np.concatenate((numbers, self._word_hashes))

    def counted(self, limit: int) -> list[tuple[str, int]]:
        """Return each distinct text with its count; cut short once there are more than `limit` texts."""
        if self._source is None:
            return []
        pairs = pc.value_counts(self._source)
        counts: dict[str, int] = {}
        for start in range(0, len(pairs), limit + 1):
            few = pairs[start : start + limit + 1]
            for value, times in zip(
                few.field("values").to_pylist(), few.field("counts").to_pylist(), strict=True
            ):
                text = _written(value)  # values that differ in line ends are one text
                counts[text] = counts.get(text, 0) + times
            if len(counts) > limit:
                break
        return list(counts.items())

    def counted_among(self, watched: frozenset[str]) -> dict[str, int]:
        """Return the counts of those texts that are `watched`."""
        if self._source is None or not watched:
            return {}
        only_numbers = self.present == len(self.numbers) and not self.nan_texts
        if only_numbers and not any(map(_is_number, watched)):
            return {}  # numbers only, and none is asked for
        array = self._source
        if pa.types.is_string(array.type):
            array = pc.ascii_rtrim(array, characters="\r\n")
            array = array.filter(pc.is_in(array, pa.array(sorted(watched), pa.string())))
        counts: dict[str, int] = {}
        for pair in pc.value_counts(array).to_pylist():
            text = _written(pair["values"])
            if text in watched:
                counts[text] = counts.get(text, 0) + pair["counts"]
        return counts


def _is_number(text: str) -> bool:
    return class_of(text) in (INTEGRAL, FRACTIONAL)


def _written(value: Any) -> str:
    if isinstance(value, str):
        return value.rstrip("\r\n")
    return repr(value) if isinstance(value, float) else str(value)


def as_numpy(array: pa.Array) -> NDArray[Any]:
    """Return the values of an array of numbers without gaps; `to_numpy` would import pandas, where there is one."""
    return np.from_dlpack(array) if len(array) else np.empty(0, array.type.to_pandas_dtype())


def plain_numbers(array: pa.Array, metadata: Mapping[bytes, bytes]) -> NDArray[np.float64] | None:
    """Return a column of nothing but finite native numbers as doubles; None for every other column."""
    if array.null_count or not (pa.types.is_integer(array.type) or pa.types.is_floating(array.type)):
        return None
    numbers = as_numpy(array).astype(np.float64, copy=False)
    if b"finite" in metadata:
        return numbers
    # A finite sum proves that all are finite, in a third of the time.
    with np.errstate(all="ignore"):
        all_finite = np.isfinite(numbers.sum()) or np.isfinite(numbers).all()
    return numbers if all_finite else None


def spelling(array: pa.Array, metadata: Mapping[bytes, bytes]) -> tuple[int, int]:
    """Return how many of a column's native numbers count as Integral, and how many were texts to begin with."""
    if b"integral" in metadata:
        return int(metadata[b"integral"]), int(metadata[b"texts"])
    return (len(array) if pa.types.is_integer(array.type) else 0), 0


def classify(array: pa.Array, metadata: Mapping[bytes, bytes], missing: Collection[str] = ()) -> ColumnValues:
    """Read one column of a batch; `missing` are further texts that mean "missing"."""
    if pa.types.is_null(array.type):
        values = ColumnValues()
    elif pa.types.is_integer(array.type) or pa.types.is_floating(array.type):
        values = _integers(array, missing) if pa.types.is_integer(array.type) else _floats(array, missing)
        if b"integral" in metadata:
            integral, values.texts = spelling(array, metadata)
            values.classes = {INTEGRAL: integral, FRACTIONAL: values.present - integral}
    else:
        values = _texts(array, missing)
        if b"texts" in metadata:
            values.texts = int(metadata[b"texts"])
    if infinite := int(metadata.get(b"infinite", b"0")):
        _add_infinite(values, infinite)
    return values


def _add_infinite(values: ColumnValues, infinite: int) -> None:
    values.non_finite += infinite
    values.present += infinite
    values.classes[FRACTIONAL] = values.classes.get(FRACTIONAL, 0) + infinite


def _without(array: pa.Array, missing: Collection[str]) -> pa.Array:
    numbers = [number_of(text) for text in missing if _is_number(text)]
    if numbers:
        array = array.filter(pc.invert(pc.is_in(pc.cast(array, pa.float64()), pa.array(numbers))))
    return array


def _integers(array: pa.Array, missing: Collection[str]) -> ColumnValues:
    present = _without(array.drop_null(), missing)
    numbers = as_numpy(present).astype(np.float64)
    return ColumnValues(len(present), {INTEGRAL: len(present)}, numbers=numbers, _source=present)


def _floats(array: pa.Array, missing: Collection[str]) -> ColumnValues:
    present = array.drop_null()
    numbers = as_numpy(present)
    if (nan := np.isnan(numbers)).any():
        present = present.filter(pa.array(~nan))
    present = _without(present, missing)
    numbers = as_numpy(present)
    finite = np.isfinite(numbers)
    infinite = len(numbers) - int(finite.sum())
    return ColumnValues(
        len(present),
        {FRACTIONAL: len(present)},
        non_finite=infinite,
        numbers=numbers[finite] if infinite else numbers,
        _source=present,
    )


def _texts(array: pa.Array, missing: Collection[str]) -> ColumnValues:
    """Classify a string column; empty and blank texts are missing."""
    written = array.drop_null()
    trimmed = written
    letters = _letters(written)
    if any(byte in letters for byte in BLANKS.encode()):
        trimmed = pc.ascii_trim(written, characters=BLANKS)
    present = as_numpy(pc.binary_length(trimmed)) > 0
    if missing:
        present &= ~pc.is_in(trimmed, pa.array(sorted(missing), pa.string())).to_numpy(zero_copy_only=False)
    if not present.all():
        keep = pa.array(present)
        written, trimmed = written.filter(keep), trimmed.filter(keep)
        letters = _letters(written)
    if not len(written):
        return ColumnValues()
    return _numeric_texts(written, trimmed, letters) or _one_by_one(written, trimmed)


def _letters(array: pa.Array) -> bytes:
    """Return the bytes of a string column that are no digits, in order."""
    offsets = np.frombuffer(array.buffers()[1], dtype=np.int32)
    first, last = offsets[array.offset], offsets[array.offset + len(array)]
    data = array.buffers()[2]
    return data.slice(first, last - first).to_pybytes().translate(None, _DIGITS) if data else b""


def _numeric_texts(written: pa.Array, trimmed: pa.Array, letters: bytes) -> ColumnValues | None:
    """Return the values if all are numbers that Arrow parses as we do, else None."""
    spelt = bytes(set(letters)).translate(None, BLANKS.encode())
    if spelt.translate(None, b"-.eE+"):
        return None
    try:
        doubles = pc.cast(trimmed, pa.float64())
    except pa.ArrowInvalid:
        return None
    numbers = as_numpy(doubles)
    if not np.isfinite(numbers).all():
        return None
    present = len(written)
    if b"e" in spelt or b"E" in spelt:
        marked = pc.match_substring_regex(trimmed, "[.eE]")
        fractional = int(pc.sum(marked).as_py())
    else:
        fractional = letters.count(b".")
    classes = {INTEGRAL: present - fractional, FRACTIONAL: fractional}
    return ColumnValues(present, classes, texts=present, numbers=numbers, _source=written)


def _one_by_one(written: pa.Array, trimmed: pa.Array) -> ColumnValues:
    """Decide once per distinct text."""
    encoded = pc.dictionary_encode(trimmed)
    words = cast(list[str], encoded.dictionary.to_pylist())
    codes = as_numpy(encoded.indices)
    times = np.bincount(codes, minlength=len(words))
    values = ColumnValues(_source=written)
    numbers = np.full(len(words), np.nan)
    strange: list[str] = []
    for i, word in enumerate(words):
        if word.lower() == "nan":
            values.nan_texts[word] = int(times[i])
            continue
        kind = class_of(word)
        values.classes[kind] = values.classes.get(kind, 0) + int(times[i])
        if kind in (INTEGRAL, FRACTIONAL):
            numbers[i] = number_of(word)
        else:
            strange.append(word)
    values.present = sum(values.classes.values())
    values.texts = values.present
    values.examples = strange[:EXAMPLES]
    values._word_hashes = hash_texts(strange)
    inline = numbers[codes]
    values.non_finite = int(np.isinf(inline).sum())
    values.numbers = inline[np.isfinite(inline)]
    return values
