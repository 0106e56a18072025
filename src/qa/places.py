"""Which places a text names, and which policies hold there."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache, lru_cache

from qa.glossary import Glossary, places, places_around
from qa.types import Document

NATIONAL = "全国"
"""In place of a place: a policy of the state, which holds everywhere."""

_OPENING = 250
_SIGNATURE = 60
"""Characters at the beginning and the end of a document that name its issuer and its place."""


@cache
def _names() -> Glossary:
    return Glossary(places())


def places_in(text: str) -> frozenset[str]:
    """The places (their Chinese names) that ``text`` names in any of the three languages."""
    names = _names()
    return frozenset(names.terms[position].zh for position in names.find(text))


def places_named(text: str) -> list[str]:
    """The places that ``text`` names, in its order, without repetition."""
    names = _names()
    # 江西省人民政府 may be one word to the segmenter; a place does not begin or end inside a word.
    found = names.find(text.replace("人民政府", " | "))
    return list(dict.fromkeys(names.terms[position].zh for position in found))


def innermost(named: Iterable[str]) -> str:
    """Of places that lie within each other the innermost; the first where they do not.

    >>> innermost(["山东省", "威海市"])
    '威海市'
    """
    first, *others = named
    for place in others:
        nested = place in places_around()[first]
        if nested and len(places_around()[place]) < len(places_around()[first]):
            first = place
    return first


def around(named: frozenset[str]) -> frozenset[str]:
    """The places themselves, those that hold them and those that they hold."""
    return frozenset[str]().union(*(places_around()[place] for place in named))


@lru_cache(maxsize=100_000)
def document_places(document: Document) -> frozenset[str]:
    """The places in which a document says that it was issued: title, opening lines, signature."""
    text = document.text
    return places_in(f"{document.title}\n{text[:_OPENING]}\n{text[-_SIGNATURE:]}")
