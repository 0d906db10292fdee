"""Sessions of browsers: a sealed cookie that names the key somebody signed in with, and guards forms.

Nothing is kept here: any server of the installation reads the cookie, and a revoked key ends its sessions.
"""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass

import msgspec

from open_model_monitor.control.keys import Keyring

COOKIE = "omm_session"
SECONDS = 12 * 3600
MAX_COOKIE = 4096


@dataclass(frozen=True, slots=True)
class PageSession:
    """Who signed in (None: nobody had to, or nobody did yet) and what forms must bring back."""

    access_key: str | None
    csrf: str

    @classmethod
    def start(cls, access_key: str | None = None) -> PageSession:
        """Return a new session; also at sign-in, so that nobody can plant one."""
        return cls(access_key, secrets.token_urlsafe(24))

    def sent_by_us(self, given: str) -> bool:
        """Whether a form brought back what this session's pages hold."""
        return hmac.compare_digest(given.encode(), self.csrf.encode())


def sealed(session: PageSession, keyring: Keyring) -> str:
    """Return the cookie's value."""
    return keyring.seal(msgspec.json.encode(session))


def opened(text: str | None, keyring: Keyring) -> PageSession | None:
    """Return the session of a cookie, None if there is none that is ours and young enough."""
    content = keyring.unseal(text, seconds=SECONDS) if text and len(text) <= MAX_COOKIE else None
    try:
        return msgspec.json.decode(content, type=PageSession) if content else None
    except msgspec.DecodeError:
        return None
