"""Settings and keys."""

import re


def test_settings_show_no_secret(visitor):
    text = visitor.get("/settings").text
    assert "(set)" in text
    assert ">test<" not in text
    assert {row["setting"] for row in visitor.get("/settings.json").json()} >= {"port", "database"}


def test_a_key_is_made_shown_once_used_and_revoked(visitor, keyring, browser):
    made = visitor.post("/keys/create", {"label": "ci", "scope-read": "1", "days": "30"})
    access_key, secret = re.findall(r"<dd><code>([^<]+)</code>", made.text)
    assert keyring.find(access_key)[1] == secret
    assert secret not in visitor.get("/keys").text
    other = browser("keys")
    assert other.sign_in(access_key, secret).status_code == 303
    assert visitor.post("/keys/revoke", {"access_key": access_key}).status_code == 303
    assert other.get("/monitors", follow_redirects=False).status_code == 303


def test_what_makes_no_key(visitor, keyring):
    for fields in ({"label": ""}, {"label": "x"}, {"label": "x", "scope-read": "1", "days": "x"}):
        assert visitor.post("/keys/create", fields).status_code == 400
    assert visitor.post("/keys/revoke", {"access_key": "none"}).status_code == 404
    assert keyring.list() == []
