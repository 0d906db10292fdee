"""Pages over a store, asked without a socket; storage on this machine's disk."""

import dataclasses
import re

import pytest
from starlette.testclient import TestClient

from open_model_monitor.control.service import Service
from open_model_monitor.server.app import App, Standins
from open_model_monitor.server.exposition import Exposition
from open_model_monitor.server.identify import Identify
from open_model_monitor.server.pages.addresses import ADDRESSES
from open_model_monitor.server.pages.desk import Desk
from open_model_monitor.server.pages.site import Site
from open_model_monitor.settings import CaptureLocation, Settings
from support.pages import World


@pytest.fixture
def settings(tmp_path):
    locations = (CaptureLocation("*", f"file://{tmp_path}/captures"),)
    return Settings(data=str(tmp_path), secret_key="test", capture_locations=locations)


@pytest.fixture
def desk(store, settings, keyring, clock):
    return Desk(Service(store, settings, clock), keyring)


@pytest.fixture
def browser(desk, settings, keyring, clock, store):
    """Return a function that opens a browser at pages that identify visitors in a mode."""

    def browser(mode="none", **changes):
        identify = Identify(dataclasses.replace(settings, **changes), keyring, mode, clock)
        site = Site(desk, identify, ADDRESSES)
        app = App(
            desk.service,
            identify,
            Standins({}),
            Exposition(store, clock),
            pages=site.routes,
            home=f"{site.root}/",
        )
        return Browser(TestClient(app.asgi, base_url="http://127.0.0.1"))

    return browser


@pytest.fixture
def visitor(browser):
    return browser()


@pytest.fixture
def world(desk, clock, tmp_path):
    """Return what lays monitors, executions and their documents."""
    return World(desk.service, clock, tmp_path)


class Browser:
    """A client that sends forms with what their page holds."""

    def __init__(self, client):
        self.client = client

    def get(self, path, **more):
        return self.client.get(f"/ui{path}", **more)

    def csrf(self, path="/monitors"):
        return re.search(r'data-csrf="([^"]*)"', self.get(path).text)[1]

    def post(self, path, fields=(), csrf=None, **more):
        sent = {"csrf": self.csrf() if csrf is None else csrf, **dict(fields)}
        return self.client.post(f"/ui{path}", data=sent, **{"follow_redirects": False, **more})

    def sign_in(self, access_key, secret, **more):
        fields = {"access_key": access_key, "secret": secret, **more}
        return self.post("/sign-in", fields, csrf=self.csrf("/sign-in"))
