"""The list of monitors."""


def test_none_yet_leads_to_the_playground(visitor):
    text = visitor.get("/monitors").text
    assert "No monitor yet" in text
    assert 'href="/ui/playground"' in text


def test_monitors_with_their_strip(visitor, world):
    world.monitor("churn")
    made = world.execution("churn", status="CompletedWithViolations", violations=3, output="/nowhere")
    text = visitor.get("/").text
    assert f'/ui/executions/{made}"' in text
    assert "Violations, 3" in text
    [told] = visitor.get("/monitors.json").json()
    assert (told["name"], told["status"], told["last"]["status"]) == (
        "churn",
        "Scheduled",
        "CompletedWithViolations",
    )


def test_a_search_that_fits_nothing_and_starts_that_make_no_sense(visitor, world):
    world.monitor("churn")
    assert "No monitor fits" in visitor.get("/monitors?q=other").text
    for start in ("-1", "x", "9" * 30, "²"):
        assert visitor.get(f"/monitors?start={start}").status_code == 200


def test_times_in_the_visitors_zone(visitor, world):
    world.monitor("churn")
    visitor.client.cookies.set("omm_zone", "Asia/Tokyo")
    assert ">2026-01-31 20:00</time>" in visitor.get("/monitors").text  # the next tick, 11:00 in UTC
    visitor.client.cookies.set("omm_zone", "../../etc/passwd")
    assert ">2026-01-31 11:00</time>" in visitor.get("/monitors").text
