"""docs/server-settings.md is what `settings.py` says."""

import runpy
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_page_is_fresh():
    page = runpy.run_path(str(ROOT / "tools" / "settings_page.py"))["page"]()
    assert (ROOT / "docs" / "server-settings.md").read_text() == page, "run tools/settings_page.py"
