"""Sessions that were ended before their time, in a file that all processes share.

A cookie says itself whose session it is and how old; what it cannot say is that its owner has logged
out. That is looked up here, so that a log-out in one worker holds in all of them.
"""

from __future__ import annotations

import logging
import time
from pathlib import Path
from threading import Lock
from typing import Any

_log = logging.getLogger(__name__)

_KEPT_SECONDS = 90 * 24 * 3600
"""Far longer than a session lasts: a clock that is set back must not bring one back to life."""


class EndedSessions:
    """The numbers of ended sessions.

    Where the file cannot be used, those that this process ended are known all the same.

    Args:
        path: the file; it is made with the first log-out.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._ended_here: set[str] = set()
        self._table: Any = None
        self._opening = Lock()

    def add(self, number: str) -> None:
        """Notes that a session has ended."""
        from peewee import DatabaseError

        self._ended_here.add(number)
        try:
            table = self._opened()
            table.insert(number=number, at=int(time.time())).on_conflict_ignore().execute()
            table.delete().where(table.at < int(time.time()) - _KEPT_SECONDS).execute()
        except (DatabaseError, OSError) as error:
            _log.error("%s: a log-out holds in this process only: %s", self._path, error)

    def __contains__(self, number: str) -> bool:
        from peewee import DatabaseError

        if number in self._ended_here:
            return True
        if not self._path.exists():
            return False
        try:
            table = self._opened()
            return bool(table.select().where(table.number == number).exists())
        except (DatabaseError, OSError) as error:
            _log.error("%s: log-outs elsewhere are not known: %s", self._path, error)
            return False

    def _opened(self) -> Any:
        """The table, whose fields are columns in a query and values in a row."""
        from peewee import IntegerField, Model, SqliteDatabase, TextField

        with self._opening:
            if self._table is None:
                self._path.touch(mode=0o600)
                file = SqliteDatabase(str(self._path), pragmas={"journal_mode": "wal"}, timeout=2)

                class Ended(Model):
                    number = TextField(primary_key=True)
                    at = IntegerField()

                    class Meta:
                        database = file

                file.create_tables([Ended])
                self._table = Ended
            return self._table
