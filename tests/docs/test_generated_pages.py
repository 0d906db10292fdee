"""Pages that are made from the code are what the code says now."""

import re
import runpy
from pathlib import Path

import open_model_monitor as omm
from open_model_monitor.cli.app import COMMANDS, SERVER_COMMANDS, build

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def made(tool):
    return runpy.run_path(str(ROOT / "tools" / f"{tool}.py"))


def test_the_python_api():
    assert (DOCS / "python-api.md").read_text() == made("reference_pages")["api_page"](), (
        "run tools/reference_pages.py"
    )


def test_every_public_name_is_on_it():
    named = re.findall(r"^### (\w+)$", (DOCS / "python-api.md").read_text(), re.MULTILINE)
    assert sorted(named) == sorted(name for name in omm.__all__ if name != "__version__")


def test_the_command_line():
    """Words, not frames: those are the business of the library that draws them."""
    page, app = (DOCS / "cli.md").read_text(), build()
    for name in (*COMMANDS, *SERVER_COMMANDS):
        section = page.partition(f"## omm {name.replace('_', '-')}\n")[2].partition("\n## ")[0]
        assert section, f"{name} is missing: run tools/reference_pages.py"
        command = app[name.replace("_", "-")]
        if any(not below.startswith("-") for below in command):
            continue
        options = {one for argument in command.assemble_argument_collection() for one in argument.names}
        told = {one for one in options if one.startswith("--") and not one.startswith("--no-")}
        assert [one for one in sorted(told) if one not in section] == [], "run tools/reference_pages.py"


def test_the_checks_and_their_pictures():
    for path, text in made("checks_page")["files"]().items():
        assert path.read_text() == text, f"{path.name}: run tools/checks_page.py"
