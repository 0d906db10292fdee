"""People at the pages: a newcomer from nothing to a passing run, and every page looked at by axe, at three widths."""

import re
from pathlib import Path

import pytest

import open_model_monitor as omm
from open_model_monitor.reporting.words import number

pytest.importorskip("playwright")

from open_model_monitor.sdk.session import session_at
from support.browser import accessibility, browsing, serving

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("browser")]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("server"), "--local") as url:
        yield f"{url}/ui"


def create(page, server, name):
    """Try the sample's script in the playground and make a monitor of it."""
    page.goto(f"{server}/playground")
    page.get_by_role("button", name=re.compile("Try it")).click()
    page.get_by_text(re.compile("11 rows of 12 records, 1 left out, 0 failed")).wait_for()
    page.get_by_role("textbox", name="Name").fill(name)
    page.get_by_role("button", name="Create").click()
    page.wait_for_url(f"**/monitors/{name}?*")


def newest(page, server, name, executions):
    """Wait until a monitor has that many executions, all of which ended; open the newest."""
    for _ in range(120):
        page.goto(f"{server}/monitors/{name}")
        rows = (
            page.locator("section")
            .filter(has=page.get_by_role("heading", name="Executions"))
            .locator("tbody tr")
        )
        if rows.count() == executions and not rows.locator(".status.run").count():
            rows.first.get_by_role("link").first.click()
            page.locator("#violations h2").wait_for()
            return
        page.wait_for_timeout(500)
    raise AssertionError(page.locator("main").inner_text())


def put_in(page, feature, what, value):
    page.get_by_label("Feature", exact=True).select_option(feature)
    page.get_by_label("Limit").select_option(what)
    page.get_by_label("Becomes").fill(value)
    page.get_by_role("button", name="Put into the text").click()
    page.get_by_text(f"is {value}. Save it below.").wait_for()


def test_a_newcomer(server):
    with browsing() as page:
        create(page, server, "newcomer")
        newest(page, server, "newcomer", 1)
        assert page.locator("h1 .status").inner_text() == "Violations"
        violations = page.locator("#violations")
        assert "support_calls" in violations.inner_text()

        feature = page.locator("details.feature").filter(has_text="support_calls")
        feature.locator("summary").click()
        feature.get_by_role("img", name="Distribution of support_calls, now and in the baseline").wait_for()

        page.goto(f"{server}/monitors/newcomer/baseline")
        page.locator(".cm-editor").wait_for()
        put_in(page, "support_calls", "drift", "0.4")
        put_in(page, "score", "drift", "0.4")
        put_in(page, "plan", "domain", "premium")
        page.get_by_role("button", name="What would it have flagged?").click()
        row = page.locator("#preview tbody tr")
        row.wait_for()
        assert row.locator("td").nth(0).inner_text() == "3"
        assert row.locator("td").nth(1).inner_text() == "0"
        page.get_by_label("Why").fill("People call more since the price change")
        page.get_by_role("button", name="Save as a new version").click()
        page.get_by_text("The new version of the constraints is in use").wait_for()
        assert "People call more since the price change" in page.locator("main").inner_text()

        page.goto(f"{server}/monitors/newcomer")
        page.get_by_role("button", name="Run now").click()
        page.get_by_text("A run was queued").wait_for()
        newest(page, server, "newcomer", page.locator(".timeline .strip a").count())
        assert page.locator("h1 .status").inner_text() == "Completed"
        assert "everything that was checked holds" in page.locator("#violations").inner_text()


def test_a_script_that_fails_is_marked_where_it_does(server):
    with browsing() as page:
        page.goto(f"{server}/playground")
        editor = page.locator(".cm-content")
        editor.click()
        page.keyboard.press("Control+a")
        page.keyboard.press("Delete")
        page.keyboard.insert_text(
            "def preprocess_handler(record, logger):\n    logger.info('here')\n    return 1 / 0\n"
        )
        page.keyboard.press("Control+Enter")
        page.get_by_text(re.compile("Line 3: ZeroDivisionError")).first.wait_for()
        assert page.locator(".cm-lint-marker-error").count() == 1
        assert "here" in page.locator(".trials li").first.inner_text()


def test_a_monitor_that_is_refused_leaves_nothing_behind(tmp_path):
    with (
        serving(tmp_path, "--local", environment={"OMM_MAX_SCHEDULES": "0"}) as url,
        browsing() as page,
    ):
        page.goto(f"{url}/ui/playground")
        page.get_by_role("textbox", name="Name").fill("refused")
        page.get_by_role("button", name="Create").click()
        page.get_by_text("max_schedules").wait_for()
        assert "400" in page.complaints.pop()
        client = session_at(url).sagemaker_client
        assert client.list_endpoints()["Endpoints"] == []
        assert client.list_endpoint_configs()["EndpointConfigs"] == []
        assert client.list_models()["Models"] == []
        [job] = client.list_processing_jobs()["ProcessingJobSummaries"]
        assert job["ProcessingJobStatus"] in ("Stopping", "Stopped")


PAGES = (
    "/monitors",
    "/monitors/axe",
    "/monitors/axe/baseline",
    "/alerts",
    "/settings",
    "/keys",
    "/playground",
)


def test_the_report_of_the_churn_demo(tmp_path):
    """From disk, without network: small, accessible, fits a phone, the numbers of the documents."""
    churn = Path(__file__).parents[1] / "data" / "churn"
    baseline = omm.suggest(churn / "training-dataset-with-header.csv")
    drifted = tmp_path / "now.csv"
    head, *rows = (churn / "training-dataset-with-header.csv").read_text().splitlines()
    place = head.split(",").index("Day Mins")
    cells = [row.split(",") for row in rows[:500]]
    moved = [",".join([*row[:place], f"{float(row[place]) * 3}", *row[place + 1 :]]) for row in cells]
    drifted.write_text("\n".join([head, *moved]))
    made = omm.check(drifted, baseline)
    report = tmp_path / "report.html"
    report.write_text(made.to_html(), encoding="utf-8")
    assert report.stat().st_size < 1_000_000
    with browsing() as page:
        page.context.set_offline(True)
        page.goto(report.as_uri())
        assert page.locator("#violations h2").inner_text() == "1 violation"
        assert "Day Mins" in page.locator("#violations").inner_text()
        assert page.locator("details.feature").count() == len(made.statistics.features)
        for feature in made.statistics.features[:5]:
            row = page.locator("details.feature").filter(has=page.get_by_text(feature.name, exact=True))
            row.evaluate("row => row.open = true")
            mean = row.get_by_role("row", name=re.compile("^mean")).get_by_role("cell").first
            assert mean.inner_text() == number(feature.mean)
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme)
            assert accessibility(page) == [], theme
        page.set_viewport_size({"width": 360, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_every_page_is_accessible_and_fits(server):
    with browsing() as page:
        create(page, server, "axe")
        newest(page, server, "axe", 1)
        page.locator("details.feature").first.locator("summary").click()
        page.locator("details.feature svg").first.wait_for()
        execution = page.url
        page.goto(f"{server}/monitors/axe")
        page.get_by_role("button", name="Run now").click()
        newest(page, server, "axe", 2)
        compare = f"{execution}/compare?with={page.url.rpartition('/')[2]}"
        for theme in ("light", "dark"):
            page.emulate_media(color_scheme=theme)
            for address in (execution, compare, f"{execution}/logs", *(f"{server}{path}" for path in PAGES)):
                page.goto(address)
                page.wait_for_load_state("networkidle")
                assert accessibility(page) == [], (address, theme)
        for width in (360, 800):
            page.set_viewport_size({"width": width, "height": 800})
            for address in (execution, *(f"{server}{path}" for path in PAGES)):
                page.goto(address)
                page.wait_for_load_state("networkidle")
                wide = page.evaluate("document.documentElement.scrollWidth")
                assert wide <= width, (address, width, wide)


def test_keys_of_the_keyboard_theme_and_zone(server):
    with browsing() as page:
        page.goto(f"{server}/monitors")
        page.keyboard.press("g")
        page.keyboard.press("p")
        page.wait_for_url("**/playground")
        page.goto(f"{server}/alerts")
        page.keyboard.press("?")
        page.get_by_role("dialog").wait_for()
        page.get_by_role("button", name="Close").click()
        page.get_by_label("Theme").select_option("dark")
        page.get_by_label("Time zone").select_option("Asia/Tokyo")
        page.get_by_text("Asia/Tokyo", exact=True).first.wait_for(state="attached")
        page.wait_for_function("document.getElementById('zone').dataset.value === 'Asia/Tokyo'")
        page.goto(f"{server}/monitors")
        assert page.locator("html").get_attribute("data-theme") == "dark"
        assert page.get_by_label("Time zone").input_value() == "Asia/Tokyo"
