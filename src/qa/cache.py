"""What builds have worked out, kept for the next: bytes by key, in one SQLite file.

Each value has a head, which is read without it: what a build needs to know of every document.

Nothing depends on it but time: a value that is damaged is not there, a file that is no database is
begun anew, and where none can be kept the build works without. Each value is stored with its
checksum, as SQLite checks its structure and not the contents.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from types import TracebackType

import xxhash

_COMMIT_SECONDS = 2.0
"""What a killed build loses at most."""

_TABLE = """CREATE TABLE IF NOT EXISTS kept
(key BLOB PRIMARY KEY, head BLOB NOT NULL, value BLOB NOT NULL)"""
_FULL = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)


class Cache:
    """Bytes by key, which survive the process; used as a context manager."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._database = self._open()
        self._committed = time.monotonic()

    def __enter__(self) -> Cache:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with suppress(sqlite3.Error):
            self._database.commit()
        self._database.close()

    def head(self, key: bytes) -> bytes | None:
        """The head of the value of ``key``; None where there is none such."""
        return self._read("SELECT head FROM kept WHERE key = ?", key)

    def get(self, key: bytes) -> bytes | None:
        """The value of ``key``; None where there is none, or not any more what was stored."""
        return self._read("SELECT value FROM kept WHERE key = ?", key)

    def _read(self, query: str, key: bytes) -> bytes | None:
        try:
            row = self._database.execute(query, (key,)).fetchone()
        except sqlite3.DatabaseError:
            self._begin_anew()
            return None
        if row is None or not isinstance(row[0], bytes):
            return None
        check, data = row[0][:8], row[0][8:]
        return data if check == xxhash.xxh3_64_digest(data) else None

    def put(self, key: bytes, value: bytes, head: bytes = b"") -> None:
        """Stores a value; it is on the disk some seconds later.

        Raises:
            OSError: the disk is full.
        """
        try:
            self._database.execute(
                "INSERT OR REPLACE INTO kept VALUES (?, ?, ?)",
                (key, _checked(head), _checked(value)),
            )
            if time.monotonic() - self._committed > _COMMIT_SECONDS:
                self.commit()
        except sqlite3.DatabaseError as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF in _FULL:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error
            self._begin_anew()

    def commit(self) -> None:
        """What was put is on the disk."""
        self._database.commit()
        self._committed = time.monotonic()

    def keep_only(self, keys: Iterable[bytes]) -> None:
        """Forgets all values but those of ``keys``."""
        with suppress(sqlite3.DatabaseError):
            self.commit()
            self._database.execute("CREATE TEMP TABLE used (key BLOB PRIMARY KEY)")
            self._database.executemany(
                "INSERT OR IGNORE INTO used VALUES (?)", ((key,) for key in keys)
            )
            self._database.execute("DELETE FROM kept WHERE key NOT IN (SELECT key FROM used)")
            self._database.execute("DROP TABLE used")
            self.commit()

    def _open(self) -> sqlite3.Connection:
        for _ in range(2):
            try:
                return _connect(str(self._path))
            except sqlite3.DatabaseError:
                self._remove()
        return _connect("")  # a temporary one: the folder takes no database

    def _begin_anew(self) -> None:
        self._database.close()
        self._remove()
        self._database = self._open()

    def _remove(self) -> None:
        for ending in ("", "-wal", "-shm"):
            with suppress(OSError):
                self._path.with_name(self._path.name + ending).unlink()


def _checked(data: bytes) -> bytes:
    return xxhash.xxh3_64_digest(data) + data


def _connect(path: str) -> sqlite3.Connection:
    database = sqlite3.connect(path)
    try:
        database.execute("PRAGMA auto_vacuum = FULL")
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("PRAGMA synchronous = NORMAL")
        database.execute(_TABLE)
        database.commit()
    except sqlite3.DatabaseError:
        database.close()
        raise
    return database
