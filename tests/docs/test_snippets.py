"""Every snippet of the documentation runs, page by page, in a folder like a reader's; the few that cannot say why.

`<!-- not run: reason -->` above a block excuses it. Python blocks with no shell between them are one program.
"""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CHURN, DEMO = ROOT / "tests" / "data" / "churn", ROOT / "examples" / "demo"
PAGES = sorted([*(ROOT / "docs").glob("*.md"), ROOT / "README.md"])
RUN = {"python": "python", "bash": "bash", "sh": "bash", "console": "bash"}
BLOCK = re.compile(
    r"^(?:<!-- not run: (?P<why>[^\n]+) -->\n)?```(?P<kind>\w+)\n(?P<code>.*?)^```", re.DOTALL | re.MULTILINE
)
SECONDS = 120


@dataclass(frozen=True)
class Snippet:
    kind: str
    code: str
    line: int
    why: str | None


def snippets(page):
    text = page.read_text(encoding="utf-8")
    for found in BLOCK.finditer(text):
        if found["kind"] in RUN:
            yield Snippet(
                RUN[found["kind"]], found["code"], text[: found.start()].count("\n") + 1, found["why"]
            )


def steps(page):
    """Yield what is run, in order: one step per block of the shell, one for Python blocks that follow each other."""
    python = []
    for one in snippets(page):
        if one.why:
            continue
        if one.kind == "python":
            python.append(one)
            continue
        if python:
            yield "python", "\n".join(part.code for part in python), python[0].line
            python = []
        yield "bash", one.code, one.line
    if python:
        yield "python", "\n".join(part.code for part in python), python[0].line


RUNNABLE = [page for page in PAGES if any(True for _ in steps(page))]


@pytest.fixture(scope="session")
def desk(tmp_path_factory):
    """Return a folder with what pages speak of: data, captures, labels, scripts, a baseline, the output of a run."""
    folder = tmp_path_factory.mktemp("desk")
    shutil.copy(CHURN / "training-dataset-with-header.csv", folder / "train.csv")
    shutil.copy(CHURN / "validation_with_predictions.csv", folder / "scored.csv")
    shutil.copy(folder / "scored.csv", folder / "new_scored.csv")
    for name in ("orders.csv", "new_orders.csv"):
        rows = [f"{'DE' if n % 2 else 'FR'},{n % 9}" for n in range(200)]
        (folder / name).write_text("\n".join(["country,amount", *rows]) + "\n")
    for script in ("preprocessor.py", "postprocessor.py"):
        shutil.copy(DEMO / script, folder)
    for maker, source, target in (
        ("captures.py", "test-dataset-input-cols.csv", "captures"),
        ("labels.py", "test-dataset-gt-col.csv", "labels"),
    ):
        run([sys.executable, str(DEMO / maker), str(CHURN / source), target], folder)
    run(["omm", "suggest", "train.csv", "-o", "baseline"], folder)
    run(["omm", "check", "captures", "--baseline", "baseline", "-o", "out"], folder)
    return folder


def run(command, folder):
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "OMM_"))}
    path = f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}"
    more = {"PATH": path, "GITHUB_STEP_SUMMARY": "summary.md", "COLUMNS": "100"}
    done = subprocess.run(
        command, cwd=folder, env=kept | more, capture_output=True, text=True, timeout=SECONDS
    )
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"


@pytest.mark.parametrize("page", RUNNABLE, ids=lambda page: page.name)
def test_snippets_run_as_printed(page, desk, tmp_path):
    folder = tmp_path / "reader"
    shutil.copytree(desk, folder)
    for kind, code, line in steps(page):
        command = (
            [sys.executable, "-W", "error", "-c", code]
            if kind == "python"
            else ["bash", "-euo", "pipefail", "-c", code]
        )
        try:
            run(command, folder)
        except AssertionError as error:
            pytest.fail(f"{page.name}, line {line}:\n{code}\n{error}")


def test_excuses_are_few_and_say_why():
    excused = [one for page in PAGES for one in snippets(page) if one.why]
    assert all(len(one.why) > 10 for one in excused)
    assert len(excused) <= 25
