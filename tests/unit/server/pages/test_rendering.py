"""Files that pages load."""

import pytest

from open_model_monitor.server.pages.rendering import asset


@pytest.mark.parametrize("path", ["style.css", "shared.css", "mark.svg"])
def test_files_of_pages_and_of_reports(path):
    assert asset(path).is_file()


@pytest.mark.parametrize("path", ["", "none.css", "../rendering.py", "a/../style.css", "/etc/passwd", ".x"])
def test_nothing_else(path):
    assert asset(path) is None
