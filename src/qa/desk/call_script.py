"""What a clerk reads to a caller: half a minute of quoted sentences between fixed phrases.

Nothing is written: a script consists of messages of the catalogue, filled in with names, and of
sentences of the clause or of its translation, whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from qa.messages import message
from qa.text import runs
from qa.types import Citation, Language, Outcome

SECONDS = 30.0
"""How long a caller listens to an answer."""

_PER_SECOND: dict[Language, float] = {"zh": 4.5, "en": 2.5, "ko": 5.0}
"""Speech on the telephone, unhurried: Chinese and Korean syllables, English words a second
(270 characters, 150 words, 300 syllables a minute)."""


@dataclass(frozen=True, slots=True)
class Line:
    """A part of a script: a fixed phrase, or a sentence quoted from the policy."""

    text: str
    kind: Literal["phrase", "quote"]
    language: Language


@dataclass(frozen=True, slots=True)
class CallScript:
    """What to say, and how long it takes, in seconds. ``left_out`` counts the settling sentences
    that half a minute has no room for."""

    lines: tuple[Line, ...]
    seconds: float
    left_out: int

    @property
    def text(self) -> str:
        """The script for the clipboard, one part a line."""
        return "\n".join(line.text for line in self.lines)


@dataclass(frozen=True, slots=True)
class HandOver:
    """The department that a call goes on to, named in the caller's language; ``others`` counts the
    further departments of the clause; ``telephone`` is empty where the directory has none."""

    name: str
    lead: bool
    others: int
    telephone: str = ""


def call_script(
    citation: Citation,
    language: Language,
    source: str,
    hand_over: HandOver | None,
    warning: str = "",
) -> CallScript:
    """The script for a clause in the caller's language.

    Args:
        citation: the clause with the sentences that settle the question, in its order.
        language: the caller's.
        source: what the policy and the clause are called in that language.
        hand_over: whom the call goes on to; None where the policy names nobody.
        warning: what to say first, such as that the policy is no longer in force.
    """
    opening = [_phrase(language, "script.opening", source=source)]
    if warning:
        opening.insert(0, Line(warning, "phrase", language))
    closing = _closing(hand_over, language)
    sentences = _sentences(citation, language)
    if sentences and sentences[0].language != language:
        opening.append(_phrase(language, "script.original_only"))
    room = SECONDS - seconds([*opening, *closing])
    said: list[Line] = []
    for sentence in sentences:
        if not said or seconds([*said, sentence]) <= room:
            said.append(sentence)
    lines = (*opening, *said, *closing)
    return CallScript(lines, seconds(lines), len(sentences) - len(said))


def refusal_script(language: Language, contacts: Sequence[str]) -> CallScript:
    """The script for a question that no clause answers."""
    names = ("、" if language == "zh" else ", ").join(contacts)
    lines = (_phrase(language, f"script.{Outcome.NO_CLAUSE}", contacts=names),)
    return CallScript(lines, seconds(lines), 0)


def seconds(lines: Sequence[Line]) -> float:
    """How long it takes to say ``lines``."""
    return sum(_units(line.text) / _PER_SECOND[line.language] for line in lines)


def _units(text: str) -> float:
    """Syllables of Han and Hangul, words of Latin letters; a number counts as two of them."""
    return sum(
        {"latin": 1.0, "number": 2.0}.get(script) or float(len(run))
        for script, run, _ in runs(text)
    )


def _sentences(citation: Citation, language: Language) -> list[Line]:
    """The settling sentences, translated where all of them are; the whole translation where it is
    not aligned; else as printed."""
    translation = citation.translation
    printed = citation.document.language
    if language == printed or not translation or translation.language != language:
        return [Line(quote.text, "quote", printed) for quote in citation.quotes]
    if all(quote.translation for quote in citation.quotes):
        return [Line(quote.translation, "quote", language) for quote in citation.quotes]
    return [Line(sentence, "quote", language) for sentence in translation.sentences]


def _closing(hand_over: HandOver | None, language: Language) -> list[Line]:
    if hand_over is None:
        return [_phrase(language, "script.nobody")]
    key = "script.lead" if hand_over.lead else "script.department"
    lines = [_phrase(language, key, department=hand_over.name)]
    if hand_over.others:
        lines.append(_phrase(language, "script.others", count=hand_over.others))
    if hand_over.telephone:
        lines.append(_phrase(language, "script.telephone", telephone=hand_over.telephone))
    return [*lines, _phrase(language, "script.hand_over")]


def _phrase(language: Language, key: str, **values: object) -> Line:
    return Line(message(language, key, **values), "phrase", language)
