"""API keys: for programs that ask, as passwords are for people.

A key is 256 random bits, so that a plain SHA-256 of it is stored: nobody can try out 2^256 keys,
and a slow hash, which protects short passwords, would only cost each request its time. The first
part of a key is its public number; by that it is looked up, and the digests are then compared in
constant time.
https://cheatsheetseries.owasp.org/cheatsheets/REST_Security_Cheat_Sheet.html
"""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import sha256
from hmac import compare_digest
from pathlib import Path
from threading import Lock

from qa.access import write_private
from qa.errors import AccessError

_PREFIX = "qa"
_NOBODY = sha256(b"").hexdigest()
_LONGEST = 200
_ABSENT = (0, 0)


class Scope(StrEnum):
    """What a key opens."""

    ASK = "ask"
    METRICS = "metrics"


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as it is kept.

    ``digest`` is the SHA-256 of the whole key in hexadecimal, ``created`` an ISO date and time,
    ``expires`` seconds since 1970 (0: never), ``rate`` its own limit (empty: that of the settings).
    """

    number: str
    name: str
    digest: str
    scopes: tuple[Scope, ...]
    created: str
    expires: float = 0.0
    rate: str = ""


def new_key(
    name: str, scopes: tuple[Scope, ...], days: int = 0, rate: str = ""
) -> tuple[str, ApiKey]:
    """A key, which is shown once, and what is kept of it."""
    number = secrets.token_hex(4)
    key = f"{_PREFIX}_{number}_{secrets.token_urlsafe(32)}"
    expires = time.time() + days * 86400 if days else 0.0
    created = datetime.now(UTC).isoformat(timespec="seconds")
    return key, ApiKey(number, name, _digest(key), scopes, created, expires, rate)


def _digest(key: str) -> str:
    return sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def read_keys(path: Path) -> dict[str, ApiKey]:
    """The keys of a file by their numbers; none where there is no file.

    Raises:
        AccessError: it cannot be read, or is no such file.
    """
    try:
        records = json.loads(path.read_text(encoding="utf-8"))["keys"]
        keys = [
            ApiKey(
                number=str(record["number"]),
                name=str(record["name"]),
                digest=str(record["digest"]),
                scopes=tuple(Scope(scope) for scope in record["scopes"]),
                created=str(record["created"]),
                expires=float(record["expires"]),
                rate=str(record.get("rate", "")),
            )
            for record in records
        ]
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise AccessError(
            path,
            f"is not a file of API keys ({type(error).__name__})",
            "restore it from a backup, or remove it and make keys with: python -m qa key add NAME",
        ) from error
    return {key.number: key for key in keys}


def write_keys(path: Path, keys: Mapping[str, ApiKey]) -> None:
    """Replaces the file of keys in one step; only its owner can read it.

    Raises:
        AccessError: it cannot be written.
    """
    records = [asdict(key) for key in sorted(keys.values(), key=lambda key: key.created)]
    write_private(path, json.dumps({"keys": records}, ensure_ascii=False, indent=1) + "\n")


class KeyRing:
    """The keys that are valid now; their file is read again when it changes.

    Raises:
        AccessError: the file is not one of keys.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = Lock()
        self._stamp = self._stamped()
        self._keys = read_keys(path)

    @property
    def configured(self) -> bool:
        """Whether there is a key, so that whoever has none is refused."""
        return bool(self._current())

    def find(self, key: str) -> ApiKey | None:
        """What is kept of a key; None where there is no such key, or it has expired."""
        if len(key) > _LONGEST:
            return None
        number = key.split("_")[1] if key.count("_") >= 2 else ""
        kept = self._current().get(number)
        same = compare_digest(kept.digest if kept else _NOBODY, _digest(key))
        if kept is None or not same or (kept.expires and kept.expires <= time.time()):
            return None
        return kept

    def _current(self) -> Mapping[str, ApiKey]:
        """The keys, read again after a change. A file that went away or cannot be read changes
        nothing: it must neither open the door nor shut it."""
        stamp = self._stamped()
        if stamp != self._stamp:
            with self._lock, suppress(AccessError):
                if stamp != _ABSENT:
                    self._keys = read_keys(self._path)
            self._stamp = stamp
        return self._keys

    def _stamped(self) -> tuple[int, int]:
        try:
            status = self._path.stat()
        except OSError:
            return _ABSENT
        return status.st_mtime_ns, status.st_ino
