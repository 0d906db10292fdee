"""Access keys: encrypted, found, revoked."""

import os
import stat
from datetime import UTC, datetime, timedelta

import pytest

from open_model_monitor.control.keys import Keyring
from open_model_monitor.control.migrating import open_store
from open_model_monitor.control.tables import keys
from open_model_monitor.errors import SettingsError, UsageError
from open_model_monitor.settings import Settings

NOW = datetime(2026, 1, 31, 10, tzinfo=UTC)
ACCOUNT = "000000000000"


@pytest.fixture
def settings(tmp_path):
    return Settings(data=str(tmp_path / "data"))


@pytest.fixture
def store(settings):
    store = open_store(settings)
    yield store
    store.close()


def test_a_key_comes_back_with_its_secret_and_is_not_stored_in_clear(store, settings):
    key, secret = Keyring(store, settings).create("me", account=ACCOUNT, scopes=["read"], now=NOW)
    found, found_secret = Keyring(store, settings).find(key.access_key)  # another process would
    assert (found, found_secret) == (key, secret)
    with store.read() as transaction:
        assert secret.encode() not in transaction.get(keys, access_key=key.access_key)["secret"]


def test_the_file_that_encrypts_is_private(store, settings):
    Keyring(store, settings)
    path = os.path.join(settings.data, "secret.key")
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600


def test_a_revoked_and_an_expired_key_are_not_valid(store, settings):
    ring = Keyring(store, settings)
    forever, _ = ring.create("a", account=ACCOUNT, now=NOW)
    short, _ = ring.create("b", account=ACCOUNT, now=NOW, expires=NOW + timedelta(days=1))
    ring.revoke(forever.access_key, NOW)
    later = NOW + timedelta(days=1)
    assert [key.valid(later) for key in ring.list()] == [False, False]
    assert short.valid(later - timedelta(seconds=1))


def test_what_is_not_known(store, settings):
    ring = Keyring(store, settings)
    assert ring.find("nobody") is None
    with pytest.raises(UsageError, match="no key nobody"):
        ring.revoke("nobody", NOW)
    with pytest.raises(UsageError, match="no scope 'admin'"):
        ring.create("x", account=ACCOUNT, scopes=["admin"], now=NOW)


def test_another_secret_key_is_noticed(store, settings):
    key, _ = Keyring(store, settings).create("a", account=ACCOUNT, now=NOW)
    other = Keyring(store, Settings(data=settings.data, secret_key="another"))
    with pytest.raises(SettingsError, match="another secret_key"):
        other.find(key.access_key)
