"""Access keys that the operator makes: who they are, what they may do, until when.

A signature can only be checked with the secret in clear, so secrets are encrypted (Fernet), not hashed. The key for
that is the setting `secret_key`, or a file in the data folder that only its owner can read.
"""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken
from sqlalchemy import select

from open_model_monitor.control.store import Store
from open_model_monitor.control.tables import keys
from open_model_monitor.errors import SettingsError, UsageError
from open_model_monitor.settings import Settings

SCOPES = ("read", "write", "run")
SECRET_FILE = "secret.key"  # noqa: S105 — a name


@dataclass(frozen=True, slots=True)
class Key:
    """An access key, without its secret."""

    access_key: str
    label: str
    account: str
    scopes: tuple[str, ...]
    created: datetime
    expires: datetime | None
    revoked: datetime | None

    def valid(self, now: datetime) -> bool:
        """Whether requests signed with it are accepted."""
        return self.revoked is None and (self.expires is None or now < self.expires)


class Keyring:
    """The keys of an installation.

    Raises SettingsError if the file that encrypts them cannot be read or made.
    """

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store, self._fernet = store, Fernet(_encryption_key(settings))

    def create(
        self,
        label: str,
        *,
        account: str,
        scopes: Iterable[str] = SCOPES,
        now: datetime,
        expires: datetime | None = None,
        access_key: str | None = None,
        secret: str | None = None,
    ) -> tuple[Key, str]:
        """Make a key; returns it and its secret, which is never shown again.

        Raises UsageError for unknown scopes and for a key that exists.
        """
        scopes = tuple(scopes)
        if unknown := [scope for scope in scopes if scope not in SCOPES]:
            raise UsageError(f"there is no scope {unknown[0]!r}; known are {', '.join(SCOPES)}")
        # The form of AWS's: clients and scanners know it.
        access_key = access_key or "OMM" + base64.b32encode(secrets.token_bytes(11)).decode().rstrip("=")[:17]
        secret = secret or secrets.token_urlsafe(30)
        with self._store.begin() as transaction:
            made = transaction.insert(
                keys,
                access_key=access_key,
                secret=self._fernet.encrypt(secret.encode()),
                account=account,
                label=label,
                scopes=list(scopes),
                created=now,
                expires=expires,
            )
        if not made:
            raise UsageError(f"the key {access_key} exists already; revoke it, or choose another")
        return Key(access_key, label, account, scopes, now, expires, None), secret

    def list(self) -> list[Key]:
        """Return all keys, oldest first, also revoked ones."""
        with self._store.read() as transaction:
            return [_key(row) for row in transaction.all(select(keys).order_by(keys.c.created))]

    def revoke(self, access_key: str, now: datetime) -> None:
        """Refuse requests signed with a key from now on.

        Raises UsageError if there is no such key.
        """
        with self._store.begin() as transaction:
            if not transaction.update(keys, {"access_key": access_key}, revoked=now):
                raise UsageError(f"there is no key {access_key}; `omm keys list` shows those there are")

    def find(self, access_key: str) -> tuple[Key, str] | None:
        """Return a key and its secret, None if it is not known.

        Raises SettingsError if it was encrypted with another `secret_key`.
        """
        with self._store.read() as transaction:
            row = transaction.get(keys, access_key=access_key)
        if row is None:
            return None
        try:
            return _key(row), self._fernet.decrypt(row["secret"]).decode()
        except InvalidToken as error:
            raise SettingsError(
                f"the key {access_key} was stored under another secret_key; restore that, or make new keys"
            ) from error

    def seal(self, content: bytes) -> str:
        """Return a text that only this installation can read, and nobody change; such as a session's cookie."""
        return self._fernet.encrypt(content).decode()

    def unseal(self, text: str, *, seconds: int) -> bytes | None:
        """Return what was sealed, None if that was not us, or longer ago."""
        try:
            return self._fernet.decrypt(text.encode(), ttl=seconds)
        except InvalidToken:
            return None


def _key(row: dict[str, object]) -> Key:
    values = {name: row[name] for name in ("access_key", "label", "account", "created", "expires", "revoked")}
    return Key(**values, scopes=tuple(row["scopes"]))  # type: ignore[arg-type]


def _encryption_key(settings: Settings) -> bytes:
    text = settings.secret_key or _from_file(Path(settings.data) / SECRET_FILE)
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest())


def _from_file(path: Path) -> str:
    """Return the text of the file, made at first; of several processes that start at once, one makes it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}.{os.getpid()}")
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(32))
        try:
            os.link(partial, path)  # fails if another was faster: its text counts
        except FileExistsError:
            pass
        finally:
            partial.unlink()
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise SettingsError(
            f"cannot keep the key that encrypts access keys in {path}: {error}; "
            "make the folder writable, or set OMM_SECRET_KEY"
        ) from error
