"""Whether a policy holds on a day; and which policies of a corpus end which others.

A policy is *in force* only where its text, or its sidecar file, says from when it holds, and
nothing that the corpus knows has ended it. Everything else that is not known is *unknown*: see
docs/decisions/5-in-force-needs-evidence.md.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date

from qa.metadata import document_number, is_draft, is_provisional, repeals_only
from qa.places import NATIONAL, places_named
from qa.text import normalise
from qa.types import UNDATED, Amendment, Document, Provision, Status, Validity

_QUOTED = re.compile(r"《(.+)》", re.DOTALL)
_NUMBERED = re.compile(
    r"[〔\[（(【［﹝]?\s*(\d{4})\s*[〕\]）)】］﹞年]?\s*第?\s*(\d{1,5})\s*[号號호]"
)
_ISSUING = re.compile(
    r"(?:关于)?(?:印发|发布|公布|颁布|转发|批转|下发)(?:修订后的|新修订的)?(.+?)(?:的(?:通知|公告|通告|令|函|决定))?$"
)
_PUNCTUATION = re.compile(r"[\W_]+")
_STATE = re.compile(r"^中华人民共和国")
_VERSION = re.compile(r"\d{4}年?(?:修订|修正|版|修正本|修订版)$")
_LASTING = re.compile(r"(?:法|条例|办法|规定|细则|规则|章程|准则|标准|规程)$")
"""Kinds of which a later text under the same title takes the place of the earlier."""


def validity(
    document: Document, day: date, title: Callable[[str], str | None] = lambda _: None
) -> Validity:
    """Whether ``document`` holds on ``day``. ``title`` gives that of a policy of the corpus by id."""
    on = day.isoformat()
    if document.repealed and (document.repealed == UNDATED or document.repealed <= on):
        when = "" if document.repealed == UNDATED else document.repealed
        if document.replaced_by:
            known = title(document.replaced_by)
            return Validity(
                Status.REPLACED,
                when,
                document.effective,
                document.replaced_by if known is not None else "",
                known or document.replaced_by,
            )
        return Validity(Status.REPEALED, when, document.effective)
    if document.expires and document.expires != UNDATED and document.expires < on:
        return Validity(Status.EXPIRED, document.expires, document.effective)
    start = document.effective or document.issued
    if start > on:
        return Validity(Status.NOT_YET, start, document.effective)
    open_ended = document.expires == UNDATED or (
        not document.expires and is_provisional(document.title)
    )
    if not document.effective or open_ended or document.doubt or is_draft(document):
        return Validity()
    return Validity(
        Status.IN_FORCE, _first(document.expires, document.repealed), document.effective
    )


def _first(*days: str) -> str:
    return min([day for day in days if day not in ("", UNDATED)], default="")


# --- which policies end which others


def resolve(documents: Sequence[Document]) -> tuple[Document, ...]:
    """The documents with ``repealed``, ``replaced_by``, ``doubt`` and ``provisions`` filled in from
    what the others say that they replace or amend, and from later versions under the same title.
    Pure; the order is kept.

    What a document itself (its sidecar) says of its end is left as it is. A title that fits
    several policies ends none of them for certain: they are in ``doubt``.
    """
    catalogue = _Catalogue(documents)
    ends: dict[str, list[_End]] = defaultdict(list)
    changed: dict[str, list[Provision]] = defaultdict(list)
    for document in documents:
        if is_draft(document):
            continue
        for amendment in document.amends:
            for target, provision in catalogue.amended(amendment, document):
                changed[target.id].append(provision)
        for name in document.replaces:
            found, certain = catalogue.find(name, document)
            for target in found:
                ends[target.id].append(_End(document, certain, not repeals_only(document)))
    for older, newer, certain in catalogue.versions():
        ends[older.id].append(_End(newer, certain, True))
    return tuple(
        replace(
            _ended(document, ends[document.id], catalogue),
            provisions=(*document.provisions, *changed[document.id]),
        )
        for document in documents
    )


@dataclass(frozen=True, slots=True)
class _End:
    """That ``by`` ends a document: for certain or not, and whether it takes its place."""

    by: Document
    certain: bool
    replaces: bool

    @property
    def day(self) -> str:
        return self.by.effective or self.by.issued or UNDATED


def _ended(document: Document, ends: Sequence[_End], catalogue: _Catalogue) -> Document:
    if document.replaced_by:  # the sidecar names it as people write it: by number or title
        found, certain = catalogue.find(document.replaced_by, document)
        if certain and len(found) == 1:
            by = found[0]
            day = document.repealed or by.effective or by.issued or UNDATED
            return replace(document, replaced_by=by.id, repealed=day)
        return replace(document, repealed=document.repealed or UNDATED)
    if document.repealed and document.repealed != UNDATED:
        return document
    sure = [end for end in ends if end.certain and not _mutual(document, end.by, catalogue)]
    if not sure:
        return replace(document, doubt=ends[0].by.id) if ends else document
    first = min(sure, key=lambda end: (end.day, end.by.id))
    return replace(document, repealed=first.day, replaced_by=first.by.id if first.replaces else "")


def _mutual(document: Document, other: Document, catalogue: _Catalogue) -> bool:
    """Whether a document says of one that is said to end it that it ends that."""
    return any(other in catalogue.find(name, document)[0] for name in document.replaces)


class _Catalogue:
    """The documents of a corpus by id, by number and by title."""

    def __init__(self, documents: Iterable[Document]) -> None:
        self._ids: dict[str, Document] = {}
        self._numbers: dict[str, list[Document]] = defaultdict(list)
        self._titles: dict[str, list[Document]] = defaultdict(list)
        for document in documents:
            self._ids[document.id] = document
            if document.number:
                self._numbers[number_key(document.number)].append(document)
            for key in title_keys(document.title):
                self._titles[key].append(document)

    def find(self, name: str, by: Document) -> tuple[list[Document], bool]:
        """What ``by`` calls ``name`` (a number, a title or an id), and whether that is certain."""
        if name in self._ids:
            return [self._ids[name]], self._ids[name] is not by
        number = document_number(name)
        same_number = self._numbers.get(number_key(number), []) if number else []
        found = [document for document in same_number if document.id != by.id]
        if found:
            return found, True
        titled = {
            document.id: document
            for key in title_keys(name)
            for document in self._titles.get(key, ())
            if document.id != by.id and _may_end(by, document)
        }
        if number:  # printed with a number that those found do not have
            titled = {id_: each for id_, each in titled.items() if not each.number}
        found = list(titled.values())
        return found, len(found) == 1 and _same_place(by, found[0])

    def amended(self, amendment: Amendment, by: Document) -> Iterator[tuple[Document, Provision]]:
        """The policies one of whose clauses ``by`` ends or changes, each with what is known of it
        then; a text that is not older has the change in it."""
        found, certain = self.find(amendment.policy, by)
        for document in found:
            if document.issued and by.issued and document.issued >= by.issued:
                continue
            if not certain or amendment.part or not document.issued:
                yield document, Provision(amendment.clause, doubt=by.id)
                continue
            yield (
                document,
                Provision(
                    amendment.clause,
                    repealed=amendment.day or by.effective or by.issued or UNDATED,
                    replaced_by=by.id if amendment.changes else "",
                ),
            )

    def versions(self) -> Iterable[tuple[Document, Document, bool]]:
        """Pairs of an earlier and the next later policy under one title, each with whether the later
        takes the place of the earlier for certain."""
        for key, group in self._titles.items():
            dated = sorted(
                (each for each in group if each.issued and not is_draft(each)),
                key=lambda each: (each.issued, each.id),
            )
            for position, older in enumerate(dated):
                later = next(
                    (new for new in dated[position + 1 :] if new.issued > older.issued), None
                )
                if later and (older.issuer, older.region) == (later.issuer, later.region):
                    yield older, later, bool(_LASTING.search(key))


def _may_end(by: Document, document: Document) -> bool:
    """Whether the dates and places allow that ``by`` ends ``document``."""
    if by.issued and document.issued and by.issued < document.issued:
        return False
    places = {by.region, document.region} - {"", NATIONAL}
    return len(places) < 2


def _same_place(by: Document, document: Document) -> bool:
    """Whether a title means ``document`` when ``by`` names it: many places have rules that are
    called alike."""
    return by.region == document.region != "" or bool(places_named(document.title))


def number_key(number: str) -> str:
    """A document number in one form, whatever its brackets: 国办发〔2020〕24号 → 国办发202024."""
    form = normalise(number)
    match = _NUMBERED.search(form)
    if not match:
        return _PUNCTUATION.sub("", form)
    issuer = _PUNCTUATION.sub("", form[: match.start()])
    return f"{issuer}|{match.group(1)}|{int(match.group(2))}"


def title_keys(title: str) -> frozenset[str]:
    """The forms under which a title is known: whole, without what issues it (关于印发《…》的通知),
    without 中华人民共和国, without a year of revision."""
    quoted = _QUOTED.search(title)
    form = _plain(title)
    keys = {form}
    issuing = _ISSUING.search(_plain(title, keep="《》"))
    if issuing:
        keys.add(_plain(issuing.group(1)))
    if quoted and (title.startswith("《") or issuing):
        keys.add(_plain(quoted.group(1)))
    keys |= {_STATE.sub("", key) for key in keys}
    keys |= {_VERSION.sub("", key) for key in keys}
    return frozenset(key for key in keys if len(key) > 3)


def _plain(title: str, keep: str = "") -> str:
    number = document_number(title)
    form = normalise(title)
    if number:
        form = re.sub(r"[（(][^（()）]*\d+\s*号[）)]$", "", form).replace(normalise(number), "")
    return "".join(c for c in form if c.isalnum() or c in keep)
