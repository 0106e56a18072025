"""A text → its terms in the channels of the lexical index, whatever languages it mixes.

Each script goes to its own language pack, so that a Chinese question with an English abbreviation
needs no special case. A term is written ``channel:form``:

    w:  a word      出口, insur, 보험        what the text says
    g:  a gram      出口, 口退, #ins, 보험   what survives typing errors and missing spaces
    s:  two sounds  chu·kou, kou·tui         what survives homophones (出口腿税)
    c:  a concept   c:12                     what survives translation (positions in the glossary)
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import pairwise

from qa.glossary import Glossary
from qa.languages.en import segment as english
from qa.languages.ko import segment as korean
from qa.languages.zh import segment as chinese
from qa.text import normalise, runs

CHANNELS = ("w", "g", "s", "c")


@dataclass(frozen=True, slots=True)
class Analysis:
    """The terms of a text with their counts, and its words as written (stemmed → surface)."""

    terms: Counter[str]
    surfaces: dict[str, str]

    def channel(self, channel: str) -> dict[str, int]:
        """The terms of one channel with their counts."""
        return {term: count for term, count in self.terms.items() if term.startswith(channel)}


def analyse(text: str, glossary: Glossary | None = None) -> Analysis:
    """All terms of ``text``; concepts only where a ``glossary`` is given."""
    terms: Counter[str] = Counter()
    surfaces: dict[str, str] = {}
    form = normalise(text)
    for script, run, _ in runs(form):
        for surface, word in _words(script, run):
            terms[f"w:{word}"] += 1
            surfaces.setdefault(f"w:{word}", surface)
        if script != "number":
            terms.update(f"g:{gram}" for gram in _grams(script, run))
        if script == "han":
            terms.update(f"s:{pair}" for pair in _pairs(chinese.sounds(run)))
    if glossary is not None:
        terms.update(f"c:{position}" for position in glossary.find(form))
    return Analysis(terms, surfaces)


def _words(script: str, run: str) -> list[tuple[str, str]]:
    if script == "han":
        return [(word, word) for word in chinese.words(run)]
    if script == "hangul":
        return [(word, word) for word in korean.words(run)]
    if script == "latin":
        return [(run, stem) for stem in english.words(run)]
    return [(run, run)]


def _grams(script: str, run: str) -> list[str]:
    """Character bigrams of Han and Hangul, trigrams of Latin words with their borders."""
    if script != "latin":
        return [run[i : i + 2] for i in range(len(run) - 1)] or [run]
    if run in english.STOP_WORDS:
        return []
    marked = f"#{run}#"
    return [marked[i : i + 3] for i in range(len(marked) - 2)]


def _pairs(sounds: list[str]) -> list[str]:
    return [f"{first}·{second}" for first, second in pairwise(sounds)]
