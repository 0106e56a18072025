"""Where numbers are printed that may open a unit of a document: the candidates of the outline."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache

from qa.languages.grammar import MarkerKind, Numbering
from qa.layout import FILLER

_LOOK_BACK = 40
_GAP = 2  # blanks, from which on they are the indent of a paragraph
_RESIDUE = frozenset(" \t\u3000\xa0\u200b\ufeff#*_-•●")
_STOPS = frozenset('。；;：:！!？?）)】]〕」”’"…>|.．')
_LEADERS = re.compile(
    r"[^\n。；]{0,60}?(?:…{2,}|⋯{2,}|[.．·•]{4,}|(?:\t|[ \u3000]{3,}+))"
    r"[ \t\u3000]{0,20}[0-9]{1,3}(?![0-9.．、）)%％年月日号时个家条项元万亿]|\t)"
)


class Anchor(IntEnum):
    """How plainly a number stands at a beginning."""

    GLUED = 0  # after a word, as in a text whose line breaks were lost
    STOP = 1  # after the end of a sentence or bracket
    LINE = 2  # at the beginning of a line


@dataclass(frozen=True, slots=True)
class Marker:
    """A printed number: ``text[start:end]``, without its punctuation ``number``.

    ``readings`` are what it may be, the likeliest first: ``(i)`` is a Roman one, or the letter
    after ``(h)``. ``sentence`` tells whether a whole sentence ends before it.
    """

    start: int
    end: int
    number: str
    anchor: Anchor
    sentence: bool
    readings: tuple[tuple[MarkerKind, int], ...]


def find(text: str, numbering: Numbering) -> list[Marker]:
    """All candidates in ``text``, in order, without those of a table of contents."""
    return list(_without_contents(text, numbering, _candidates(text, numbering)))


def is_contents_line(text: str, start: int) -> bool:
    """Whether the line at ``start`` runs out into leaders and the number of a page."""
    return bool(_LEADERS.match(text, start))


@lru_cache(maxsize=8)
def _pattern(numbering: Numbering) -> re.Pattern[str]:
    kinds = "|".join(f"(?P<{kind.name}>{kind.number})(?:{kind.tail})" for kind in numbering.kinds)
    return re.compile(f"(?=[{numbering.starts}])(?:{kinds})")  # the class is tried far faster


def _candidates(text: str, numbering: Numbering) -> Iterator[Marker]:
    kinds = {kind.name: kind for kind in numbering.kinds}
    for match in _pattern(numbering).finditer(text):
        kind = kinds[match.lastgroup or ""]
        anchor, sentence = _anchor(text, match.start())
        if _refers(text, match, kind, anchor):
            continue
        number = match.group(kind.name)
        readings = [(kind, kind.ordinal(number))]
        if kind.continues:
            other = kinds[kind.continues]
            readings.append((other, other.ordinal(number)))
        printed = number if number.isascii() else re.sub(rf"[\s{FILLER}]", "", number)
        yield Marker(match.start(), match.end(), printed, anchor, sentence, tuple(readings))


def _anchor(text: str, start: int) -> tuple[Anchor, bool]:
    for position in range(start - 1, max(-1, start - 1 - _LOOK_BACK), -1):
        char = text[position]
        if char == "\n":
            return Anchor.LINE, True
        if char not in _RESIDUE:
            if start - position > _GAP and text[position + 1 : start].isspace():
                return Anchor.STOP, True  # the indent of a paragraph whose line break was lost
            stop = char in _STOPS
            return (Anchor.STOP if stop else Anchor.GLUED), stop and char not in '；;：:”’"…'
    return (Anchor.LINE, True) if start <= _LOOK_BACK else (Anchor.GLUED, False)


def _refers(text: str, match: re.Match[str], kind: MarkerKind, anchor: Anchor) -> bool:
    """Whether the number is a part of the running sentence, such as a cross reference."""
    if anchor is Anchor.GLUED and not kind.glued:
        return True
    before = text[max(0, match.start() - 12) : match.start()].rstrip()
    if anchor is not Anchor.LINE and kind.not_after and kind.not_after.search(before):
        return True
    strict = anchor is not Anchor.LINE or kind.division
    return bool(strict and kind.not_before and kind.not_before.match(text, match.end()))


def _without_contents(
    text: str, numbering: Numbering, markers: Iterator[Marker]
) -> Iterator[Marker]:
    """Leave out the entries of a table of contents, which repeat the headings of the text."""
    kept = [marker for marker in markers if not is_contents_line(text, marker.end)]
    headings = [_heading(text, marker) for marker in kept]
    contents = numbering.contents.search(text)
    after = contents.end() if contents else 0
    first = next((i for i, marker in enumerate(kept) if marker.start >= after), 0)
    again = (i for i in range(first + 1, len(kept)) if headings[i] == headings[first])
    last = next(again, first)
    if not contents and not set(headings[first:last]) <= set(headings[last:]):
        last = first
    yield from (marker for i, marker in enumerate(kept) if not first <= i < last)


def _heading(text: str, marker: Marker) -> str:
    line = text[marker.start : marker.end + 60].split("\n", 1)[0]
    return re.sub(r"[\s0-9…．.·]+$", "", line)
