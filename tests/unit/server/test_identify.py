"""Who calls, in each mode."""

import dataclasses
from datetime import timedelta

import botocore.auth
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from open_model_monitor.control.keys import Keyring
from open_model_monitor.errors import Denied, Refused, SettingsError
from open_model_monitor.server.identify import MAX_FAILURES, Identify, auth_mode
from open_model_monitor.server.messages import HttpRequest
from open_model_monitor.server.protocols import Route

ROUTE = Route("sagemaker", "json", "ListModels")


@pytest.fixture
def key(keyring, clock):
    return keyring.create("me", account="123456789012", scopes=["read"], now=clock())


def signed(access_key, secret, clock, monkeypatch, body=b"{}"):
    if not hasattr(botocore.auth, "get_current_datetime"):
        pytest.skip("this botocore's clock cannot be held")
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: clock.now.replace(tzinfo=None))
    headers = {
        "X-Amz-Target": "SageMaker.ListModels",
        "Content-Type": "application/x-amz-json-1.1",
        "Host": "h",
    }
    request = AWSRequest("POST", "http://h/", headers=headers, data=body)
    SigV4Auth(Credentials(access_key, secret), "sagemaker", "eu-west-1").add_auth(request)
    lines = tuple((name.lower(), value) for name, value in request.headers.items())
    return HttpRequest("POST", "/", "", lines, body, "10.0.0.1")


def test_a_key_is_its_account_region_and_scopes(settings, keyring, key, clock, monkeypatch):
    known, secret = key
    identify = Identify(settings, keyring, "keys", clock)
    caller, verified = identify.caller(signed(known.access_key, secret, clock, monkeypatch), ROUTE, "id")
    assert (caller.account, caller.region, caller.principal) == (
        "123456789012",
        "eu-west-1",
        known.access_key,
    )
    assert caller.scopes == {"read"}
    assert verified is not None


def test_keys_that_are_not_valid(settings, keyring, clock, monkeypatch):
    identify = Identify(settings, keyring, "keys", clock)
    short, secret = keyring.create("a", account="0" * 12, now=clock(), expires=clock() + timedelta(hours=1))
    request = signed(short.access_key, secret, clock, monkeypatch)
    identify.caller(request, ROUTE, "id")
    clock.forward(hours=1)
    with pytest.raises(Refused) as caught:
        identify.caller(signed(short.access_key, secret, clock, monkeypatch), ROUTE, "id")
    assert caught.value.code == "UnrecognizedClientException"


def test_who_fails_again_and_again_has_to_wait(settings, keyring, key, clock, monkeypatch):
    known, secret = key
    identify = Identify(settings, keyring, "keys", clock)
    for _ in range(MAX_FAILURES):
        with pytest.raises(Refused, match="secret key"):
            identify.caller(signed(known.access_key, "wrong", clock, monkeypatch), ROUTE, "id")
    with pytest.raises(Refused) as caught:
        identify.caller(signed(known.access_key, secret, clock, monkeypatch), ROUTE, "id")
    assert caught.value.code == "ThrottlingException"
    other = dataclasses.replace(signed(known.access_key, secret, clock, monkeypatch), peer="10.0.0.2")
    identify.caller(other, ROUTE, "id")
    clock.forward(minutes=1, seconds=1)
    identify.caller(signed(known.access_key, secret, clock, monkeypatch), ROUTE, "id")


def test_a_proxy_names_the_principal(settings, keyring, clock):
    trusting = dataclasses.replace(settings, auth_proxy_peers=("10.0.0.9",))
    identify = Identify(trusting, keyring, "proxy", clock)
    request = HttpRequest("POST", "/", "", (("x-forwarded-user", "ada"),), b"", "10.0.0.9")
    assert identify.caller(request, ROUTE, "id")[0].principal == "ada"
    with pytest.raises(Denied, match="no trusted proxy"):
        identify.caller(dataclasses.replace(request, peer="10.0.0.1"), ROUTE, "id")
    with pytest.raises(Denied, match="named nobody"):
        identify.caller(dataclasses.replace(request, headers=()), ROUTE, "id")


@pytest.mark.parametrize(
    ("changes", "mode"),
    [
        ({}, "none"),
        ({"auth": "keys"}, "keys"),
        ({"auth": "proxy", "auth_proxy_peers": ("10.0.0.9",)}, "proxy"),
    ],
)
def test_modes(settings, keyring, changes, mode):
    assert auth_mode(dataclasses.replace(settings, **changes), keyring) == mode


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"host": "0.0.0.0"}, "there is no key yet"),
        ({"host": "0.0.0.0", "auth": "keys"}, "there is no key yet"),
        ({"host": "10.0.0.1", "auth": "none"}, "only for loopback"),
        ({"auth": "proxy"}, "auth_proxy_peers"),
    ],
)
def test_a_server_that_would_be_open_does_not_start(settings, store, changes, said):
    with pytest.raises(SettingsError, match=said):
        auth_mode(dataclasses.replace(settings, **changes), Keyring(store, settings))


def test_with_a_key_it_starts(settings, keyring, key):
    assert auth_mode(dataclasses.replace(settings, host="0.0.0.0"), keyring) == "keys"
