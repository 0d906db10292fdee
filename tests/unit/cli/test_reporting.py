"""Reports as a command makes them."""

import json
from xml.etree import ElementTree as ET

import pytest


@pytest.fixture
def laid(omm, tmp_path):
    (tmp_path / "base.csv").write_text("n,plan\n" + "1.5,a\n2.5,b\n" * 20)
    (tmp_path / "now.csv").write_text("n,plan\n" + "1.5,a\n2.5,c\n" * 20)
    assert omm("suggest", tmp_path / "base.csv", "-o", tmp_path / "base").code == 0
    return tmp_path


def test_of_a_check_as_it_ends(omm, laid):
    files = ("--html", laid / "r.html", "--markdown", laid / "r.md", "--junit", laid / "r.xml")
    done = omm("check", laid / "now.csv", "--baseline", laid / "base", "--title", "plans", *files)
    assert done.code == 0
    assert "plans: 1 violation" in (laid / "r.md").read_text()
    assert "<title>plans: 1 violation</title>" in (laid / "r.html").read_text()
    assert 'class="bar old"' in (laid / "r.html").read_text()  # the baseline is drawn
    assert ET.parse(laid / "r.xml").find("testsuite").get("failures") == "1"


def test_of_a_baseline(omm, laid):
    omm("suggest", laid / "base.csv", "--html", laid / "b.html")
    assert "Data quality baseline" in (laid / "b.html").read_text()


def test_of_a_run_that_is_done(omm, laid):
    omm("check", laid / "now.csv", "--baseline", laid / "base", "-o", laid / "out")
    done = omm("report", laid / "out", "--baseline", laid / "base", "--json")
    assert json.loads(done.out) == {"violations": 1, "reports": {"html": f"{laid / 'out'}/report.html"}}
    assert "Unknown values" in (laid / "out" / "report.html").read_text()


def test_on_stdout_nothing_else_is(omm, laid):
    done = omm("check", laid / "now.csv", "--baseline", laid / "base", "--markdown", "-")
    assert done.out.startswith("### ⚠️ Data quality: 1 violation")
    assert "nothing was written" not in done.out


@pytest.mark.parametrize("more", [("--junit", "-"), ("--json",)])
def test_two_on_stdout_are_refused_before_any_work(omm, laid, more):
    done = omm("check", laid / "none.csv", "--markdown", "-", *more)
    assert done.code == 2
    assert "cannot both go to stdout" in done.err


def test_a_folder_without_documents(omm, laid):
    assert omm("report", laid).code == 2
