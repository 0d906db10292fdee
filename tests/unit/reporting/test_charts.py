"""Charts: what is drawn where, and that texts in them are escaped."""

import math
import re

import pytest

from open_model_monitor.reporting import charts
from open_model_monitor.reporting.charts import Scale, TrendPoint


def heights(svg):
    return [float(y) for y in re.findall(r'<circle class="[^"]*" cx="[^"]*" cy="([^"]*)"', svg)]


def test_larger_is_higher_and_beyond_the_limit_is_marked():
    svg = charts.trend(
        [TrendPoint(0.1, "a"), TrendPoint(0.3, "b", bad=True)], limit=0.2, title="distance", least=0
    )
    low, high = heights(svg)
    limit = float(re.search(r'class="limit" x1="[^"]*" y1="([^"]*)"', svg)[1])
    assert high < limit < low
    assert svg.count('class="dot bad"') == 1


@pytest.mark.parametrize("points", [[], [TrendPoint(None, "")], [TrendPoint(math.nan, "")]])
def test_nothing_to_draw_is_said(points):
    assert "No values yet" in charts.trend(points, title="t")


@pytest.mark.parametrize("value", [0.0, 5.0, -1.0, 1e300, 1e-300])
def test_a_single_value_is_drawn(value):
    assert len(heights(charts.trend([TrendPoint(value, "x")], title="t"))) == 1


def test_a_scale_keeps_zero_unless_that_would_flatten():
    assert Scale.of([1.0, 10.0], 0, 1).low == 0
    assert Scale.of([99.0, 100.0], 0, 1).low > 90


@pytest.mark.parametrize(
    ("low", "high", "marks"),
    [(0, 1, [0, 0.5, 1]), (0, 1080, [0, 500, 1000]), (0.95, 1, [0.96, 0.98, 1]), (-3, 7, [0, 5])],
)
def test_marks_of_an_axis_are_round(low, high, marks):
    assert charts.round_marks(low, high) == pytest.approx(marks)


def test_areas_of_bars_are_shares():
    svg = charts.histogram([(0, 1, 50), (1, 3, 50)], [(0, 3, 7)], title="t")
    bars = [
        tuple(map(float, bar))
        for bar in re.findall(r'bar new" x="[^"]*" y="[^"]*" width="([^"]*)" height="([^"]*)"', svg)
    ]
    assert bars[0][1] == pytest.approx(2 * bars[1][1], rel=0.01)
    assert "baseline: 100.0 % from 0 to 3" in svg


def test_most_frequent_values_first_and_the_rest_counted():
    svg = charts.categories({str(i): i + 1 for i in range(20)}, {}, title="t")
    assert "and 5 more values" in svg
    assert svg.index(">19<") < svg.index(">18<")


def test_texts_are_escaped():
    hostile = "<script>"
    for svg in (
        charts.trend([TrendPoint(1, hostile)], title=hostile),
        charts.categories({hostile: 1}, {}, title=hostile),
        charts.histogram([(0, 1, 1)], [], title=hostile),
        charts.curve([0, 1], [0, 1], x=hostile, y=hostile, title=hostile),
    ):
        assert hostile not in svg
        assert "&lt;script&gt;" in svg


def test_measured_against_its_limit():
    assert 'class="over"' in charts.against(0.3, 0.1)
    assert 'class="under"' in charts.against(0.0, 0.0)
