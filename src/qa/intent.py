"""What kind of question this is, before anything is searched."""

from __future__ import annotations

import re
from dataclasses import dataclass

from qa.languages.en.intents import INTENTS as ENGLISH
from qa.languages.intents import Intents
from qa.languages.ko.intents import INTENTS as KOREAN
from qa.languages.zh.intents import INTENTS as CHINESE
from qa.numbers import clause_number
from qa.text import normalise, runs
from qa.types import Language

LONGEST_QUESTION = 2000
"""Characters; nobody asks more in one question, and a pasted document is none."""

_INTENTS: dict[Language, Intents] = {"zh": CHINESE, "en": ENGLISH, "ko": KOREAN}
_REPEATED = re.compile(r"^\W*(\w)\1{3,}\W*$")
_JAMO = re.compile(r"^[\W\d_\u3130-\u318f\u1100-\u11ff]+$")
_KEYBOARD_ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_VOWEL = re.compile(r"[aeiouy]")


@dataclass(frozen=True, slots=True)
class Intent:
    """How a question asks.

    Attributes:
        invalid: key of the reply to what is no question at all, or empty.
        small_talk: key of the reply to what is talk and no question, or empty.
        clause: number of the clause that is named, 0 where none is.
        departments: the asker wants to know who is responsible.
        quantity: the asker wants a number.
        duties: the asker wants to know what a department does.
        continues: the question leans on the one before.
        more: the asker wants the clause before in full.
        topic: what is left of the question without the words that only ask.
    """

    invalid: str = ""
    small_talk: str = ""
    clause: int = 0
    departments: bool = False
    quantity: bool = False
    duties: bool = False
    continues: bool = False
    more: bool = False
    topic: str = ""


def read_intent(question: str, language: Language) -> Intent:
    """The intent of a question asked in ``language``."""
    form = " ".join(normalise(question).split())
    if invalid := _invalid(form):
        return Intent(invalid=invalid)
    intents = _INTENTS[language]
    # Instructions and greetings come in any language, whatever the rest is written in.
    for pack in (intents, *(other for other in _INTENTS.values() if other is not intents)):
        for key, pattern in pack.small_talk.items():
            if pattern.search(form):
                return Intent(small_talk=key)
    return Intent(
        clause=_clause_number(form),
        departments=bool(intents.departments.search(form)),
        quantity=bool(intents.quantity.search(form)),
        duties=bool(intents.duties.search(form)),
        continues=bool(intents.continues.search(form)),
        more=bool(intents.more.search(form)),
        topic=" ".join(run for _, run, _ in runs(intents.generic.sub(" ", form))),
    )


def _invalid(form: str) -> str:
    if len(form) > LONGEST_QUESTION:
        return "too_long"
    letters = [run for script, run, _ in runs(form) if script != "number"]
    if not letters:
        return "empty"
    if _REPEATED.match(form) or _JAMO.match(form):
        return "gibberish"
    latin = [run for script, run, _ in runs(form) if script == "latin"]
    if latin == letters and all(_mashed(word) for word in latin):
        return "gibberish"
    return ""


def _mashed(word: str) -> bool:
    """Whether a Latin word is what hands on a keyboard give: no vowel in five, or along one row."""
    if len(word) < 4:
        return False
    if len(word) > 4 and not _VOWEL.search(word):
        return True
    return any(word[:4] in row or word[-4:] in row for row in _KEYBOARD_ROWS) and not _syllabic(
        word
    )


def _syllabic(word: str) -> bool:
    """Whether vowels and consonants take turns as in words: property, rewire, treasure."""
    return bool(re.fullmatch(r"(?:[^aeiouy]{0,3}[aeiouy]{1,3}[^aeiouy]{0,3})+", word)) and len(
        set(word)
    ) < len(word)


def _clause_number(form: str) -> int:
    for intents in _INTENTS.values():
        match = intents.clause_reference.search(form)
        numeral = next((group for group in match.groups() if group), "") if match else ""
        if number := clause_number(numeral):
            return number
    return 0
