"""The documentation's site builds strictly, and asks nobody on the network."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("zensical", reason="of the group docs")

ROOT = Path(__file__).parents[2]


def build(folder):
    command = [sys.executable, "-m", "zensical", "build", "--strict"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)


@pytest.fixture
def project(tmp_path):
    shutil.copy(ROOT / "zensical.toml", tmp_path)
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    return tmp_path


def test_it_builds_without_a_warning(project):
    done = build(project)
    assert done.returncode == 0, done.stdout + done.stderr
    pages = [path.stem for path in (project / "docs").glob("*.md")]
    assert [name for name in pages if not (project / "site" / f"{name}.html").exists()] == []
    listed = re.findall(r'"([\w/-]+\.md)"', (ROOT / "zensical.toml").read_text())
    assert sorted(listed) == sorted([*(f"{name}.md" for name in pages), "adr/README.md"])
    loaded = re.compile(r'<(?:script|link|img)[^>]+(?:src|href)="https?://')
    assert [path.name for path in (project / "site").rglob("*.html") if loaded.search(path.read_text())] == []


@pytest.mark.parametrize("broken", ["[x](nowhere.md)", "[x](checks.md#nowhere)"])
def test_what_is_broken_is_an_error(project, broken):
    with (project / "docs" / "index.md").open("a") as page:
        page.write(f"\n{broken}\n")
    assert build(project).returncode != 0


def test_pictures_are_there():
    """Which the generator does not look after."""
    pages = [*(ROOT / "docs").rglob("*.md"), ROOT / "README.md"]
    named = [
        (page, path) for page in pages for path in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", page.read_text())
    ]
    assert len(named) > 5
    assert [path for page, path in named if not (page.parent / path).exists()] == []
