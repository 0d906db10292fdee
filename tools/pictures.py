"""Take the pictures of docs/images from the running product: `.venv/bin/python tools/pictures.py`.

Serves from a temporary folder, makes a monitor of the playground's samples, and looks at it with Chromium.
"""

import re
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from support.browser import browsing, serving  # noqa: E402 — from the tests' folder

IMAGES = ROOT / "docs" / "images"


def monitor(page: Page, ui: str, name: str) -> str:
    """Make a monitor of the samples and wait for its first execution; returns the execution's address."""
    page.goto(f"{ui}/playground")
    page.locator("#try").click()
    page.locator(".trials li").first.wait_for()
    page.get_by_role("textbox", name="Name").fill(name)
    page.get_by_role("button", name="Create").click()
    page.wait_for_url(f"**/monitors/{name}?*")
    row = (
        page.locator("section").filter(has=page.get_by_role("heading", name="Executions")).locator("tbody tr")
    )
    while not row.count() or row.locator(".status.run").count():
        page.wait_for_timeout(500)
        page.goto(f"{ui}/monitors/{name}")
    row.first.get_by_role("link").first.click()
    page.locator("#violations h2").wait_for()
    return page.url


def take(page: Page, name: str, address: str, *, width: int, height: int, theme: str = "light") -> None:
    """Take one picture."""
    page.set_viewport_size({"width": width, "height": height})
    page.emulate_media(color_scheme=theme)
    page.goto(address)
    page.wait_for_load_state("networkidle")
    if name == "playground":
        page.locator("#try").click()
        page.locator(".trials li").first.wait_for()
    elif page.locator(".feature summary").count():
        page.locator("details.feature:not([open]) summary").first.click()
    page.wait_for_timeout(400)
    page.evaluate("scrollTo(0, 0)")
    page.screenshot(path=IMAGES / f"{name}.png")


def main() -> None:
    """Take them all."""
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder), "--local") as url, browsing() as page:
        ui = f"{url}/ui"
        execution = monitor(page, ui, "churn")
        report = Path(folder) / "report.html"
        answer = page.request.get(f"{execution}/report")
        report.write_bytes(re.sub(rb"s3://[^<]*", b"s3://captures/churn/", answer.body()))
        take(page, "execution", execution, width=1200, height=1000)
        take(page, "monitor", f"{ui}/monitors/churn", width=1200, height=900)
        take(page, "baseline", f"{ui}/monitors/churn/baseline", width=1200, height=900)
        take(page, "playground", f"{ui}/playground", width=1300, height=860, theme="dark")
        take(page, "phone", execution, width=360, height=720, theme="dark")
        take(page, "report", report.as_uri(), width=1000, height=900)


if __name__ == "__main__":
    main()
