"""The file of the journal: SQLite in WAL mode by peewee, brought up to date when it is opened.

peewee was chosen over SQLAlchemy with Alembic and over sqlite-utils for its import (0.04 s against
0.5 s and 0.3 s) and because its migrations are a part of it.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock
from peewee import (
    CompositeKey,
    DatabaseError,
    FloatField,
    ForeignKeyField,
    IntegerField,
    Model,
    SqliteDatabase,
    TextField,
)

_log = logging.getLogger(__name__)

_MIGRATIONS = Path(__file__).parent / "migrations"
_SCHEMA = 1
"""The number of the last migration."""

_DAMAGED = {11, 26}
"""SQLITE_CORRUPT and SQLITE_NOTADB: the file itself is at fault, not the disk or a lock."""

_PRAGMAS = {
    "journal_mode": "wal",
    "synchronous": "normal",  # what is committed survives the end of the process, however it ends
    "foreign_keys": 1,
    "secure_delete": 1,  # what is deleted is overwritten
}
_BUSY_SECONDS = 5


class Database:
    """An opened file, and its tables as models bound to it.

    ``asked``, ``at`` and ``closed`` are milliseconds since 1970 in UTC; ``departments`` is a JSON
    list.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.file = SqliteDatabase(str(path), pragmas=_PRAGMAS, timeout=_BUSY_SECONDS)
        # Any: the fields of a peewee model are columns in a query and values in a row.
        tables: dict[str, Any] = _models(self.file)
        self.question, self.call = tables["question"], tables["call"]
        self.work_order, self.settled = tables["work_order"], tables["settled"]

    def prepare(self, thorough: bool = False) -> None:
        """Creates the folder and brings the tables up to date. A file that is no database any
        more is set aside, never deleted; under a lock, for another process may have done so just
        now. A ``thorough`` look finds damage to indexes, too.

        Raises:
            OSError, peewee.DatabaseError: neither is possible.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with FileLock(self.path.with_name(f"{self.path.name}.lock")):
            try:
                self._migrate("integrity_check" if thorough else "quick_check")
            except DatabaseError as error:
                if not is_damaged(error):
                    raise
                set_aside(self.path)
                self._migrate("quick_check")
        self.path.chmod(0o600)

    def _migrate(self, check: str) -> None:
        with self.file.connection_context():
            # A file that is damaged further in must be found before it is written to.
            found = self.file.pragma(check, 1)
            if found != "ok":
                raise _Damaged(found)
            if self.file.user_version < _SCHEMA:
                from playhouse.migrations import Runner

                Runner(self.file, str(_MIGRATIONS)).up()
                self.file.user_version = _SCHEMA


class _Damaged(DatabaseError):
    """The check found what is no error of a statement yet."""


def is_damaged(error: DatabaseError) -> bool:
    """Whether an error says that the file is no intact database."""
    cause = error.__context__  # peewee raises its own in the place of that of sqlite3
    code = getattr(cause, "sqlite_errorcode", 0) & 0xFF
    return isinstance(error, _Damaged) or code in _DAMAGED


def set_aside(path: Path) -> None:
    """Renames a damaged file, with what SQLite keeps beside it, so that a new one can begin."""
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
    aside = path.with_name(f"{path.stem}.damaged-{stamp}{path.suffix}")
    for ending in ("-wal", "-shm", ""):
        beside = path.with_name(path.name + ending)
        if beside.exists():
            beside.rename(aside.with_name(aside.name + ending))
    _log.error("%s is damaged: it was kept as %s, and a new journal begins", path, aside.name)


def _models(database: SqliteDatabase) -> dict[str, Any]:
    """The tables by name, bound to a database: a process may have several journals open."""

    class Question(Model):
        id = TextField(primary_key=True)
        asked = IntegerField(index=True)
        face = TextField()
        session = TextField()
        language = TextField()
        question = TextField()
        outcome = TextField()
        document = TextField()
        clause = TextField()
        title = TextField()
        probability = FloatField()
        departments = TextField()
        milliseconds = FloatField()
        thumb = TextField(default="")
        reason = TextField(default="")
        comment = TextField(default="")

    class Call(Model):
        question = ForeignKeyField(Question, primary_key=True, on_delete="CASCADE")
        at = IntegerField(index=True)
        state = TextField()
        department = TextField()
        note = TextField()
        caller = TextField()
        operator = TextField()

    class WorkOrder(Model):
        number = TextField(primary_key=True)
        call = ForeignKeyField(Call, unique=True, on_delete="CASCADE")
        closed = IntegerField(null=True)

    class Settled(Model):
        question = TextField()
        language = TextField()
        at = IntegerField()
        kind = TextField()
        document = TextField()
        clause = TextField()
        operator = TextField()

        class Meta:
            primary_key = CompositeKey("question", "language")

    database.bind([Question, Call, WorkOrder, Settled])
    return {"question": Question, "call": Call, "work_order": WorkOrder, "settled": Settled}
