"""Guards what ARCHITECTURE.md says: import order, purity, lightness, folders, a test beside each module."""

import ast
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
SOURCE = TESTS.parent / "src"
ROOT = "open_model_monitor"

# A module may import what stands before it, and its siblings; `version` is for everybody.
ORDER = (
    *("_loops", "errors", "settings", "storage", "capture", "recording"),
    *("rows", "profiling", "monitors", "reporting", "results"),
    *("engines", "jobs", "api", "control", "sdk", "moving", "server", "cli", "__main__"),
)
STRANGERS = {("rows", "profiling"), ("profiling", "rows")}  # a batch is all they share

PURE = (
    *("errors", "profiling", "monitors", "reporting", "capture.record", "capture.jsontext", "capture.ranges"),
    *("recording.capture_lines", "recording.payloads", "recording.cloud_events"),
    *("rows.flatten", "rows.payloads", "rows.convert", "rows.batches", "rows.lane", "rows.fast"),
    *(
        "rows.skeleton",
        "rows.envelope",
        "rows.objects",
        "rows.bulk",
        "rows.decimals",
        "rows.texts",
        "rows.typed",
        "jobs.contract",
    ),
    *("moving.agreement", "moving.equality"),
    *("control.schedule_language", "control.windows", "control.shapes", "control.arns", "control.paging"),
    *("control.alerts", "control.events", "control.template"),
    *(
        "server.messages",
        "server.pages.visits",
        "server.protocols",
        "server.signatures",
    ),
)
IMPURE = {"os", "pathlib", "time", "random", "socket", "subprocess", "sqlite3", "obstore"}
HEAVY = ("numpy", "pyarrow", "pandas", "obstore", "pyspark", "sqlalchemy", "starlette")

# Modules without a test file of their own, and why. One that has gained a test must leave this list.
NO_TWIN = {
    "version": "a constant",
    "profiling.problems": "constants",
    "__main__": "calls cli.main",
    "_loops": "in C; tests of rows.decimals, rows.skeleton, rows.texts and profiling.distinct call it",
    "jobs.sandbox_child": "runs only as the process that tests of jobs.sandbox start",
    **dict.fromkeys(
        (f"jobs.{name}" for name in ("merge_buckets", "merge_job", "merge_reading", "merged_files")),
        "the parts of a merge, which tests of jobs.merge do",
    ),
    "recording.http": "what both middlewares share; their tests use it",
    "cli.sink": "tests/integration/test_recording.py starts and stops it",
    "moving.create": "tests/e2e/test_migrate.py",
    "moving.replay": "tests/e2e/test_parity.py",
    "cli.moving": "tests/e2e/test_migrate.py and test_parity.py call both commands",
    **dict.fromkeys(
        (
            f"sdk.{name}"
            for name in (
                *(
                    "alerts",
                    "baselining",
                    "clarify",
                    "client",
                    "data_quality",
                    "definitions",
                    "exceptions",
                    "jobs",
                ),
                *("local_client", "model_quality", "own_image", "predictor", "schedules", "transfers"),
            )
        ),
        "the flows of tests/sdk, tests/e2e/test_sdk_in_process.py and tests/contract/test_sdk_signatures.py",
    ),
    "control.tables": "columns; tests of control.store, and of control.migrating against the schema",
    "control.migrations.env": "called by Alembic in tests of control.migrating",
    "server.messages": "two values without behaviour but `header`, which tests of signatures use",
    "server.serving": "processes: tests/e2e/test_chaos.py and tests/sdk start, kill and stop them",
    "server.standins.local": "puts the others together; the app's tests ask it",
    **dict.fromkeys(
        (f"server.pages.{name}" for name in ("visits", "addresses")),
        "values; tests of server.pages.site use them",
    ),
    "server.pages.evidence": "tests of server.pages.execution read documents with it",
    "server.pages.foresight": "tests of server.pages.baselines ask it",
    "server.pages.newcomer": "tests/e2e/test_pages.py creates monitors with it",
    "server.pages.samples": "tests of server.pages.playground try them",
    **dict.fromkeys(
        (f"server.standins.{name}" for name in ("checksums", "objects", "rules", "s3", "xml")),
        "tests/contract/test_s3_conformance.py asks them over HTTP",
    ),
}


def _name(path: Path) -> str:
    parts = path.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {
    _name(path): path
    for path in sorted((SOURCE / ROOT).rglob("*.py*"))
    if path.suffix in (".py", ".pyi")
    and path.parent.name != "versions"  # steps of the schema, run by Alembic
}
TREES = {name: ast.parse(path.read_text(encoding="utf-8"), str(path)) for name, path in FILES.items()}
PACKAGES = {name for name, path in FILES.items() if path.name == "__init__.py"} - {ROOT}
MODULES = {name.removeprefix(f"{ROOT}.") for name in set(FILES) - PACKAGES - {ROOT}}


def _imports(tree: ast.AST) -> Iterator[str]:
    """Full names of what is imported anywhere in a module, functions included; relative ones start with a dot."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "." * node.level + (node.module or "")
            for alias in node.names:
                yield full if (full := f"{module}.{alias.name}") in FILES else module


def _ours(name: str) -> set[str]:
    return {target for target in _imports(TREES[name]) if target.split(".")[0] in (ROOT, "")}


def _folder(name: str) -> str:
    return name.split(".")[1]


def test_imports_point_upstream() -> None:
    offences = []
    for name in sorted(set(FILES) - {ROOT}):
        for target in sorted(_ours(name) - {f"{ROOT}.version"}):
            if target not in FILES or target in PACKAGES | {ROOT}:
                offences.append(f"{name} imports {target}, which is no module")
                continue
            here, there = _folder(name), _folder(target)
            upstream = here == there or here == "version" or ORDER.index(there) < ORDER.index(here)
            if not upstream or (here, there) in STRANGERS:
                offences.append(f"{name} imports {target}")
    assert not offences, "\n".join(offences)


def test_every_module_has_its_place_in_the_order() -> None:
    assert {module.split(".")[0] for module in MODULES} <= {*ORDER, "version"}


def test_the_top_module_imports_the_rest_lazily() -> None:
    at_once = [node for node in TREES[ROOT].body if not isinstance(node, ast.FunctionDef | ast.If)]
    ours = {name for name in _imports(ast.Module(at_once, [])) if name.startswith(ROOT)}
    assert ours == {f"{ROOT}.version"}


def test_there_is_no_import_cycle() -> None:
    try:
        TopologicalSorter({name: _ours(name) for name in set(FILES) - {ROOT}}).prepare()
    except CycleError as error:
        pytest.fail(" → ".join(reversed(error.args[1])))


def _is_pure(name: str) -> bool:
    module = name.removeprefix(f"{ROOT}.")
    return any(module == pure or module.startswith(f"{pure}.") for pure in PURE)


def _impurities(name: str) -> Iterator[str]:
    for target in _imports(TREES[name]):
        if target.split(".")[0] in IMPURE and not (name == f"{ROOT}.rows.batches" and target == "pathlib"):
            yield f"imports {target}"
    for node in ast.walk(TREES[name]):
        match node:
            case ast.Call(func=ast.Name(id="open") | ast.Attribute(value=ast.Name(id="io"), attr="open")):
                yield f"line {node.lineno} opens a file"
            case ast.Attribute(value=value, attr="now" | "utcnow" | "today") if "date" in ast.unparse(value):
                yield f"line {node.lineno} looks at the clock"
            case ast.Attribute(value=ast.Name(id="pathlib"), attr=used) if used != "PurePath":
                yield f"line {node.lineno} uses pathlib.{used}"
            case ast.ImportFrom(module="pathlib", names=names) if [a.name for a in names] != ["PurePath"]:
                yield f"line {node.lineno} imports more than PurePath"


def test_pure_modules_are_pure() -> None:
    offences = [f"{name} {what}" for name in FILES if _is_pure(name) for what in _impurities(name)]
    assert not offences, "\n".join(offences)


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        (ROOT, (*HEAVY, "rich", "cyclopts")),
        (f"{ROOT}.cli.app", HEAVY),
        (f"{ROOT}.jobs.run", ("pandas", "pyspark")),
    ],
    ids=["package", "cli", "run"],
)
def test_import_is_light(module: str, heavy: tuple[str, ...]) -> None:
    program = f"import sys, {module}; print(*{set(heavy)} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_packages_say_what_goes_in_and_comes_out() -> None:
    for name in sorted(PACKAGES):
        text = ast.get_docstring(TREES[name]) or ""
        assert "In:" in text, name
        assert "Out:" in text, name
        assert len(TREES[name].body) == 1, f"{name} holds code"


def test_public_class_names_exist_once() -> None:
    published = {"Statistics", "Constraints"}  # of SageMaker's SDK, and of documents
    names = [node.name for tree in TREES.values() for node in tree.body if isinstance(node, ast.ClassDef)]
    twice = {name for name, count in Counter(names).items() if count > 1 and not name.startswith("_")}
    assert twice == published


def test_every_module_has_a_test_at_the_mirrored_path() -> None:
    def has_twin(module: str) -> bool:
        *folders, last = module.split(".")
        return TESTS.joinpath("unit", *folders, f"test_{last.strip('_')}.py").exists()

    missing = {module for module in MODULES if not has_twin(module)}
    assert sorted(missing - set(NO_TWIN)) == []
    assert sorted((set(NO_TWIN) & MODULES) - missing) == [], "these have a test now: take them off the list"


def test_files_that_are_no_code_are_in_the_package() -> None:
    patterns = tomllib.loads((TESTS.parent / "pyproject.toml").read_text())["tool"]["setuptools"][
        "package-data"
    ][ROOT]
    packaged = {path for pattern in patterns for path in (SOURCE / ROOT).glob(pattern)}
    generated = {".py", ".pyc", ".so", ".c"}
    others = {path for path in (SOURCE / ROOT).rglob("*") if path.is_file() and path.suffix not in generated}
    assert others - packaged == set()
