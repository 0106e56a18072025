"""A text → its terms in the channels of the lexical index, whatever languages it mixes.

Each script goes to its own language pack, so that a Chinese question with an English abbreviation
needs no special case. A term is written ``channel:form``:

    w:  a word      出口, insur, 보험        what the text says
    g:  a gram      出口, 口退, #ins, 보험   what survives typing errors and missing spaces
    s:  two sounds  chu·kou, kou·tui         what survives homophones (出口腿税)
    c:  a concept   c:12                     what survives translation (positions in the glossary)
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise

from qa.glossary import Glossary
from qa.languages.en import segment as english
from qa.languages.ko import segment as korean
from qa.languages.zh import segment as chinese
from qa.text import normalise, runs

CHANNELS = ("w", "g", "s", "c")

_PHRASES = re.compile(r"(?<=[。!?;])")
"""What no name of the glossary reaches across (a line break it may: texts have hard wraps)."""

_REMEMBERED = 50_000
"""Stretches of text that an analyser keeps: those of a long law, some 20 MB."""


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
    return Analyser(glossary).analyse(text)


class Analyser:
    """Analyses many texts that share sentences: each stretch is looked at once.

    A clause is analysed by its sentences, as a whole and within its document.
    """

    def __init__(self, glossary: Glossary | None = None) -> None:
        self._glossary = glossary
        self._runs: dict[tuple[str, str], list[tuple[str, str]]] = {}
        self._phrases: dict[str, list[int]] = {}

    def analyse(self, text: str) -> Analysis:
        """All terms of ``text``; concepts only where there is a glossary."""
        terms: Counter[str] = Counter()
        surfaces: dict[str, str] = {}
        form = normalise(text)
        for script, run, _ in runs(form):
            for term, surface in self._terms(script, run):
                terms[term] += 1
                if surface:
                    surfaces.setdefault(term, surface)
        if self._glossary is not None:
            for phrase in _PHRASES.split(form):
                terms.update(f"c:{position}" for position in self._concepts(phrase, self._glossary))
        return Analysis(terms, surfaces)

    def _terms(self, script: str, run: str) -> list[tuple[str, str]]:
        """The terms of a run in order, words with their surface."""
        found = self._runs.get((script, run))
        if found is None:
            if len(self._runs) >= _REMEMBERED:
                self._runs.clear()
            found = [(f"w:{word}", surface) for surface, word in _words(script, run)]
            if script != "number":
                found += [(f"g:{gram}", "") for gram in _grams(script, run)]
            if script == "han":
                found += [(f"s:{pair}", "") for pair in _pairs(chinese.sounds(run))]
            self._runs[script, run] = found
        return found

    def _concepts(self, phrase: str, glossary: Glossary) -> list[int]:
        found = self._phrases.get(phrase)
        if found is None:
            if len(self._phrases) >= _REMEMBERED:
                self._phrases.clear()
            found = self._phrases[phrase] = glossary.find(phrase)
        return found


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
