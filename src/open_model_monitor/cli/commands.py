"""The commands: options become arguments of `api` and `jobs`, what comes back becomes a screen or JSON.

Whatever is heavy is imported inside: `omm --help` must answer at once.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from open_model_monitor.cli import show, trying
from open_model_monitor.cli.parameters import (
    BASELINE,
    INPUT,
    OUTPUT,
    SCRIPTS,
    Cleaning,
    Common,
    Like,
    Monitoring,
    Reading,
    Running,
    ScriptSettings,
    option,
    pairs,
)
from open_model_monitor.cli.progress import Watched
from open_model_monitor.cli.reporting import Reports
from open_model_monitor.errors import DocumentError, UsageError

if TYPE_CHECKING:
    from open_model_monitor.results.report import Report

VIOLATED = 1

# What is asked for by saying nothing.
_READING, _CLEANING, _RUNNING = Reading(), Cleaning(), Running()
_SETTINGS, _COMMON = ScriptSettings(), Common()
_MONITORING, _REPORTS = Monitoring(), Reports()

Data = Annotated[str, Parameter(help="A file, a folder, or an address such as s3://bucket/captures/.")]
All = Annotated[
    bool, option(OUTPUT, "Show all violations, features or columns, not the first ones.", name="--all")
]
Output = Annotated[
    str | None, option(OUTPUT, "Folder or address to write the documents to.", name=["--output", "-o"])
]
Folder = Annotated[str | None, option(BASELINE, "Folder of a baseline, made here or by SageMaker.")]


def inspect(
    captures: Data,
    /,
    *,
    write_script: Annotated[str | None, option(OUTPUT, "File to write a preprocessor to start from.")] = None,
    limit: Annotated[int, option(INPUT, "Records to look at.", name=["--limit", "-n"])] = 10_000,
    reading: Reading = _READING,
    everything: All = False,
    common: Common = _COMMON,
) -> int:
    """Look into captures: what is in there, what a run would see, whether a script is needed.

    For example:

        omm inspect captures/
        omm inspect s3://bucket/capture/my-endpoint/ --since 2026-01-31T10:00:00Z
        omm inspect captures/ --write-script preprocessor.py
    """
    from open_model_monitor.api import format_of, window_of
    from open_model_monitor.cli.show_records import autopsy
    from open_model_monitor.jobs.inspection import inspect as look
    from open_model_monitor.jobs.starting_script import starting_script

    if write_script is not None and Path(write_script).exists():
        raise UsageError(f"--write-script: {write_script} is there already; name a new file, or remove it")
    with Watched(show.console(errors=True), f"Reading {captures}", noun="records") as watched:
        found = look(
            captures,
            format=format_of(reading.as_format()),
            window=window_of(reading.since, reading.until),
            variants=tuple(reading.variants or ()),
            limit=limit,
            progress=watched.told,
        )
    if write_script is not None:
        Path(write_script).write_text(starting_script(found), encoding="utf-8")
    show.answer(
        found.to_dict() | {"script": write_script},
        autopsy(found, everything=everything, written=write_script),
        common,
    )
    return 0


def try_(
    script: Annotated[str, Parameter(help="Your preprocessor, or your postprocessor.")],
    captures: Data,
    /,
    *,
    limit: Annotated[int, option(INPUT, "Records to try.", name=["--limit", "-n"])] = 20,
    watch: Annotated[bool, option(OUTPUT, "Run again whenever the script changes.")] = False,
    baseline: Folder = None,
    preprocess: Annotated[str | None, option(SCRIPTS, "The preprocessor before a postprocessor.")] = None,
    reading: Reading = _READING,
    settings: ScriptSettings = _SETTINGS,
    everything: All = False,
    common: Common = _COMMON,
) -> int:
    """Run your script on real records: rows, logs, time, hints, failures.

    For example:

        omm try preprocessor.py captures/
        omm try preprocessor.py captures/ -n 100 --baseline baseline/
        omm try preprocessor.py captures/ --watch
        omm try postprocessor.py captures/ --baseline baseline/
    """
    wanted = trying.Wanted(script, captures, limit, baseline, preprocess, reading, settings, everything)
    if watch:
        if common.json:
            raise UsageError("--watch is for people; it does not go with --json")
        return trying.watch(wanted)
    return trying.once(wanted, common)


def suggest(
    data: Data,
    /,
    *,
    output: Output = None,
    like: Like = "recommended",
    reading: Reading = _READING,
    monitoring: Monitoring = _MONITORING,
    cleaning: Cleaning = _CLEANING,
    running: Running = _RUNNING,
    settings: ScriptSettings = _SETTINGS,
    reports: Reports = _REPORTS,
    everything: All = False,
    common: Common = _COMMON,
) -> int:
    """Make a baseline of data you trust: statistics and constraints.

    For example:

        omm suggest train.csv -o baseline/
        omm suggest s3://bucket/train.parquet -o s3://bucket/baseline/
        omm suggest train.csv --missing NA --missing age=-1
        omm suggest captures/ --preprocess preprocessor.py -o baseline/
        omm suggest train.csv --like sagemaker --no-header
        omm suggest scored.csv --monitor model-quality --problem binary \\
            --inference prediction --probability probability --label label -o baseline/
    """
    from open_model_monitor import api

    reports.check(common)
    with Watched(show.console(errors=True), f"Reading {data}") as watched:
        lines: list[str] = []
        made = api.suggest(
            data,
            output,
            like=like,
            **_shared(reading, monitoring, cleaning, running, settings, watched, lines),
        )
    _report(made, lines, reports, everything=everything, common=common)
    return 0


def check(
    captures: Data,
    /,
    *,
    baseline: Folder = None,
    statistics: Annotated[str | None, option(BASELINE, "A statistics.json instead of a folder.")] = None,
    constraints: Annotated[str | None, option(BASELINE, "A constraints.json instead of a folder.")] = None,
    output: Output = None,
    strict: Annotated[bool, option(OUTPUT, "Exit with 1 if there are violations.")] = False,
    endpoint: Annotated[str | None, option(OUTPUT, "Endpoint that published metrics are of.")] = None,
    schedule: Annotated[str | None, option(OUTPUT, "Schedule that published metrics are of.")] = None,
    reading: Reading = _READING,
    monitoring: Monitoring = _MONITORING,
    cleaning: Cleaning = _CLEANING,
    running: Running = _RUNNING,
    settings: ScriptSettings = _SETTINGS,
    reports: Reports = _REPORTS,
    everything: All = False,
    common: Common = _COMMON,
) -> int:
    """Compare captures, or any data, with a baseline.

    For example:

        omm check captures/ --baseline baseline/
        omm check captures/ --baseline baseline/ -o out/ --strict
        omm check captures/ --baseline baseline/ --preprocess preprocessor.py
        omm check captures/ --baseline baseline/ --since 2026-01-31T10:00:00Z
        omm check new.csv --constraints constraints.json --json
        omm check s3://bucket/captures/ --baseline s3://bucket/baseline/ \\
            --engine spark --spark-master spark://host:7077
        omm check captures/ --baseline baseline/ --monitor model-quality \\
            --problem binary --probability 0 --ground-truth labels/ -o out/
        omm check captures/ --baseline baseline/ --segment-by country
        omm check captures/ --baseline baseline/ --html report.html --junit out.xml
    """
    from open_model_monitor import api

    reports.check(common)
    with Watched(show.console(errors=True), f"Reading {captures}") as watched:
        lines: list[str] = []
        made = api.check(
            captures,
            baseline,
            output,
            statistics=statistics,
            constraints=constraints,
            endpoint=endpoint,
            schedule=schedule,
            **_shared(reading, monitoring, cleaning, running, settings, watched, lines),
        )
    _report(made, lines, reports, everything=everything, common=common)
    return VIOLATED if strict and made.violations else 0


def _shared(
    reading: Reading,
    monitoring: Monitoring,
    cleaning: Cleaning,
    running: Running,
    settings: ScriptSettings,
    watched: Watched,
    lines: list[str],
) -> dict[str, Any]:
    variants = {"variants": reading.variants} if reading.variants else {}
    return {
        "format": reading.as_format(),
        "since": reading.since,
        "until": reading.until,
        "preprocess": running.preprocess,
        "postprocess": running.postprocess,
        "behaviour": pairs("--behaviour", running.behaviour),
        "environment": settings.environment(),
        "labelling": monitoring.labelling(),
        "options": {
            **cleaning.options(),
            **monitoring.options(),
            **running.options(),
            **settings.options(),
            **variants,
        },
        "progress": watched.told,
        "listener": lambda tag, text: lines.append(f"{tag}: {text}"),
    }


def _report(made: Report, lines: list[str], reports: Reports, *, everything: bool, common: Common) -> None:
    from open_model_monitor.cli.show_report import report

    reports.write(made.evidence)
    if reports.is_piped:
        return

    document = made.to_dict()
    entries = None if made.violations is None else [dict(entry) for entry in made.violations]
    document |= {"violations": entries, "output": made.output}
    show.answer(document, report(made, everything=everything, script_lines=lines), common)


def explain(
    file: Annotated[str, Parameter(help="A JSON document, as a path or an address.")],
    /,
    *,
    everything: All = False,
    common: Common = _COMMON,
) -> int:
    """Say in words what a document says, ours or SageMaker's.

    For example:

        omm explain out/constraint_violations.json
        omm explain s3://bucket/reports/constraint_violations.json --all
        omm explain out/script_error.json
    """
    from open_model_monitor.capture.jsontext import parse_json
    from open_model_monitor.cli.words import explain as say
    from open_model_monitor.storage import Storage

    text = Storage().read(file)
    try:
        document = parse_json(text)
    except ValueError as error:
        document = _first_line(text)
        if document is None:
            raise DocumentError(f"{file} is not JSON: {error}") from error
    try:
        found = say(document)
    except DocumentError as error:
        raise DocumentError(f"{file}: {error}") from error
    show.answer(found.to_dict(), show.explanation(found, everything=everything), common)
    return 0


def _first_line(text: bytes) -> Any:
    """Return the first of several lines of JSON, such as captures; None if it is none."""
    from open_model_monitor.capture.jsontext import parse_json

    try:
        return parse_json(text.split(b"\n", 1)[0])
    except ValueError:
        return None


def run(*, debug: Annotated[bool, option(OUTPUT, "Show our traceback when something fails.")] = False) -> int:
    """Do the run that a container's environment describes.

    The entry point of the image. It reads the environment of SageMaker's
    contract (dataset_source, dataset_format, …) and processingjobconfig.json,
    writes to output_path, and says in /opt/ml/output/message how it ended.

    For example:

        docker run --env-file job.env -v "$PWD/data:/opt/ml/processing" omm
        dataset_source=/in dataset_format='{"parquet":{}}' output_path=/out omm run
    """
    from open_model_monitor.cli.logs import log_to_stdout
    from open_model_monitor.jobs.container import run_container

    log_to_stdout()
    return run_container(os.environ)
