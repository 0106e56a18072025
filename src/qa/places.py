"""Which places a text names, and which policies hold there."""

from __future__ import annotations

from functools import cache, lru_cache

from qa.glossary import Glossary, places, places_around
from qa.types import Document

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


def around(named: frozenset[str]) -> frozenset[str]:
    """The places themselves, those that hold them and those that they hold."""
    return frozenset[str]().union(*(places_around()[place] for place in named))


@lru_cache(maxsize=100_000)
def document_places(document: Document) -> frozenset[str]:
    """The places in which a document says that it was issued: title, opening lines, signature."""
    text = document.text
    return places_in(f"{document.title}\n{text[:_OPENING]}\n{text[-_SIGNATURE:]}")
