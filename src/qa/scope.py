"""The limits of a question: which policies, of whom, for where, of when, and still in force or not.

A scope becomes a mask over the clauses of an index before anything is searched, so that the best
clauses within the limits are found, however many better ones lie outside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from qa.evidence import Collector
from qa.index import Index
from qa.metadata import is_draft, is_provisional
from qa.places import NATIONAL, around, places_in
from qa.provisions import of_clause
from qa.status import validity
from qa.text import normalise
from qa.types import UNDATED, Clause, Document, Status, Validity

Mask = NDArray[np.bool_]

_REMEMBERED = 64
"""Masks kept: an office asks within the same limits again and again."""


@dataclass(frozen=True, slots=True)
class Scope:
    """The limits of a question; what is empty does not limit.

    Raises:
        ValueError: a day is not ``YYYY-MM-DD``.

    Attributes:
        documents: ids of the policies to search in; None for all.
        issuer: a part of the issuer's name: 商务厅 finds 山东省商务厅.
        region: a place, in any language: policies that hold there or in a part of it.
        since, until: the first and last day of issue, ``YYYY-MM-DD``; a policy whose date is not
            known is outside.
        in_force_on: a day on which the clause is known to be in force.
        department: the name of a department that the clause names.
    """

    documents: frozenset[str] | None = None
    issuer: str = ""
    region: str = ""
    since: str = ""
    until: str = ""
    in_force_on: str = ""
    department: str = ""

    def __post_init__(self) -> None:
        for name in ("since", "until", "in_force_on"):
            if value := getattr(self, name):
                date.fromisoformat(value)

    def __bool__(self) -> bool:
        """Whether it limits anything."""
        return self != Scope()


class Catalogue:
    """What the policies of an index say of themselves, as columns: one entry a document."""

    def __init__(self, index: Index, collector: Collector) -> None:
        self._index, self._collector = index, collector
        self.headings = tuple(index.documents.headings())
        self._position = {document.id: place for place, document in enumerate(self.headings)}
        self._provisions = {each.clause: each for each in index.provisions.values()}
        self.document_of = index.document_of
        self.numbers = Numbers.of(index)
        self._issuers = [normalise(document.issuer) for document in self.headings]
        self._issued = _column(document.issued for document in self.headings)
        self._effective = _column(document.effective for document in self.headings)
        self._expires = _column(document.expires for document in self.headings)
        self._repealed = _column(document.repealed for document in self.headings)
        # What must not be taken for valid, whatever its dates are: see ``status.validity``.
        self._open = np.array([_is_open(document) for document in self.headings], bool)
        self.mask = lru_cache(maxsize=_REMEMBERED)(self._mask)
        self.lapsed = lru_cache(maxsize=_REMEMBERED)(self._lapsed)
        self.holding = lru_cache(maxsize=_REMEMBERED)(self._holding)

    @cached_property
    def measures(self) -> NDArray[np.int32]:
        """How many measures each document has: the highest number at the top of its clauses, or
        at the bottom, where the numbers run on through the sections."""
        highest = np.zeros(len(self.headings), np.int32)
        top = np.where(self.numbers.article, self.numbers.last, self.numbers.first)
        np.maximum.at(highest, self.document_of, np.maximum(top, self.numbers.last))
        return highest

    def position(self, document_id: str) -> int:
        """The position of a document in the index; −1 where it has none of that id."""
        return self._position.get(document_id, -1)

    def clauses(self, document: int) -> range:
        """The positions of the clauses of a document."""
        return self._index.clause_range(document)

    def clause_position(self, clause: Clause) -> int:
        """The position of a clause of the index."""
        return self._index.position(clause.id)

    def title(self, document_id: str) -> str | None:
        """The title of a document; None where the index does not have it."""
        place = self.position(document_id)
        return self.headings[place].title if place >= 0 else None

    def validity(self, document_id: str, day: date) -> Validity:
        """Whether a document of the index holds on ``day``."""
        return validity(self.headings[self._position[document_id]], day, self.title)

    def clause_validity(self, clause: Clause, day: date) -> Validity:
        """Whether a clause of the index holds on ``day``."""
        heading = self.headings[self._position[clause.document_id]]
        return validity(of_clause(heading, self._provisions.get(clause.id)), day, self.title)

    def _lapsed(self, day: date) -> Mask:
        """The clauses that do not hold on ``day``: ended before it, or not yet begun."""
        return self._by_clause(self._lapsed_documents(day), day, lambda status: status.lapsed)

    def _by_clause(self, documents: Mask, day: date, holds: Callable[[Status], bool]) -> Mask:
        """A mask over the clauses from one over the documents that ``holds`` makes of the status of
        each: some clauses have one of their own."""
        clauses = documents[self.document_of] if len(documents) else np.zeros(0, bool)
        for place, provision in self._index.provisions.items():
            heading = of_clause(self.headings[self.document_of[place]], provision)
            clauses[place] = holds(validity(heading, day).status)
        return clauses

    def _lapsed_documents(self, day: date) -> Mask:
        on = day.isoformat()
        ended = (self._repealed != "") & ((self._repealed == UNDATED) | (self._repealed <= on))
        expired = (self._expires != "") & (self._expires != UNDATED) & (self._expires < on)
        start = np.where(self._effective != "", self._effective, self._issued)
        return np.asarray(ended | expired | (start > on), bool)

    def _holding(self, scope: Scope, day: date) -> Mask:
        """The clauses within a scope whose policies have neither ended before ``day`` nor yet to
        begin: those in force, and those of which nothing is known."""
        holding = ~self.lapsed(day)
        within = self.mask(scope)
        return holding if within is None else holding & within

    def _mask(self, scope: Scope) -> Mask | None:
        """The clauses within a scope; None where it does not limit."""
        if not scope:
            return None
        documents = self._documents_within(scope)
        clauses = documents[self.document_of] if len(documents) else np.zeros(0, bool)
        if scope.in_force_on:
            clauses &= self._in_force(date.fromisoformat(scope.in_force_on))
        if scope.department:
            named = np.zeros(len(clauses), bool)
            named[self._of_department(scope.department)] = True
            clauses &= named
        return clauses

    def clauses_naming(self, text: str) -> list[int]:
        """The positions of the clauses that name all the departments that ``text`` names."""
        names = self._collector.mentioned_departments(text)
        if not names:
            return []
        found = [self._index.clauses_of_departments(frozenset({name})) for name in names]
        common = found[0]
        for others in found[1:]:
            common = np.intersect1d(common, others, assume_unique=True)
        return [int(place) for place in common]

    def _of_department(self, name: str) -> NDArray[np.int64]:
        names = self._collector.mentioned_departments(name) or frozenset({name})
        return self._index.clauses_of_departments(names)

    def _documents_within(self, scope: Scope) -> Mask:
        within = np.ones(len(self.headings), bool)
        if scope.documents is not None:
            within[:] = False
            within[[p for i in scope.documents if (p := self.position(i)) >= 0]] = True
        if scope.issuer:
            wanted = normalise(scope.issuer)
            within &= np.array([wanted in issuer for issuer in self._issuers], bool)
        if scope.region:
            near = around(places_in(scope.region)) | {NATIONAL, scope.region}
            within &= np.array([d.region in near for d in self.headings], bool)
        if scope.since:
            within &= self._issued >= scope.since
        if scope.until:
            within &= (self._issued != "") & (self._issued <= scope.until)
        return within

    def _in_force(self, day: date) -> Mask:
        """The clauses that are known to hold on ``day``, as ``status.validity`` says of each."""
        known = (self._effective != "") & ~self._open & ~self._lapsed_documents(day)
        return self._by_clause(known, day, lambda status: status is Status.IN_FORCE)


@dataclass(frozen=True, slots=True)
class Numbers:
    """The printed numbers of the clauses of an index, one entry a clause: the values of the first
    and the last part (0 where there is none), how many parts there are, and whether the last is
    that of an article (第五条), which no section repeats."""

    first: NDArray[np.int32]
    last: NDArray[np.int32]
    parts: NDArray[np.uint8]
    article: Mask

    @classmethod
    def of(cls, index: Index) -> Numbers:
        """Those of an index."""
        return cls(index.first_number, index.last_number, index.chain_length, index.article)

    def directness(self, number: int) -> NDArray[np.int8]:
        """How directly ``number`` names each clause, 0 not at all: the article of that number;
        else the clause that stands alone under it; else one under the heading of that number;
        else any so numbered."""
        degree: NDArray[np.int8] = (self.last == number).astype(np.int8)
        degree[self.first == number] = 2
        degree[(self.first == number) & (self.parts == 1)] = 3
        degree[(self.last == number) & self.article] = 4
        return degree


def _is_open(document: Document) -> bool:
    """Whether nobody knows until when a policy holds, or whether it ever did."""
    endless = document.expires == UNDATED or (
        not document.expires and is_provisional(document.title)
    )
    return endless or bool(document.doubt) or is_draft(document)


def _column(values: Iterable[str]) -> NDArray[np.str_]:
    return np.array(list(values), "U10")
