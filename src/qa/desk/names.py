"""Names found as they are typed: by their beginnings, their parts, their sounds, and with slips."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate

from rapidfuzz import fuzz, process

from qa.languages.zh import segment as chinese
from qa.text import normalise, runs

_EXACT, _BEGINS, _CONTAINS = 1.0, 0.9, 0.8
_SOUNDS_EXACT, _SOUNDS_BEGIN, _SOUNDS_CONTAIN = 0.86, 0.72, 0.62
_ALIKE = 0.7
"""Scores; up to ``_SHARE`` is added for the share of the name that is typed already, so that of two
names that begin alike the shorter comes first."""
_SHARE = 0.08

_LEAST_ALIKE = {True: 82, False: 72}
"""Of 100 (normalised indel similarity, ``rapidfuzz.fuzz``), for Latin letters and for others."""
_LEAST_TYPED = {True: 5, False: 3}
"""Characters from which slips are looked for: two of three letters are in many words."""
_LEAST_SOUND = 2
"""Letters from which a beginning is compared with sounds."""
_MOST_COMPARED = 40_000
"""Names that are compared for slips one by one, within 10 ms."""

_SPACE = re.compile(r"[\s'’·]+")


@dataclass(frozen=True, slots=True)
class Found:
    """A name that fits what was typed: whose it is, the name, and how well it fits, in [0, 1]."""

    owner: int
    name: str
    score: float


@dataclass(frozen=True, slots=True)
class _Sound:
    """The pinyin of a name: letters, the offsets at which syllables begin, and the initials."""

    letters: str
    borders: frozenset[int]
    initials: str


class Names:
    """The names of things, several of which may have one owner (a number of the caller's own)."""

    def __init__(self, names: Sequence[tuple[int, str]]) -> None:
        self._names = names
        self._forms = [spelling(name) for _, name in names]
        sounds = ((place, sound(name)) for place, (_, name) in enumerate(names))
        self._sounds = [(place, each) for place, each in sounds if each.letters]

    def search(self, text: str, limit: int) -> list[Found]:
        """The owners whose names fit best, best first, each once with its best name."""
        typed = spelling(text)
        if not typed:
            return []
        best: dict[int, Found] = {}
        self._keep(best, self._spelt(typed))
        self._keep(best, self._sounding(text))
        if len(best) < limit:
            self._keep(best, self._alike(typed))
        return sorted(best.values(), key=lambda found: (-found.score, len(found.name), found.name))[
            :limit
        ]

    def _keep(self, best: dict[int, Found], places: Iterator[tuple[int, float]]) -> None:
        for place, score in places:
            owner, name = self._names[place]
            if owner not in best or score > best[owner].score:
                best[owner] = Found(owner, name, score)

    def _spelt(self, typed: str) -> Iterator[tuple[int, float]]:
        for place, form in enumerate(self._forms):
            if typed in form:
                grade = _BEGINS if form.startswith(typed) else _CONTAINS
                yield place, _EXACT if typed == form else grade + _SHARE * len(typed) / len(form)

    def _sounding(self, text: str) -> Iterator[tuple[int, float]]:
        """Names by full pinyin or initials; Han characters in what was typed are sounds, too, so
        that a wrong character of the right sound does no harm."""
        typed = _letters(text)
        if len(typed) < _LEAST_SOUND:
            return
        only_letters = typed.isascii() and typed == spelling(text)
        for place, each in self._sounds:
            if typed in each.letters and (at := _at_border(each, typed)) >= 0:
                grade = _SOUNDS_CONTAIN if at else _SOUNDS_BEGIN
                share = len(typed) / len(each.letters)
                yield place, _SOUNDS_EXACT if share == 1 else grade + _SHARE * share
            elif only_letters and typed in each.initials:
                grade = _SOUNDS_BEGIN if each.initials.startswith(typed) else _SOUNDS_CONTAIN
                yield place, grade + _SHARE * len(typed) / len(each.initials)

    def _alike(self, typed: str) -> Iterator[tuple[int, float]]:
        """Names with other letters in a few places; long ones are compared in part."""
        latin = typed.isascii()
        if len(typed) < _LEAST_TYPED[latin] or len(self._forms) > _MOST_COMPARED:
            return
        for scorer in (fuzz.QRatio, fuzz.partial_ratio):
            if scorer is fuzz.partial_ratio and len(typed) < _LEAST_TYPED[latin] + 1:
                return
            for form, ratio, place in process.extract(
                typed, self._forms, scorer=scorer, score_cutoff=_LEAST_ALIKE[latin], limit=20
            ):
                if len(form) >= len(typed) - 2:  # a short name is part of anything
                    yield place, _ALIKE * ratio / 100


def spelling(text: str) -> str:
    """A name as it is compared: normal form without spaces and apostrophes."""
    return _SPACE.sub("", normalise(text))


@lru_cache(maxsize=100_000)
def sound(name: str) -> _Sound:
    """The pinyin of a name that has Han characters; Latin letters and digits stand for themselves."""
    parts: list[str] = []
    han = False
    for script, run, _ in runs(normalise(name)):
        if script == "han":
            han = True
            parts += chinese.sounds(run)
        elif script in ("latin", "number"):
            parts.append(run)
    if not han:
        return _Sound("", frozenset(), "")
    borders = frozenset(accumulate((len(part) for part in parts), initial=0))
    return _Sound("".join(parts), borders, "".join(part[:1] for part in parts))


def _letters(text: str) -> str:
    """What was typed as pinyin, without the spaces and apostrophes that separate syllables."""
    return "".join(
        "".join(chinese.sounds(run)) if script == "han" else _SPACE.sub("", run)
        for script, run, _ in runs(normalise(text))
        if script != "hangul"
    )


def _at_border(each: _Sound, typed: str) -> int:
    """Where ``typed`` stands in the letters from the beginning of a syllable on; -1 nowhere."""
    at = each.letters.find(typed)
    while at >= 0 and at not in each.borders:
        at = each.letters.find(typed, at + 1)
    return at
