"""What a clerk reads to a caller: half a minute of quoted sentences between fixed phrases.

Nothing is written: a script consists of messages of the catalogue, filled in with names, and of
sentences of the clause or of its translation, whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Literal

from qa.messages import message
from qa.text import runs
from qa.types import Citation, Language, Outcome

SECONDS = 30.0
"""How long a caller listens to an answer."""

_PER_SECOND: dict[Language, float] = {"zh": 130 / 30, "en": 75 / 30, "ko": 110 / 30}
"""Speech on the telephone, unhurried: Chinese and Korean syllables, English words a second."""


@dataclass(frozen=True, slots=True)
class Line:
    """A part of a script: a fixed phrase, or a sentence quoted from the policy."""

    text: str
    kind: Literal["phrase", "quote"]
    language: Language


@dataclass(frozen=True, slots=True)
class CallScript:
    """What to say, and how long it takes, in seconds: about. ``left_out`` counts the settling
    sentences that half a minute has no room for."""

    lines: tuple[Line, ...]
    seconds: float
    left_out: int

    @property
    def text(self) -> str:
        """The script for the clipboard, one part a line."""
        return "\n".join(line.text for line in self.lines)

    @property
    def too_long(self) -> bool:
        """Whether it takes more than half a minute: one sentence does, and none is cut."""
        return self.seconds > SECONDS


@dataclass(frozen=True, slots=True)
class Source:
    """What the policy and its clause are called in the caller's language, and the clause alone."""

    full: str
    clause: str


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
    source: Source,
    hand_over: HandOver | None,
    warning: str = "",
    best: int | None = None,
) -> CallScript:
    """The script for a clause in the caller's language: the fullest that half a minute has room for.
    First the phrases around the sentences are made brief, then only the best sentence is quoted.

    Args:
        citation: the clause with the sentences that settle the question, in its order.
        language: the caller's.
        source: what is quoted.
        hand_over: whom the call goes on to; None where the policy names nobody.
        warning: what to say first, such as that the policy is no longer in force.
        best: where the sentence begins that settles the question best; that of the first one, where
            it is not given.
    """
    selections = _selections(citation, language, best)
    for sentences, brief in product(selections, (False, True)):
        lines = (
            *_opening(source, sentences, language, warning, brief),
            *sentences,
            *_closing(hand_over, language, brief),
        )
        script = CallScript(lines, seconds(lines), len(selections[0]) - len(sentences))
        if not script.too_long:
            break
    return script


def refusal_script(language: Language, contacts: Sequence[str]) -> CallScript:
    """The script for a question that no clause answers."""
    names = ("、" if language == "zh" else ", ").join(contacts)
    lines = (_phrase(language, f"script.{Outcome.NO_CLAUSE}", contacts=names),)
    return CallScript(lines, seconds(lines), 0)


def seconds(lines: Sequence[Line]) -> float:
    """How long it takes to say ``lines``."""
    return sum(_units(line) / _PER_SECOND[line.language] for line in lines)


def _units(line: Line) -> float:
    """Syllables of Han and Hangul, words of Latin letters; a number is read by its digits in Chinese
    and Korean, and as two words in English."""
    return sum(_spoken(script, run, line.language) for script, run, _ in runs(line.text))


def _spoken(script: str, run: str, language: Language) -> float:
    if script == "number":
        return 2.0 if language == "en" else len(run)
    return 1.0 if script == "latin" else len(run)


def _selections(citation: Citation, language: Language, best: int | None) -> list[list[Line]]:
    """What may be quoted, the most first: the settling sentences, then the best of them; translated
    where all of them are. Of a translation that is not aligned, as much from its beginning on."""
    translation = citation.translation
    printed = citation.document.language
    quotes = citation.quotes
    chosen = [quote for quote in quotes if quote.start == best] or [*quotes[:1]]
    if language == printed or not translation or translation.language != language:
        return [[Line(q.text, "quote", printed) for q in some] for some in (quotes, chosen)]
    if all(quote.translation for quote in quotes):
        return [[Line(q.translation, "quote", language) for q in some] for some in (quotes, chosen)]
    whole = [Line(sentence, "quote", language) for sentence in translation.sentences]
    return [whole[:count] for count in range(len(whole), 0, -1)] or [[]]


def _opening(
    source: Source, sentences: Sequence[Line], language: Language, warning: str, brief: bool
) -> list[Line]:
    lines = [Line(warning, "phrase", language)] if warning else []
    key = "script.opening.brief" if brief else "script.opening"
    lines.append(_phrase(language, key, source=source.clause if brief else source.full))
    if sentences and sentences[0].language != language:
        lines.append(_phrase(language, "script.original_only"))
    return lines


def _closing(hand_over: HandOver | None, language: Language, brief: bool) -> list[Line]:
    if hand_over is None:
        return [_phrase(language, "script.nobody")]
    if brief:
        return [_phrase(language, "script.hand_over.brief", department=hand_over.name)]
    key = "script.lead" if hand_over.lead else "script.department"
    lines = [_phrase(language, key, department=hand_over.name)]
    if hand_over.others:
        lines.append(_phrase(language, "script.others", count=hand_over.others))
    if hand_over.telephone:
        lines.append(_phrase(language, "script.telephone", telephone=hand_over.telephone))
    return [*lines, _phrase(language, "script.hand_over")]


def _phrase(language: Language, key: str, **values: object) -> Line:
    return Line(message(language, key, **values), "phrase", language)
