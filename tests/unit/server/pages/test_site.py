"""Headers, sessions, forms, errors: what holds of every page."""

import re

import pytest

from support.pages import violation


def test_a_browser_at_the_root_is_sent_to_the_pages_and_a_client_is_not(visitor):
    sent = visitor.client.get("/", headers={"accept": "text/html"}, follow_redirects=False)
    assert (sent.status_code, sent.headers["location"]) == (303, "/ui/")
    assert visitor.client.get("/", headers={"accept": "*/*"}).status_code != 303


def test_the_policy_lets_nothing_in(visitor):
    policies = [visitor.get("/monitors").headers["content-security-policy"] for _ in range(2)]
    assert policies[0] != policies[1]  # a nonce is used once
    assert "default-src 'none'" in policies[0]
    assert "unsafe" not in policies[0]
    assert "frame-ancestors 'none'" in policies[0]


def test_answers_that_are_no_pages_run_nothing(visitor):
    assert visitor.client.get("/anything/at-all").headers["content-security-policy"] == "sandbox"


def test_the_session_cookie_is_out_of_reach(visitor):
    cookie = visitor.get("/monitors").headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "samesite=lax" in cookie.lower()
    assert "Path=/ui" in cookie


@pytest.mark.parametrize(
    ("csrf", "headers"),
    [
        ("", {}),
        ("wrong", {}),
        (None, {"sec-fetch-site": "cross-site"}),
        (None, {"sec-fetch-site": "same-site"}),
    ],
)
def test_a_form_that_is_not_ours_changes_nothing(visitor, world, csrf, headers):
    world.monitor()
    refused = visitor.post("/monitors/churn/run", csrf=csrf, headers=headers)
    assert refused.status_code == 403
    assert visitor.get("/monitors/churn.json").json()["executions"] == []


def test_a_form_of_ours_does(visitor, world):
    world.monitor()
    done = visitor.post("/monitors/churn/run")
    assert (done.status_code, done.headers["location"]) == (303, "/ui/monitors/churn?done=triggered")
    assert len(visitor.get("/monitors/churn.json").json()["executions"]) == 1


def test_a_form_that_is_too_large(visitor):
    assert visitor.post("/keys/create", {"label": "x" * (300 << 10)}).status_code == 400


def test_a_name_that_only_leads_here_is_refused(visitor):
    assert visitor.get("/monitors", headers={"host": "evil.example"}).status_code == 403


def test_a_link_from_elsewhere_may_be_followed(visitor):
    assert visitor.get("/monitors", headers={"sec-fetch-site": "cross-site"}).status_code == 200


def test_what_is_not_there(visitor):
    for path in (
        "/monitors/none",
        "/executions/none",
        "/monitors/none.json",
        "/static/.hidden",
        "/static/none.js",
    ):
        assert visitor.get(path).status_code == 404, path
    assert visitor.get("/keys.json").status_code == 404  # has no twin


HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{7*7}}"


def test_hostile_names_are_shown_as_they_are(visitor, world):
    from support.pages import statistics, texts

    world.monitor()
    summary = {
        "features": {HOSTILE: {"drift": {"distance": 0.3, "threshold": 0.1, "method": HOSTILE}}},
        "notices": [{"feature": HOSTILE, "text": HOSTILE}],
        "warnings": [HOSTILE],
        "counts": {HOSTILE: 1},
    }
    feature = texts(HOSTILE, {HOSTILE: 3})
    output = world.documents(
        "out",
        run_summary=summary,
        statistics=statistics(feature),
        constraint_violations={"violations": [violation(HOSTILE, HOSTILE, HOSTILE)]},
    )
    made = world.execution(output=output, failure=HOSTILE, status="CompletedWithViolations")
    pages = [
        f"/executions/{made}",
        "/monitors/churn",
        "/monitors",
        "/monitors/churn/trends",
        f"/monitors?q={HOSTILE}",
    ]
    for path in pages:
        text = visitor.get(path).text
        assert "<script>alert" not in text, path
        assert "<img src=x" not in text, path
    piece = visitor.get(f"/executions/{made}/feature", params={"name": HOSTILE})
    assert piece.status_code == 200
    assert "<script>" not in piece.text
    assert "<img" not in piece.text


# ------------------------------------------------------------ signing in


@pytest.fixture
def keyed(browser, keyring, clock):
    key, secret = keyring.create("ops", account="000000000000", now=clock.now)
    return browser("keys"), key.access_key, secret


def test_who_is_not_signed_in_is_asked_to(keyed):
    browser, *_ = keyed
    sent = browser.get("/alerts?start=50", follow_redirects=False)
    assert sent.headers["location"] == "/ui/sign-in?next=%2Fui%2Falerts%3Fstart%3D50"
    assert browser.get("/alerts.json").status_code == 401


def test_signing_in_and_out(keyed):
    browser, access_key, secret = keyed
    done = browser.sign_in(access_key, secret, next="/ui/alerts?start=50")
    assert (done.status_code, done.headers["location"]) == (303, "/ui/alerts?start=50")
    assert browser.get("/alerts", follow_redirects=False).status_code == 200
    assert secret not in browser.client.cookies["omm_session"]
    browser.post("/sign-out")
    assert browser.get("/alerts", follow_redirects=False).status_code == 303


def test_a_session_is_new_after_signing_in(keyed):
    browser, access_key, secret = keyed
    before = browser.csrf("/sign-in")
    browser.sign_in(access_key, secret)
    assert browser.csrf() != before


@pytest.mark.parametrize(
    "there", ["https://evil.example/", "//evil.example", "/ui//evil", "/bucket/key", "/ui/\\evil"]
)
def test_signing_in_leads_to_our_pages_only(keyed, there):
    browser, access_key, secret = keyed
    location = browser.sign_in(access_key, secret, next=there).headers["location"]
    assert location.startswith("/ui/")
    assert "evil" not in location.removeprefix("/ui//evil")


def test_a_wrong_secret_and_too_many_of_them(keyed):
    browser, access_key, _ = keyed
    assert browser.sign_in(access_key, "wrong").status_code == 403
    for _ in range(40):
        last = browser.sign_in("nobody", "")
    assert "Too many requests" in last.text


def test_a_revoked_key_ends_its_sessions(keyed, keyring, clock):
    browser, access_key, secret = keyed
    browser.sign_in(access_key, secret)
    keyring.revoke(access_key, clock.now)
    assert browser.get("/alerts", follow_redirects=False).status_code == 303


def test_scopes_are_respected(browser, keyring, clock, world):
    world.monitor()
    key, secret = keyring.create("reader", account="000000000000", scopes=["read"], now=clock.now)
    reader = browser("keys")
    reader.sign_in(key.access_key, secret)
    assert reader.get("/monitors/churn").status_code == 200
    assert "Run now" not in reader.get("/monitors/churn").text
    assert reader.post("/monitors/churn/run").status_code == 403
    assert reader.get("/keys").status_code == 403
    assert reader.post("/playground/try", {"script": "x", "records": "{}"}).status_code == 403


def test_another_account_sees_nothing_of_ours(browser, keyring, clock, world):
    world.monitor()
    key, secret = keyring.create("other", account="111111111111", now=clock.now)
    other = browser("keys")
    other.sign_in(key.access_key, secret)
    assert other.get("/monitors.json").json() == []
    assert other.get("/monitors/churn").status_code == 404
    assert other.post("/monitors/churn/run").status_code == 404


def test_a_proxy_signs_people_in(browser, world):
    world.monitor("churn")
    visitor = browser("proxy", auth_proxy_peers=("testclient",))
    ada = {"x-forwarded-user": "ada"}
    shown = visitor.get("/monitors", headers=ada).text
    assert "Signed in as ada" in shown
    assert "churn" in shown
    assert visitor.get("/monitors").status_code == 403  # it named nobody
    csrf = re.search(r'data-csrf="([^"]*)"', shown)[1]
    done = visitor.post("/monitors/churn/stop", csrf=csrf, headers=ada)
    assert done.headers["location"].endswith("done=stopped")


def test_who_is_no_proxy_cannot_name_anybody(browser):
    visitor = browser("proxy", auth_proxy_peers=("10.0.0.9",))
    assert visitor.get("/monitors", headers={"x-forwarded-user": "ada"}).status_code == 403
