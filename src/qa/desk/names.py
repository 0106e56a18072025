"""Names found as they are typed: by their beginnings, their parts, their sounds, and with slips."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray
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
_RUN = {True: 3, False: 1}
"""Characters of the runs that a name shares with what was typed, before it is compared for slips."""
_MOST_COMPARED = 200_000
"""Names that are compared for slips."""
_MOST_KEPT = 200
"""Names of each way to fit, of which the best owners are taken."""

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
        self._forms = _Joined([spelling(name) for _, name in names])
        self._runs = {latin: _Runs(self._forms, size) for latin, size in _RUN.items()}
        sounds = [(place, sound(name)) for place, (_, name) in enumerate(names)]
        with_sound = [(place, each) for place, each in sounds if each.letters]
        self._sounding_places = np.array([place for place, _ in with_sound], np.int64)
        self._letters = _Joined([each.letters for _, each in with_sound])
        self._initials = _Joined([each.initials for _, each in with_sound])
        self._borders = np.zeros(len(self._letters.text) + 1, bool)
        for start, (_, each) in zip(self._letters.starts.tolist(), with_sound, strict=True):
            self._borders[[start + border for border in each.borders]] = True

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

    def _keep(self, best: dict[int, Found], places: Iterable[tuple[int, float]]) -> None:
        for place, score in places:
            owner, name = self._names[place]
            if owner not in best or score > best[owner].score:
                best[owner] = Found(owner, name, score)

    def _spelt(self, typed: str) -> list[tuple[int, float]]:
        places, offsets = self._forms.find(typed)
        places, first = np.unique(places, return_index=True)
        share = len(typed) / self._forms.lengths[places]
        grades = np.where(offsets[first] == 0, _BEGINS, _CONTAINS) + _SHARE * share
        return _best(places, np.where(share == 1, _EXACT, grades))

    def _sounding(self, text: str) -> list[tuple[int, float]]:
        """Names by full pinyin or initials; Han characters in what was typed are sounds, too, so
        that a wrong character of the right sound does no harm."""
        typed = _letters(text)
        if len(typed) < _LEAST_SOUND:
            return []
        places, offsets = self._letters.find(typed)
        at_border = self._borders[self._letters.starts[places] + offsets]
        places, first = np.unique(places[at_border], return_index=True)
        share = len(typed) / self._letters.lengths[places]
        begins = offsets[at_border][first] == 0
        grades = np.where(begins, _SOUNDS_BEGIN, _SOUNDS_CONTAIN) + _SHARE * share
        full = _best(self._sounding_places[places], np.where(share == 1, _SOUNDS_EXACT, grades))
        if not typed.isascii() or typed != spelling(text):
            return full
        initials, offsets = self._initials.find(typed)
        initials, first = np.unique(initials, return_index=True)
        share = len(typed) / self._initials.lengths[initials]
        begins = offsets[first] == 0
        grades = np.where(begins, _SOUNDS_BEGIN, _SOUNDS_CONTAIN) + _SHARE * share
        other = ~np.isin(initials, places)
        return [*full, *_best(self._sounding_places[initials[other]], grades[other])]

    def _alike(self, typed: str) -> Iterator[tuple[int, float]]:
        """Names with other letters in a few places; long ones are compared in part."""
        latin = typed.isascii()
        if len(typed) < _LEAST_TYPED[latin] or len(self._forms) > _MOST_COMPARED:
            return
        sharing = self._runs[latin].sharing(typed, _LEAST_ALIKE[latin] / 100)
        candidates = {place: self._forms[place] for place in sharing}
        for scorer in (fuzz.QRatio, fuzz.partial_ratio):
            if scorer is fuzz.partial_ratio and len(typed) < _LEAST_TYPED[latin] + 1:
                return
            for form, ratio, place in process.extract(
                typed, candidates, scorer=scorer, score_cutoff=_LEAST_ALIKE[latin], limit=20
            ):
                if len(form) >= len(typed) - 2:  # a short name is part of anything
                    yield place, _ALIKE * ratio / 100


class _Joined:
    """Many short texts as one, in which they are all looked through at once."""

    def __init__(self, forms: Sequence[str]) -> None:
        self.text = "\n".join(forms)
        self.lengths = np.array([len(form) for form in forms], np.int64)
        self.starts = np.cumsum(self.lengths + 1) - self.lengths - 1

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, place: int) -> str:
        start = int(self.starts[place])
        return self.text[start : start + int(self.lengths[place])]

    def find(self, part: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Where a part stands: the places of the texts, in order, and the offsets in them."""
        at, found = self.text.find(part), []
        while at >= 0:
            found.append(at)
            at = self.text.find(part, at + 1)
        positions = np.array(found, np.int64)
        places = np.searchsorted(self.starts, positions, "right") - 1
        return places, positions - self.starts[places]


class _Runs:
    """The runs of ``size`` characters of many texts, each with the texts that have it."""

    def __init__(self, texts: _Joined, size: int) -> None:
        self._size, self._count = size, len(texts)
        runs = _runs_of(texts.text, size)
        order = np.argsort(runs, kind="stable")
        self._runs = runs[order]
        self._places = np.searchsorted(texts.starts, order, "right") - 1

    def sharing(self, typed: str, alike: float) -> list[int]:
        """The places of the texts that share as many runs with ``typed`` as they must to be
        ``alike`` (a share of the characters): each character that differs changes ``size`` runs, and
        one more where two have changed places."""
        wanted = np.unique(_runs_of(typed, self._size))
        first, last = (np.searchsorted(self._runs, wanted, side) for side in ("left", "right"))
        shared = np.zeros(self._count, np.int64)
        for start, end in zip(first.tolist(), last.tolist(), strict=True):
            shared[np.unique(self._places[start:end])] += 1
        differing = len(typed) - math.ceil(alike * (len(typed) - 1))
        least = max(1, len(wanted) - differing * (self._size + 1))
        return np.flatnonzero(shared >= least).tolist()


def _runs_of(text: str, size: int) -> NDArray[np.uint64]:
    """Each run of ``size`` characters, at most three, as a number (a character has 21 bits)."""
    codes = np.frombuffer(text.encode("utf-32-le", "surrogatepass"), np.uint32).astype(np.uint64)
    count = max(0, len(codes) - size + 1)
    runs = np.zeros(count, np.uint64)
    for place in range(size):
        runs = (runs << np.uint64(21)) | codes[place : place + count]
    return runs


def _best(places: NDArray[np.int64], scores: NDArray[np.float64]) -> list[tuple[int, float]]:
    order = np.argsort(-scores, kind="stable")[:_MOST_KEPT]
    return list(zip(places[order].tolist(), scores[order].tolist(), strict=True))


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
