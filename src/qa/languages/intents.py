"""What a language pack says about the ways of asking: patterns over the normal form of a question."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Intents:
    """The ways in which a language asks.

    Patterns are searched in the normal form (see ``qa.text.normalise``).

    Attributes:
        clause_reference: names a clause by number; its groups hold the numeral.
        departments: asks who is responsible.
        quantity: asks how much, how many or how long: for a number.
        duties: asks what a department does.
        continues: opens a question that leans on the one before.
        more: asks for the clause again, in full.
        small_talk: by key of the fixed reply (``messages/chat.json``), what is no question.
        generic: words that ask without saying what about; they carry no topic of their own.
    """

    clause_reference: re.Pattern[str]
    departments: re.Pattern[str]
    quantity: re.Pattern[str]
    duties: re.Pattern[str]
    continues: re.Pattern[str]
    more: re.Pattern[str]
    small_talk: Mapping[str, re.Pattern[str]]
    generic: re.Pattern[str]
