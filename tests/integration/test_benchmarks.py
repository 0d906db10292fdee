"""The commands of the benchmarks work; what they measure is not judged here."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.mark.parametrize(
    ("group", "shown"),
    [
        ("fast", ["reading only", "parsing only", "yardstick", "our lane, 2 processes, one huge file"]),
        ("script", ["bare loop", "our lane, 1 script process", "our lane, 2 script processes"]),
        ("shapes", ["18 columns", "flat JSON", "BASE64"]),
        ("memory", ["MB at 300", "bytes"]),
        ("startup", ["omm --help", "omm check"]),
        ("control", ["10 schedules", "a server and two workers"]),
    ],
)
def test_smoke_run_of_a_group_fills_its_place_in_the_page(
    group: str, shown: list[str], tmp_path: Path
) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n<!-- {group} -->\nold\n<!-- end of {group} -->\nafter\n")

    done = run("--smoke", "--only", group, "--cache", str(tmp_path / "cache"), "--page", str(page))

    assert done.returncode == 0, done.stderr
    text = page.read_text()
    assert text.partition("<!--")[0] == "before\n"
    assert text.endswith("-->\nafter\n")
    assert "old" not in text
    assert [what for what in shown if what not in text] == []
    assert "nan" not in text


def test_page_of_the_documentation_has_a_place_for_every_group() -> None:
    told = run("--help").stdout
    groups = [line.split()[0] for line in told.partition("groups:\n")[2].splitlines() if line.strip()]
    page = (ROOT / "docs" / "benchmarks.md").read_text()

    assert len(groups) == 10
    assert [g for g in groups if f"<!-- {g} -->" not in page or f"<!-- end of {g} -->" not in page] == []


def test_unknown_group_is_refused_with_those_there_are() -> None:
    done = run("--only", "fats")

    assert done.returncode == 2
    assert "there is no group fats; there are fast, script" in done.stderr
