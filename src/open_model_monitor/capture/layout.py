"""Where files are: hour folders, variants, manifests, windows; and how they are dealt out as parts."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from open_model_monitor.capture.jsontext import parse_json
from open_model_monitor.capture.record import Format, Part, Window
from open_model_monitor.errors import NoData, StorageError
from open_model_monitor.storage import Stat, Storage, is_remote, normalise

HOUR = timedelta(hours=1)
MANY_HOURS = 24 * 366
# How long a year, a month, a day and an hour last at most.
_SPANS = (timedelta(days=366), timedelta(days=31), timedelta(days=1), HOUR)
# Small enough to keep all cores busy to the end, large enough that merging costs next to nothing.
MIN_PART_BYTES, MAX_PART_BYTES = 64 << 20, 256 << 20
PARTS = 4  # at least, of an input that is larger than so many small ones
PART_OBJECTS = 8192  # as opening them takes its time
GZIP_RATIO = 8  # bytes of text for one as stored, about
DEEPEST = 4  # levels of folders between the source and its years: endpoint and variant, and some to spare
CAPTURE_SUFFIXES = (".jsonl", ".json", ".jsonl.gz", ".json.gz")
MANIFEST_SUFFIXES = (".json", ".jsonl")
MANIFEST_BYTES = 64 << 20
SHOWN = 10

# The last folders of an address, as far as they are a date: years, months, days, hours.
_DATED = re.compile(r"/(\d{4})(?:/(\d\d)(?:/(\d\d)(?:/(\d\d))?)?)?$")
_VARIANT = re.compile(r"([^/]+)/\d{4}/\d\d/\d\d/\d\d/[^/]+$")
# An object in an hour folder of the output side of a batch capture.
_OUTPUT = re.compile(r"^(.*)/output/\d{4}/\d\d/\d\d/\d\d/[^/]+$")
_YEAR = re.compile(r"\d{4}")


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run will read, in the order of the addresses; `bytes` as stored, so compressed if it is."""

    parts: tuple[Part, ...]
    objects: int
    bytes: int
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Chosen:
    """An object of the input; `hour` is the start of its hour folder, where it lies in one."""

    stat: Stat
    hour: datetime | None = None


@dataclass(slots=True)
class _Search:
    """What was looked through, for the message when nothing is found."""

    places: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    variants: set[str] = field(default_factory=set)
    warnings: list[str] = field(default_factory=list)


def plan(
    storage: Storage,
    source: str,
    format: Format,
    window: Window | None,
    *,
    variants: tuple[str, ...] = (),
    part_bytes: int | None = None,
    range_bytes: int | None = MAX_PART_BYTES,
) -> Plan:
    """Find the objects of a source that hold the window, and deal them out as parts.

    `source` is a capture folder at any level, a folder of batch manifests, a folder of data, or one object.
    The size of a part follows from that of the input, unless `part_bytes` says otherwise. An object larger than
    that, or than `range_bytes`, is cut into ranges, a part each, if its format allows that; None cuts none.
    Raises NoData, whose message starts with `Job inputs had no data`.
    """
    search = _Search()
    found = _find(storage, source, format, window, variants, search)
    if not found:
        raise NoData(_nothing(source, window, variants, search))
    if not is_capture(format):
        found = _inputs_of_batches(storage, found, source, search)
        if not found:
            raise NoData(_nothing(source, window, variants, search))
        found = _follow_manifests(storage, found, search)
    size = sum(one.stat.size for one in found)
    if part_bytes is None:
        part_bytes = _part_bytes(sum(map(_weight, found)))
        range_bytes = None if range_bytes is None else min(range_bytes, part_bytes)
    return Plan(
        parts=tuple(_Cutter(storage, format, window, part_bytes, range_bytes).parts(found)),
        objects=len(found),
        bytes=size,
        warnings=tuple(search.warnings),
    )


def _part_bytes(size: int) -> int:
    """Return the size of the parts of an input, such that they come out about equal."""
    most = min(max(-(-size // PARTS), MIN_PART_BYTES), MAX_PART_BYTES)
    return -(-size // -(-size // most)) if size > most else most


def _find(
    storage: Storage,
    source: str,
    format: Format,
    window: Window | None,
    variants: tuple[str, ...],
    search: _Search,
) -> list[_Chosen]:
    """Return the objects under each spelling of the source, in the order of their addresses."""
    chosen: dict[str, _Chosen] = {}
    for attempt, address in enumerate(_spellings(source)):
        try:
            for one in _select(storage, address, format, window, variants, search):
                chosen.setdefault(one.stat.address, one)
        except StorageError as error:
            if attempt == 0:
                raise
            search.places.append(f"{address} (not readable: {error})")
    return sorted(chosen.values(), key=lambda one: one.stat.address)


def is_capture(format: Format) -> bool:
    """Whether the lines of the source are captured records, which have a time of their own."""
    return format.kind in ("capture", "merged")


def variant_of(address: str) -> str | None:
    """Return the variant folder of a captured object, None where it lies in no hour folder."""
    found = _VARIANT.search(address)
    return found[1] if found else None


def _spellings(source: str) -> list[str]:
    """Return the address with doubled slashes collapsed, then as given: buckets hold both."""
    address = normalise(source)
    if not is_remote(address):
        return [address]
    scheme, _, path = address.partition("://")
    path = path.rstrip("/")
    return list(dict.fromkeys([f"{scheme}://{re.sub('/+', '/', path)}", f"{scheme}://{path}"]))


def _select(
    storage: Storage,
    source: str,
    format: Format,
    window: Window | None,
    variants: tuple[str, ...],
    search: _Search,
) -> Iterator[_Chosen]:
    if window is not None and (roots := _dated_roots(storage, source)):
        for root in roots:
            search.variants.add(variant := root.rpartition("/")[2])
            # A source that names one variant (or one date) itself is taken at its word.
            if not variants or variant in variants or (len(roots) == 1 and _inside(source, root)):
                yield from _in_window(storage, root, source, format, window, search)
        return
    search.places.append(source)
    for stat in storage.list(source):
        variant_folder = variant_of(stat.address[len(source) :])
        if variant_folder:
            search.variants.add(variant_folder)
        if variants and variant_folder and variant_folder not in variants:
            continue
        if _is_data(stat, source, format, search):
            yield _Chosen(stat)


def _inside(address: str, folder: str) -> bool:
    return address == folder or address.startswith(folder + "/")


def _dated_roots(storage: Storage, source: str) -> list[str]:
    """Return the folders that hold years: the source, folders below it, or the one above it."""
    if found := _DATED.search(source):
        return [source[: found.start()]] if _has_dates(storage, source, found) else []
    roots, level = [], [source]
    for _ in range(DEEPEST):
        below = []
        for folder in level:
            names = storage.folders(folder)
            if any(_YEAR.fullmatch(name) for name in names):
                roots.append(folder)
            else:
                below += [f"{folder}/{name}" for name in names if not _is_hidden(name)]
        level = below
    return roots


def _has_dates(storage: Storage, source: str, found: re.Match[str]) -> bool:
    """Whether a source that ends like a date is one: an hour, or a folder with two-digit folders below."""
    return found[4] is not None or any(re.fullmatch(r"\d\d", name) for name in storage.folders(source))


def _in_window(
    storage: Storage, root: str, source: str, format: Format, window: Window, search: _Search
) -> Iterator[_Chosen]:
    search.places.append(_hours_searched(root, source, window))
    for hour in _existing(storage, root, source, window):
        for stat in storage.list(_hour_folder(root, hour)):
            if _is_data(stat, root, format, search):
                yield _Chosen(stat, hour)


def _hours_searched(root: str, source: str, window: Window) -> str:
    first = window.start.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    last = (window.end - timedelta(microseconds=1)).astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    narrower = source if source.startswith(f"{root}/") else root
    if first == last and _inside(_hour_folder(root, first), narrower):
        return _hour_folder(root, first)
    hours = (last - first) // HOUR + 1
    if hours > MANY_HOURS or narrower != root:  # an open end, or a part of the hours
        return f"{narrower} (hour folders of the window)"
    return f"{_hour_folder(root, first)} to {_hour_folder(root, last)} ({hours} hour folders)"


def _hour_folder(root: str, hour: datetime) -> str:
    return f"{root}/{hour:%Y/%m/%d/%H}"


def _existing(storage: Storage, root: str, source: str, window: Window) -> list[datetime]:
    """Return the starts of the hour folders that intersect the window; looks only where they can be."""
    dates: list[tuple[str, ...]] = [()]
    for _ in _SPANS:
        below = [(*date, name) for date in dates for name in storage.folders("/".join([root, *date]))]
        dates = [date for date in below if _may_hold(date, window) and _on_the_way(root, date, source)]
    return sorted(_start(date) for date in dates)


def _start(date: Sequence[str]) -> datetime:
    year, month, day, hour = map(int, (*date, *("1", "1", "0")[len(date) - 1 :]))
    return datetime(year, month, day, hour, tzinfo=UTC)


def _may_hold(date: Sequence[str], window: Window) -> bool:
    if len(date[-1]) != (4 if len(date) == 1 else 2) or not date[-1].isdecimal():
        return False
    try:
        start = _start(date)
    except ValueError:  # a thirteenth month
        return False
    return start < window.end and window.start < start + _SPANS[len(date) - 1]


def _on_the_way(root: str, date: Sequence[str], source: str) -> bool:
    folder = "/".join([root, *date])
    return _inside(folder, source) or _inside(source, folder)


def _is_hidden(path: str) -> bool:
    return any(name.startswith((".", "_")) for name in path.split("/"))


def _is_data(stat: Stat, root: str, format: Format, search: _Search) -> bool:
    """Whether an object is input: not hidden, not unfinished, not empty, and named like a capture if it is one."""
    inside = stat.address[len(root) :].lstrip("/")  # empty if the source is this very object
    name = inside.lower()
    wanted = (
        not _is_hidden(inside)
        and not name.endswith((".tmp", "._copying_"))
        and stat.size > 0
        and (not inside or not is_capture(format) or name.endswith(CAPTURE_SUFFIXES))
    )
    if not wanted:
        search.skipped.append(stat.address)
    return wanted


def _inputs_of_batches(storage: Storage, found: list[_Chosen], source: str, search: _Search) -> list[_Chosen]:
    """Leave out the `output` of batch captures that have an `input` too, unless the source itself names it.

    Data quality is about what went in (`datasets.md` §9.2).
    """
    captures: dict[str, list[_Chosen]] = {}
    for one in found:
        place = _OUTPUT.search(one.stat.address)
        if place and any(_inside(place[1], address) for address in _spellings(source)):
            captures.setdefault(place[1], []).append(one)
    gone: set[str] = set()
    for capture, outputs in captures.items():
        if "input" in storage.folders(capture) and _manifest(storage, outputs[0].stat) is not None:
            gone |= {one.stat.address for one in outputs}
            left_out = f"{capture}/output was left out ({len(outputs)} manifests)"
            search.warnings.append(f"{left_out}: of a batch capture, data quality reads {capture}/input")
            search.skipped += sorted(gone)
    return [one for one in found if one.stat.address not in gone]


def _follow_manifests(storage: Storage, found: list[_Chosen], search: _Search) -> list[_Chosen]:
    """Replace manifests by the objects they list; a folder either holds manifests or it does not."""
    likely = {one.stat.address for one in found if one.stat.address.lower().endswith(MANIFEST_SUFFIXES)}
    first = next((one.stat for one in found if one.stat.address in likely), None)
    if first is None or _manifest(storage, first) is None:
        return found
    named: dict[str, _Chosen] = {}
    missing: list[str] = []
    for one in found:
        names = _manifest(storage, one.stat) if one.stat.address in likely else None
        if names is None:
            named.setdefault(one.stat.address, one)
            continue
        for spellings in names:
            stat = next(filter(None, map(storage.stat, spellings)), None)
            if stat is None:
                missing.append(spellings[0])
            elif stat.size > 0:
                named.setdefault(stat.address, _Chosen(stat, one.hour))
    if not named:
        listed = _some(missing) if missing else "they list only empty objects or none"
        raise NoData(f"Job inputs had no data: no object listed by the manifests can be read: {listed}")
    if missing:
        search.warnings.append(f"{len(missing)} objects listed by manifests do not exist: {_some(missing)}")
    return sorted(named.values(), key=lambda one: one.stat.address)


def _manifest(storage: Storage, stat: Stat) -> list[list[str]] | None:
    """Return the objects a manifest lists, each with the addresses to try; None if it is not a manifest."""
    with storage.open(stat.address) as stream:
        text = stream.read(4096)
        if b'"prefix"' not in text or not text.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"[", b"{")):
            return None
        text += stream.read(MANIFEST_BYTES)
    try:
        listed = _listed(text.removeprefix(b"\xef\xbb\xbf"))
    except ValueError:
        return None
    head, *names = listed or [None]
    if not isinstance(head, dict) or list(head) != ["prefix"] or not isinstance(head["prefix"], str):
        return None
    prefix = head["prefix"]
    if not is_remote(prefix) and not prefix.startswith(("/", "file:", "~")):
        prefix = f"{stat.address.rpartition('/')[0]}/{prefix}"
    return [_joined(prefix, name) for name in names if isinstance(name, str)]


def _listed(text: bytes) -> list[object]:
    """Return the elements of a manifest: one array, or one element per line."""
    if text.lstrip().startswith(b"["):
        return list(parse_json(text))
    return [json.loads(line.strip().rstrip(b",")) for line in text.splitlines() if line.strip()]


def _joined(prefix: str, name: str) -> list[str]:
    # The service joins both as they are; people forget the slash between them.
    plain = prefix + name
    return [f"{prefix.rstrip('/')}/{name.lstrip('/')}", *([] if prefix.endswith("/") else [plain])]


def _weight(one: _Chosen) -> int:
    """Return how many bytes there will be to work on, about."""
    return one.stat.size * (GZIP_RATIO if _is_gzip(one) else 1)


@dataclass(frozen=True, slots=True)
class _Cutter:
    """Cuts by size alone, so that the same input gives the same parts everywhere, for any number of workers."""

    storage: Storage
    format: Format
    window: Window | None
    part_bytes: int
    range_bytes: int | None

    def parts(self, found: Iterable[_Chosen]) -> Iterator[Part]:
        """Yield the parts, in the order of what was found."""
        group: list[_Chosen] = []
        seen = begun = 0  # bytes before this object, and before its part
        for one in found:
            ranges = self._ranges(one)
            # A part ends at a multiple of its size, so that parts do not all come out a little smaller.
            full = seen // self.part_bytes > begun // self.part_bytes or len(group) == PART_OBJECTS
            if group and (full or ranges):
                yield self._part(group)
                group = []
            if ranges:
                yield from (replace(self._part([one]), start=start, end=end) for start, end in ranges)
                seen = 0
                continue
            if not group:
                begun = seen
            group.append(one)
            seen += _weight(one)
        if group:
            yield self._part(group)

    def _ranges(self, one: _Chosen) -> list[tuple[int, int | None]]:
        """Return ranges of equal size, none if the object is to stay whole; the last one has no end."""
        size = one.stat.size
        if self.range_bytes is None or size <= self.range_bytes or not self._may_be_cut(one):
            return []
        number = -(-size // self.range_bytes)
        starts = [size * place // number for place in range(number)]
        return list(zip(starts, [*starts[1:], None], strict=True))

    def _may_be_cut(self, one: _Chosen) -> bool:
        """Whether a line end is always the end of a record; of gzip by another name, the first range takes all."""
        if self.format.kind == "csv":
            return not _is_gzip(one) and not is_remote(one.stat.address) and not self._holds_quotes(one)
        return self.format.kind == "parquet" or (self.format.kind != "json" and not _is_gzip(one))

    def _holds_quotes(self, one: _Chosen) -> bool:
        """Whether a CSV file holds a quote, behind which line ends may be text; looks at all of it."""
        buffer = bytearray(1 << 20)
        try:
            with self.storage.open_file(one.stat.address) as file:
                while read := file.readinto(buffer):
                    if buffer.find(b'"', 0, read) >= 0:
                        return True
        except (StorageError, OSError):  # which whoever reads it will tell
            return True
        return False

    def _part(self, group: Sequence[_Chosen]) -> Part:
        window = self.window if is_capture(self.format) else None
        return Part(
            objects=tuple(one.stat.address for one in group),
            check_times=tuple(_is_checked(one, window) for one in group),
            keep_undated=tuple(_keeps_undated(one, window) for one in group),
        )


def _is_gzip(one: _Chosen) -> bool:
    return one.stat.address.lower().endswith(".gz")


def _is_checked(one: _Chosen, window: Window | None) -> bool:
    # On whole hours the folder decides, so that each line is analysed by exactly one of a row of runs.
    return window is not None and not (one.hour is not None and window.on_whole_hours)


def _keeps_undated(one: _Chosen, window: Window | None) -> bool:
    """Whether a record without a readable time belongs to the window: its whole folder hour does."""
    if window is None or one.hour is None:
        return True
    return window.start <= one.hour and one.hour + HOUR <= window.end


def _nothing(source: str, window: Window | None, variants: tuple[str, ...], search: _Search) -> str:
    places = _some(search.places or [source])
    parts = [f"Job inputs had no data: no object to read in {places}"]
    if window is not None:
        parts.append(f"window [{window.start.isoformat()}, {window.end.isoformat()})")
    if variants:
        there = f"; there are {', '.join(sorted(search.variants))}" if search.variants else ""
        parts.append(f"variants {', '.join(variants)}{there}")
    if search.skipped:
        parts.append(
            f"{len(search.skipped)} empty, hidden, unfinished or differently named objects were skipped: "
            f"{_some(search.skipped)}"
        )
    return "; ".join(parts)


def _some(texts: Sequence[str]) -> str:
    more = f" and {len(texts) - SHOWN} more" if len(texts) > SHOWN else ""
    return ", ".join(texts[:SHOWN]) + more
