"""The session's cookie: ours, unchanged, and not too old."""

from open_model_monitor.server.pages.sessions import PageSession, opened, sealed


def test_what_was_sealed_is_opened(keyring):
    session = PageSession.start("KEY")
    assert opened(sealed(session, keyring), keyring) == session
    assert session.sent_by_us(session.csrf)
    assert not session.sent_by_us("é")


def test_anything_else_is_no_session(keyring):
    text = sealed(PageSession.start(), keyring)
    for other in (None, "", "x", text[:-3] + "AAA", "x" * 5000, keyring.seal(b"[]")):
        assert opened(other, keyring) is None
