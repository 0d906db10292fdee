"""The groups of the benchmarks: what races over which captures. Each returns its results as Markdown."""

import importlib.util
import shutil
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks import merging, table
from benchmarks.captures import SHAPES, captures
from benchmarks.measuring import Contender, Series, measure, race
from benchmarks.peers.environments import PACKAGES, QUIET, prepare

Contenders = dict[str, Contender]
Section = tuple[str, str]  # a title and what stands below it

PROCESSES = (1, 2)
TINY = 100  # records of a start
SCHEDULES = 1000  # due at once, and captures of each


@dataclass(frozen=True)
class Settings:
    """How much is measured, where captures and environments lie, and who is told how far it is."""

    cache: Path
    records: tuple[int, ...] = (100_000, 1_000_000, 5_000_000)
    peer_records: int = 100_000
    spark_records: int = 5_000_000
    rounds: int = 5
    spark_masters: tuple[str, ...] = ("local[2]",)
    blocks: tuple[int, ...] = (
        512 << 10,
        2 << 20,
        4 << 20,
        8 << 20,
        16 << 20,
    )  # bytes: the yardstick may choose
    tell: Callable[[str], None] = lambda text: None

    def captures(self, records: int, shape: str = "csv70", *, one_file: bool = False) -> str:
        self.tell(f"captures: {records:,}, {SHAPES[shape].says}")
        return str(captures(self.cache, shape, records, one_file=one_file))

    def race(self, contenders: Contenders, rows: Mapping[str, int] | int | None) -> dict[str, Series]:
        return race(contenders, self.rounds, rows=rows, tell=self.tell)


# ---------------------------------------------------------------- the groups


def fast(settings: Settings) -> str:
    """Our lane without a script, the yardstick, the floors and a pandas job."""
    block = _fastest_block(settings)
    yardstick = f"yardstick, {block / 2**20:g} MB at a time"

    def section(records: int) -> Section:
        folder, one_file = settings.captures(records), settings.captures(records, one_file=True)
        contenders = {
            "reading only": _module("floors", "read", folder),
            "parsing only": _module("floors", "parse", folder),
            yardstick: _module("yardstick", folder, str(block)),
            "hand-written pandas": _module("peers.pandas_job", folder, missing=_unless("pandas")),
            **_lanes(folder),
            "our lane, 2 processes, one huge file": _lane(one_file, 2),
        }
        return _speed(settings, contenders, records, "70 columns of CSV", yardstick)

    return _sections(map(section, settings.records))


def script(settings: Settings) -> str:
    """Our lane with the published kind of handler, and a bare loop that calls it."""
    loop = "bare loop: parse, record, handler"

    def section(records: int) -> Section:
        folder = settings.captures(records)
        contenders = {loop: _module("floors", "script", folder), **_lanes(folder, script=True)}
        return _speed(settings, contenders, records, "70 columns of CSV, a handler", loop)

    return _sections(map(section, settings.records))


def shapes(settings: Settings) -> str:
    """Our lane on other payloads, and parsing only: 18 columns, flat JSON, BASE64."""
    records = min(settings.records)

    def section(shape: str) -> Section:
        folder = settings.captures(records, shape)
        contenders = {"parsing only": _module("floors", "parse", folder), **_lanes(folder)}
        return _speed(settings, contenders, records, SHAPES[shape].says, "parsing only")

    return _sections(map(section, ("mixed70", "csv18", "json", "base64")))


def memory(settings: Settings) -> str:
    """Peak memory of our lanes at growing numbers of records; bytes of a packed state."""
    return _sections([_peaks(settings), _states(settings)])


def startup(settings: Settings) -> str:
    """What a command costs before it does anything, beyond an empty Python."""
    empty = "python -c pass"
    check = _omm("check", settings.captures(TINY), "--format", "capture")
    contenders = {
        empty: Contender((sys.executable, "-c", "pass")),
        "import open_model_monitor": Contender((sys.executable, "-c", "import open_model_monitor")),
        "omm --help": _omm("--help"),
        f"omm check, {TINY} captures": check,
    }
    measure(check)  # compiles what was edited
    results = settings.race(contenders, None)
    return _sections([("start-up", table.starts(results, empty))])


def peers(settings: Settings) -> str:
    """What a user would pick instead, with the same statistics as far as they go."""
    found = {name: prepare(name, settings.cache) for name in PACKAGES}

    def contenders(folder: str) -> Contenders:
        jobs = {
            peer.versions or name: _module(
                f"peers.{name}_job", folder, python=peer.python, missing=peer.missing
            )
            for name, peer in found.items()
        }
        return {**_lanes(folder), **jobs}

    return _sections([_beyond_start(settings, contenders, settings.peer_records)])


def spark(settings: Settings) -> str:
    """Our Spark engine and our local one, on each master."""
    why_not = _without_spark()

    def contenders(folder: str) -> Contenders:
        local = {"our local engine, 2 processes": _check(folder, "--workers", "2")}
        return local | {
            f"our Spark engine, {master}": _check(
                folder, "--engine", "spark", "--spark-master", master, missing=why_not
            )
            for master in settings.spark_masters
        }

    return _sections([_beyond_start(settings, contenders, settings.spark_records, answers=False)])


def merge(settings: Settings) -> str:
    """Captures merged with as many shuffled labels, and reading both sides."""
    records = min(settings.records, key=lambda n: abs(n - 1_000_000))
    folder = settings.captures(records)
    labels = merging.labels(settings.cache, folder, records)
    base = "reading both sides"
    contenders = {
        base: _module("merging", "read", folder, labels),
        "our merge, 1 process, labels in memory": _module("merging", "merge", folder, labels),
        "our merge, 2 processes, buckets": _module(
            "merging", "merge", folder, labels, "--engine", "processes"
        ),
        "our merge, Spark local[2], buckets": _module(
            "merging", "merge", folder, labels, "--engine", "spark", missing=_without_spark()
        ),
    }
    return _sections([_speed(settings, contenders, records, "70 columns of CSV, and a label for each", base)])


def control(settings: Settings) -> str:
    """The server: a thousand schedules due at once, and the API meanwhile."""
    count = SCHEDULES if settings.records[0] >= SCHEDULES else 10
    arguments = [str(settings.cache / "control"), "--schedules", str(count), "--captures", str(count)]
    rows = []
    for what, workers in (("a server that works itself", 0), ("a server and two workers", 2)):
        settings.tell(f"{count:,} schedules, {what}")
        found = measure(_module("control", *arguments, "--workers", str(workers))).said
        rows.append(
            [
                f"SQLite, {what}",
                f"{found['per_minute']:,.0f}",
                f"{found['time_by_floor']:.1f}",
                f"{found['median_ms']:.1f}",
                f"{found['p99_ms']:.0f}",
                f"{found['server_mb']:.0f}",
                f"{found['workers_mb']:.0f}",
            ]
        )
    head = [
        "",
        "executions/min",
        "time ÷ analysis alone",
        "API median ms",
        "99 % ms",
        "server MB",
        "a worker MB",
    ]
    return _sections([(f"{count:,} schedules due at once, {count:,} captures each", table.grid(head, rows))])


def recording(settings: Settings) -> str:
    """What the capture library costs a request."""
    found = measure(_module("recording", str(settings.rounds))).said
    rows = [
        [name, f"{statistics.median(series):.1f}", f"{min(series):.1f} … {max(series):.1f}"]
        for name, series in found.items()
        if name != "dropped"
    ]
    head = ["", "µs per request, median", "of the rounds"]
    return _sections([("a trivial model, 5,000 requests a round, in one process", table.grid(head, rows))])


GROUPS = {
    group.__name__: group
    for group in (fast, script, shapes, memory, startup, peers, spark, merge, control, recording)
}


# ---------------------------------------------------------------- what they are made of


def _speed(settings: Settings, contenders: Contenders, records: int, what: str, base: str) -> Section:
    results = settings.race(contenders, records)
    return f"{records:,} captures, {what}", table.speed(results, records, base)


def _beyond_start(
    settings: Settings, contenders: Callable[[str], Contenders], records: int, *, answers: bool = True
) -> Section:
    """Race over many records and, in the same rounds, over almost none; the difference is the work."""
    starts = {f"start of {name}": one for name, one in contenders(settings.captures(TINY)).items()}
    whole = contenders(settings.captures(records))
    rows = dict.fromkeys(starts, TINY) | dict.fromkeys(whole, records)
    results = settings.race(starts | whole, rows if answers else None)
    pairs = {name: (results[name], results[f"start of {name}"]) for name in whole}
    return f"{records:,} captures, 70 columns of CSV", table.beyond_start(pairs, records)


def _fastest_block(settings: Settings) -> int:
    """Return the bytes at a time that are best for the yardstick: differences show from a million records on."""
    records = max((n for n in settings.records if n <= 1_000_000), default=min(settings.records))
    folder = settings.captures(records)
    blocks = {str(size): _module("yardstick", folder, str(size)) for size in settings.blocks}
    results = settings.race(blocks, records)
    return int(min(results, key=lambda size: results[size].wall))


def _peaks(settings: Settings) -> Section:
    peaks: dict[str, list[float]] = {}
    for records in settings.records:
        folder, one_file = settings.captures(records), settings.captures(records, one_file=True)
        contenders = {
            **_lanes(folder),
            "our lane, 2 processes, one huge file": _lane(one_file, 2),
            **_lanes(folder, script=True),
            "our lane, 2 script processes, one huge file": _lane(one_file, 2, script=True),
        }
        for name, series in settings.race(contenders, records).items():
            peaks.setdefault(name, []).append(series.peak_mb)
    return "peak memory, the highest of all rounds", table.peaks(peaks, settings.records)


def _states(settings: Settings) -> Section:
    kinds = [("csv70", records) for records in settings.records]
    kinds += [(shape, min(settings.records)) for shape in ("csv18", "json")]
    rows = []
    for shape, records in kinds:
        said = measure(_module("state", settings.captures(records, shape))).said
        rows.append([SHAPES[shape].says, f"{records:,}", f"{said['bytes']:,}"])
    return "a packed state", table.grid(["", "captures", "bytes"], rows)


def _lanes(folder: str, *, script: bool = False) -> Contenders:
    """Our lane with one process and with two."""
    what = "script process" if script else "process"
    return {
        f"our lane, {n} {what}{'es' if n > 1 else ''}": _lane(folder, n, script=script) for n in PROCESSES
    }


def _lane(folder: str, processes: int, *, script: bool = False) -> Contender:
    return _module("lane", folder, "--processes", str(processes), *(["--script"] if script else []))


def _module(name: str, *arguments: str, python: str = sys.executable, missing: str = "") -> Contender:
    return Contender((python, "-W", "ignore", "-m", f"benchmarks.{name}", *arguments), missing, QUIET)


def _check(folder: str, *options: str, missing: str = "") -> Contender:
    return Contender(_omm("check", folder, "--format", "capture", *options).command, missing)


def _omm(*arguments: str) -> Contender:
    return Contender((str(Path(sys.executable).with_name("omm")), *arguments))


def _without_spark() -> str:
    """Return why our Spark engine cannot run here, or nothing."""
    if not shutil.which("java"):
        return "there is no Java"
    told = subprocess.run(_omm("check", "--help").command, capture_output=True, text=True, check=True).stdout
    return _unless("pyspark") or ("" if "--engine" in told else "this version has no Spark engine")


def _unless(module: str) -> str:
    return "" if importlib.util.find_spec(module) else f"{module} is not installed"


def _sections(sections: Iterable[Section]) -> str:
    return "\n\n".join(f"**{title[0].upper()}{title[1:]}**\n\n{shown}" for title, shown in sections)
