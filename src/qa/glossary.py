"""Concepts of the domain and their names in three languages, found in any text.

The glossary lets a Korean 수출신용보험, an English "export credit insurance" and a Chinese
出口信保 meet in one concept. Departments are concepts of the same kind.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from pathlib import Path

import ahocorasick

from qa.languages.en import segment as english
from qa.languages.zh import segment as chinese
from qa.readers.text import read_table
from qa.text import normalise, runs
from qa.types import LANGUAGES, Language

_SPACES = re.compile(" +")
COLUMNS = ("zh", "en", "ko", "zh_aliases", "en_aliases", "ko_aliases")


@dataclass(frozen=True, slots=True)
class Term:
    """A concept: its name in each language, and the other names that people give it; of a
    department its telephone, too, where the directory has one."""

    zh: str
    en: str
    ko: str
    aliases: tuple[tuple[Language, str], ...] = ()
    telephone: str = ""

    def name(self, language: Language) -> str:
        """The preferred name in ``language``."""
        return {"zh": self.zh, "en": self.en, "ko": self.ko}[language]

    def names(self) -> Iterator[tuple[Language, str]]:
        """Every name with its language, preferred names first; empty names are left out."""
        for language in LANGUAGES:
            if self.name(language):
                yield language, self.name(language)
        yield from self.aliases


def read_terms(path: Path) -> tuple[Term, ...]:
    """The terms of a CSV file with the columns ``COLUMNS``; aliases are separated by ``|``.

    Raises:
        CorpusError: the file is no CSV, or lacks the column ``zh``; names the line.
    """
    return tuple(term for _, row in read_table(path, COLUMNS, ("zh",)) if (term := _term(row)))


def _term(cell: Mapping[str, str]) -> Term | None:
    if not cell["zh"]:
        return None
    aliases = tuple(
        (language, alias.strip())
        for language in LANGUAGES
        for alias in cell[f"{language}_aliases"].split("|")
        if alias.strip()
    )
    return Term(cell["zh"], cell["en"], cell["ko"], aliases, cell.get("telephone", ""))


@cache
def builtin_terms() -> tuple[Term, ...]:
    """The glossary that the product ships: trade, customs, tax, finance, work, government."""
    return _shipped("glossary")


@cache
def places() -> tuple[Term, ...]:
    """Provinces, cities and well-known districts of China: a policy holds in its place only."""
    return _shipped("glossary/places")


@cache
def places_around() -> dict[str, frozenset[str]]:
    """For each place (its Chinese name): itself, the places that hold it and those that it holds."""
    path = Path(str(files("qa") / "glossary/places/places.csv"))
    with path.open(encoding="utf-8-sig", newline="") as file:
        within = {row["zh"]: row["within"] for row in csv.DictReader(file)}
    around = {place: {place} for place in within}
    for place, holder in within.items():
        while holder in around:
            around[place].add(holder)
            around[holder].add(place)
            holder = within[holder]
    return {place: frozenset(others) for place, others in around.items()}


def _shipped(folder: str) -> tuple[Term, ...]:
    paths = sorted(Path(str(files("qa") / folder)).glob("*.csv"))
    return merge(term for path in paths for term in read_terms(path))


def merge(terms: Iterable[Term]) -> tuple[Term, ...]:
    """Terms with one Chinese name made one: the first keeps its names, the others add theirs."""
    merged: dict[str, Term] = {}
    for term in terms:
        first = merged.get(term.zh)
        if first is not None:
            others = tuple(name for name in term.names() if name not in set(first.names()))
            telephone = first.telephone or term.telephone
            term = replace(first, aliases=(*first.aliases, *others), telephone=telephone)
        merged[term.zh] = term
    return tuple(merged.values())


_MOST_NAMED = 10_000


class Glossary:
    """Finds the terms of a glossary in texts (Aho & Corasick 1975, by pyahocorasick)."""

    def __init__(self, terms: Iterable[Term]) -> None:
        self.terms = tuple(terms)
        self._automaton = ahocorasick.Automaton()
        for position, term in enumerate(self.terms):
            for _, name in term.names():
                key = _form(name)
                if len(key.strip(" |")) > 1 and not _worn_down(name, key):
                    _, positions = self._automaton.get(key, (key, ()))
                    self._automaton.add_word(key, (key, (*positions, position)))
        self._automaton.make_automaton()
        self._named: dict[str, tuple[Term, ...]] = {}

    def named(self, name: str) -> tuple[Term, ...]:
        """The terms one of whose names is just this; quick where it has been asked before."""
        named = self._named.get(name)
        if named is None:
            found = (self.terms[position] for position in self.find(name))
            exact = (term for term in found if any(each == name for _, each in term.names()))
            named = tuple(exact)
            if len(self._named) < _MOST_NAMED:
                self._named[name] = named
        return named

    def find(self, text: str) -> list[int]:
        """Positions in ``terms`` of the terms that ``text`` names, in its order, repetitions kept.

        Of overlapping names the longest counts: 出口信用保险 is not also 信用保险. A name that
        two terms share gives both.
        """
        if not len(self._automaton):
            return []
        form = _form(text)
        matches = list(self._matches(form))
        if not matches:
            return []
        borders = _borders(form, matches)
        taken: list[tuple[int, int, tuple[int, ...]]] = []
        covered = bytearray(len(form))
        for start, end, positions in sorted(matches, key=_longest_first):
            free = not any(covered[start:end])
            if free and start in borders and end in borders:
                taken.append((start, end, positions))
                covered[start:end] = b"\1" * (end - start)
        return [
            position for _, _, positions in sorted(taken) for position in dict.fromkeys(positions)
        ]

    def _matches(self, form: str) -> Iterator[tuple[int, int, tuple[int, ...]]]:
        for last, (key, positions) in self._automaton.iter(form):
            start = last + 1 - len(key)
            # The spaces around a Latin name are shared with its neighbours.
            yield start + key.startswith(" "), last + 1 - key.endswith(" "), positions


def _worn_down(name: str, key: str) -> bool:
    """Whether an English name of several words lost all but one as stop words: it would match
    anything ("doing business" → "busi")."""
    return name.isascii() and " " in name.strip() and " " not in key.strip()


def _longest_first(match: tuple[int, int, tuple[int, ...]]) -> tuple[int, int]:
    start, end, _ = match
    return start - end, start


def _borders(form: str, matches: Iterable[tuple[int, int, tuple[int, ...]]]) -> set[int]:
    """Offsets at which a name may begin or end: not inside a Chinese word (相关税收 has no 关税).

    Only where there are ``matches`` the text is cut into words, which takes the most time.
    """
    borders = set(range(len(form) + 1))
    touched = bytearray(len(form))
    for start, end, _ in matches:
        touched[start:end] = b"\1" * (end - start)
    for script, run, start in runs(form):
        if script == "han" and any(touched[start : start + len(run)]):
            end = start
            for word in chinese.cut(run):
                borders.difference_update(range(end + 1, end + len(word)))
                end += len(word)
    return borders


def _form(text: str) -> str:
    """``text`` as names are matched: Han and Hangul without spaces, Latin words as stems between
    single spaces, punctuation as ``|``."""
    text = normalise(text)
    parts: list[str] = []
    position = 0
    for script, run, start in runs(text):
        if text[position:start].strip():
            parts.append("|")
        position = start + len(run)
        if script in ("han", "hangul"):
            parts.append(run)
        else:
            stems = english.words(run) if script == "latin" else [run]
            parts.append(f" {' '.join(stems)} " if stems else " ")
    return _SPACES.sub(" ", "".join(parts))
