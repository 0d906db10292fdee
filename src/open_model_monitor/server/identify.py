"""Who calls: a verified signature, a trusted proxy, or anybody on loopback (`api.md` §17.1)."""

from __future__ import annotations

import hmac
import ipaddress
import threading
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta

from open_model_monitor.control.arns import partition_of
from open_model_monitor.control.keys import SCOPES, Keyring
from open_model_monitor.control.operating import LOOPBACK
from open_model_monitor.control.operations.registry import Caller
from open_model_monitor.errors import Denied, Refused, SettingsError
from open_model_monitor.server.messages import HttpRequest
from open_model_monitor.server.protocols import Route
from open_model_monitor.server.signatures import Credential, Verified, scope_of, verify
from open_model_monitor.settings import Settings

ALL_SCOPES = frozenset(SCOPES)
MAX_FAILURES, FAILURE_SPAN, MAX_PEERS = 30, timedelta(minutes=1), 10_000


def auth_mode(settings: Settings, keyring: Keyring) -> str:
    """Return how callers are identified.

    Raises SettingsError where a server would be open to others: without a key, without a named proxy.
    """
    loopback = settings.host in LOOPBACK
    mode = settings.auth
    if mode == "auto":
        mode = "none" if loopback else "keys"
    if mode == "none" and not loopback:
        raise SettingsError(
            f"auth=none is only for loopback, and host is {settings.host}; use keys, or a proxy in front"
        )
    if mode == "keys" and not loopback and not keyring.list():
        raise SettingsError(
            f"there is no key yet, and {settings.host} can be reached by others; make one: omm keys create LABEL"
        )
    if mode == "proxy" and not settings.auth_proxy_peers:
        raise SettingsError(
            "auth=proxy needs auth_proxy_peers, the addresses of the proxies that are trusted"
        )
    return mode


class Identify:
    """Turns a request into its caller; peers whose requests fail again and again are slowed down."""

    def __init__(
        self, settings: Settings, keyring: Keyring, mode: str, clock: Callable[[], datetime]
    ) -> None:
        self._settings, self._keyring, self.mode, self._clock = settings, keyring, mode, clock
        self._failures: OrderedDict[str, list[datetime]] = OrderedDict()
        self._guard = threading.Lock()

    def caller(
        self, request: HttpRequest, route: Route, request_id: str, payload_hash: str | None = None
    ) -> tuple[Caller, Verified | None]:
        """Return who calls, and what was verified of the signature (None where none is asked for).

        Raises Refused for what is not signed as it must be, Denied for a proxy that is not trusted.
        """
        given = {
            "request_id": request_id,
            "invocation_id": request.header("amz-sdk-invocation-id"),
            "peer": request.peer,
        }
        if self.mode == "none":
            self._check_browser(request)
            return self._of(self._region(request), "anonymous", given), None
        if self.mode == "proxy":
            principal = self._behind_proxy(request)
            return self._of(self._region(request), principal, given), None
        self._check_failures(request.peer)
        try:
            return self._signed(request, route, payload_hash, given)
        except Refused:
            self._failed(request.peer)
            raise

    def sign_in(self, access_key: str, secret: str, peer: str) -> bool:
        """Whether an access key and its secret, given by a person, are right.

        Raises Refused for a peer that gave wrong ones again and again.
        """
        self._check_failures(peer)
        known = self._keyring.find(access_key)
        right = known is not None and known[0].valid(self._clock())
        # Compared also where there is no such key, so that time does not tell.
        same = hmac.compare_digest(secret.encode(), (known[1] if known else "").encode())
        if right and same:
            return True
        self._failed(peer)
        return False

    def visitor(self, request: HttpRequest, access_key: str | None, request_id: str) -> Caller | None:
        """Return who looks at pages: the key of the session, whom the proxy names, anybody on loopback; None: nobody.

        Raises Denied for a proxy that is not trusted, and for a name that only leads here.
        """
        given = {"request_id": request_id, "invocation_id": None, "peer": request.peer}
        if self.mode == "none":
            self._check_name(request)
            return self._of(self._settings.region, "anonymous", given)
        if self.mode == "proxy":
            return self._of(self._settings.region, self._behind_proxy(request), given)
        known = self._keyring.find(access_key) if access_key else None
        if known is None or not known[0].valid(self._clock()):
            return None
        key = known[0]
        scopes = frozenset(key.scopes)
        return self._of(self._settings.region, key.access_key, given, key.account, scopes)

    def _signed(
        self, request: HttpRequest, route: Route, payload_hash: str | None, given: dict[str, str | None]
    ) -> tuple[Caller, Verified]:
        found = {}

        def credential(access_key: str) -> Credential | None:
            known = self._keyring.find(access_key)
            if known is None or not known[0].valid(self._clock()):
                return None
            found[access_key] = known[0]
            return Credential(access_key=access_key, secret=known[1])

        verified = verify(
            request,
            secret_of=credential,
            service=route.service if route.service != "runtime" else "sagemaker",
            now=self._clock(),
            max_skew=timedelta(seconds=self._settings.auth_max_skew_seconds),
            public_hosts=self._settings.auth_public_hosts,
            path_prefix=self._settings.path_prefix,
            payload_hash=payload_hash,
        )
        key = found[verified.access_key]
        caller = self._of(verified.region, key.access_key, given, key.account, frozenset(key.scopes))
        return caller, verified

    def _of(
        self,
        region: str,
        principal: str,
        given: dict[str, str | None],
        account: str | None = None,
        scopes: frozenset[str] = ALL_SCOPES,
    ) -> Caller:
        return Caller(
            account=account or self._settings.account,
            region=region,
            principal=principal,
            scopes=scopes,
            partition=partition_of(region),
            request_id=given["request_id"] or "",
            invocation_id=given["invocation_id"],
            peer=given["peer"],
        )

    def _region(self, request: HttpRequest) -> str:
        scope = scope_of(request)
        return scope.region if scope is not None and scope.region else self._settings.region

    def _check_browser(self, request: HttpRequest) -> None:
        """Refuse what a page of another site made a browser send to this machine, or to a name that leads here."""
        if request.header("sec-fetch-site") in ("cross-site", "same-site"):
            raise Denied("Requests from pages of other sites are refused")
        self._check_name(request)

    def _check_name(self, request: HttpRequest) -> None:
        host = (request.header("host") or "").rsplit(":", 1)[0].strip("[]").lower()
        if host and not _is_local(host) and host not in self._settings.auth_public_hosts:
            raise Denied(
                f"This server does not go by the name {host}; add it to auth_public_hosts if it shall"
            )

    def _behind_proxy(self, request: HttpRequest) -> str:
        if request.peer not in self._settings.auth_proxy_peers:
            raise Denied(f"{request.peer} is no trusted proxy (auth_proxy_peers)")
        principal = request.header(self._settings.auth_proxy_header)
        if not principal:
            raise Denied(f"The proxy named nobody in the header {self._settings.auth_proxy_header}")
        return principal[:128]

    def _check_failures(self, peer: str) -> None:
        since = self._clock() - FAILURE_SPAN
        with self._guard:
            moments = list(self._failures.get(peer, ()))
        recent = [moment for moment in moments if moment > since]
        if len(recent) >= MAX_FAILURES:
            raise Refused("Too many requests with wrong signatures; wait a minute", "ThrottlingException")

    def _failed(self, peer: str) -> None:
        with self._guard:
            moments = self._failures.setdefault(peer, [])
            moments.append(self._clock())
            del moments[:-MAX_FAILURES]
            self._failures.move_to_end(peer)
            while len(self._failures) > MAX_PEERS:
                self._failures.popitem(last=False)


def _is_local(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
