"""The first form of the journal. The models are frozen here: those of database.py move on."""

from typing import Any

from peewee import (
    CompositeKey,
    FloatField,
    ForeignKeyField,
    IntegerField,
    SqliteDatabase,
    TextField,
)


def up(_migrator: Any, db: SqliteDatabase) -> None:
    """Creates the tables."""

    class Question(db.Model):  # type: ignore[name-defined,misc]
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

    class Call(db.Model):  # type: ignore[name-defined,misc]
        question = ForeignKeyField(Question, primary_key=True, on_delete="CASCADE")
        at = IntegerField(index=True)
        state = TextField()
        department = TextField()
        note = TextField()
        caller = TextField()
        operator = TextField()

    class WorkOrder(db.Model):  # type: ignore[name-defined,misc]
        number = TextField(primary_key=True)
        call = ForeignKeyField(Call, unique=True, on_delete="CASCADE")
        closed = IntegerField(null=True)

    class Settled(db.Model):  # type: ignore[name-defined,misc]
        question = TextField()
        language = TextField()
        at = IntegerField()
        kind = TextField()
        document = TextField()
        clause = TextField()
        operator = TextField()

        class Meta:
            primary_key = CompositeKey("question", "language")

    db.create_tables([Question, Call, WorkOrder, Settled])
