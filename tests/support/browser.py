"""A real server and a real Chromium: what the tests of the pages walk through."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from importlib.resources import files
from urllib.request import urlopen

import pytest

CHROMIUM = next(
    filter(
        None, map(shutil.which, filter(None, (os.environ.get("CHROMIUM"), "chromium", "chromium-browser")))
    ),
    None,
)
UP = 30  # seconds in which a server comes up


@contextlib.contextmanager
def serving(folder, *arguments, environment=None):
    """Serve from a folder until the end of the block; yields the address."""
    command = [
        sys.executable,
        "-m",
        "open_model_monitor",
        "serve",
        "--port",
        "0",
        "--data",
        str(folder),
        *arguments,
    ]
    log = (folder / "server.log").open("wb")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "OMM_"))}
    with (
        log,
        subprocess.Popen(command, stdout=log, stderr=log, env={**kept, **(environment or {})}) as server,
    ):
        try:
            yield _address(folder, server)
        finally:
            server.send_signal(signal.SIGTERM)
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:
                server.kill()


def _address(folder, server):
    told = folder / "server.json"
    ends = time.monotonic() + UP
    while time.monotonic() < ends and server.poll() is None:
        with contextlib.suppress(OSError, ValueError, KeyError):
            url = json.loads(told.read_text())["url"]
            with urlopen(f"{url}/_omm/health", timeout=2):
                return url
        time.sleep(0.1)
    raise AssertionError((folder / "server.log").read_text()[-2000:])


@contextlib.contextmanager
def browsing(**options):
    """Yield a page of a new browser; what its console complains about fails the test."""
    from playwright.sync_api import sync_playwright

    if CHROMIUM is None:
        pytest.skip("there is no Chromium: tools/install_chromium.sh")
    complaints = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_context(**{"viewport": {"width": 1400, "height": 900}, **options}).new_page()
        page.set_default_timeout(20_000)
        page.on(
            "console",
            lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None,
        )
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.complaints = complaints
        try:
            yield page
        finally:
            browser.close()
    assert not complaints, complaints


def accessibility(page):
    """Return what axe finds wrong with a page: rule and first element of each violation."""
    source = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
    page.evaluate(source)  # through the debugger, as the page's own policy lets no other script in
    found = page.evaluate("axe.run()")
    return [(one["id"], one["nodes"][0]["html"][:200]) for one in found["violations"]]
