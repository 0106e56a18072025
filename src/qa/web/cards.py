"""An answer as HTML. Pure: values in, markup out.

Documents and questions are hostile: every text reaches the page through a template that escapes
it, and what is quoted is cut from the clause or its translation, never written.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from itertools import groupby
from pathlib import Path
from typing import Any, Literal, TypeAlias

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from qa.desk.responsibility import duties, party
from qa.index import Index
from qa.journal.records import Reason
from qa.messages import message
from qa.numbers import clause_number
from qa.render import contacts, department_name, imprint, validity_text
from qa.types import (
    Answer,
    Citation,
    Clause,
    Document,
    Focus,
    Hit,
    Language,
    Outcome,
    Quote,
    Status,
    Translation,
    Validity,
)

TAGS: dict[Language, str] = {"zh": "zh-CN", "en": "en", "ko": "ko"}
"""The language tags (BCP 47) by which browsers choose fonts and voices."""

_ALSO = 3
_MAY_APPLY = 0.1
"""The probability from which a further clause is worth a glance."""
_NEIGHBOURS = 3
_MOST_DUTIES = 40
_MOST_FURTHER = 12
"""Clauses listed of what else a department is responsible for."""
_LONG = 1200
"""Characters from which a clause is shown by its decisive sentences first, on wide screens too."""

_LISTS = (Focus.DUTIES, Focus.CONTENTS)
"""The answers that are lists of clauses."""

Kind: TypeAlias = Literal["mark", "rest", "note"]


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch of a text: decisive (``mark``), other wording, or a closing note."""

    text: str
    kind: Kind


@dataclass(frozen=True, slots=True)
class Column:
    """A text of a clause in one language; ``label`` is the key of its heading."""

    label: str
    language: Language
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Link:
    """A clause as something to open. ``numeral`` is the number alone, ``label`` what it is called."""

    clause: str
    numeral: str
    label: str
    path: tuple[str, ...]
    title: str
    language: Language
    document: str
    gist: tuple[Piece, ...] = ()
    current: bool = False


@dataclass(frozen=True, slots=True)
class Department:
    """A responsible department in the asker's language; ``printed`` where that differs. ``key`` is
    its name as printed, ``full`` the full one where the directory has a longer one."""

    key: str
    name: str
    printed: str
    language: Language
    lead: bool
    full: str
    telephone: str


@dataclass(frozen=True, slots=True)
class Badge:
    """Whether a policy holds, in a word, and in a sentence."""

    status: Status
    text: str
    title: str


@dataclass(frozen=True, slots=True)
class Card:
    """A clause that answers, the ``position``-th of ``count`` (0 where it has no number).

    ``plain`` is what the copy button copies; ``starts`` are the offsets of the quotes.
    """

    link: Link
    validity: Badge
    printed: str
    printed_language: Language
    columns: tuple[Column, ...]
    untranslated: bool
    long: bool
    departments: tuple[Department, ...]
    source: str
    position: int
    count: int
    neighbours: tuple[Link, ...]
    plain: str
    starts: tuple[int, ...]

    @property
    def marked(self) -> bool:
        """Whether some sentences stand out from others."""
        return any(piece.kind == "mark" for column in self.columns for piece in column.pieces)


def clause_pieces(clause: Clause, quotes: Iterable[Quote]) -> tuple[Piece, ...]:
    """The wording and notes of a clause (all of it where it is a title only), cut at the quotes.

    The pieces joined are a slice of ``clause.text``. Nothing is marked where all is quoted.
    """
    start = clause.body_start if clause.text[clause.body_start :].strip() else 0
    kinds: list[Kind] = ["rest"] * len(clause.text)
    for first, last in clause.notes:
        kinds[first:last] = ["note"] * len(kinds[first:last])
    for quote in quotes:
        kinds[quote.start : quote.end] = ["mark"] * len(kinds[quote.start : quote.end])
    runs = groupby(range(start, len(clause.text)), key=kinds.__getitem__)
    pieces = [Piece("".join(clause.text[i] for i in run), kind) for kind, run in runs]
    return _unmark_whole(pieces)


def translation_pieces(translation: Translation, quotes: Iterable[Quote]) -> tuple[Piece, ...]:
    """A translation, sentence by sentence, with the translations of the quotes marked."""
    quoted = {quote.translation for quote in quotes if quote.translation}
    space = "" if translation.language == "zh" else " "
    pieces: list[Piece] = []
    for sentence in translation.sentences:
        pieces += Piece(sentence, "mark" if sentence in quoted else "rest"), Piece(space, "note")
    return _unmark_whole([*pieces, Piece(translation.note, "note")])


def _unmark_whole(pieces: Sequence[Piece]) -> tuple[Piece, ...]:
    """Where nothing but notes is left unmarked, marks tell nothing."""
    if any(piece.kind == "rest" and piece.text.strip() for piece in pieces):
        return tuple(pieces)
    return tuple(Piece(p.text, "rest" if p.kind == "mark" else p.kind) for p in pieces)


class Cards:
    """Renders the answers that one index gives."""

    def __init__(self, index: Index) -> None:
        self.index = index

    def answer(self, answer: Answer, interface: Language, suggestions: Sequence[str] = ()) -> str:
        """The answer, with the labels of the page in the language of the interface, and with
        questions that may be asked next."""
        shown = answer.citations[:_MOST_DUTIES]
        cards = [self._card(citation, answer, interface) for citation in shown]
        return render(
            "answer.html",
            interface,
            answer=answer,
            listed=answer.focus in _LISTS,
            departments_first=answer.focus is Focus.DEPARTMENTS,
            reply=message(answer.language, f"reply.{answer.reply}") if answer.reply else "",
            cards=cards,
            kept=json.dumps(
                [{"clause": card.link.clause, "starts": card.starts} for card in cards]
            ),
            suggestions=suggestions,
            reasons=list(Reason),
            left_out=max(answer.total, len(answer.citations)) - len(shown),
            total=max(answer.total, len(answer.citations)),
            contents=self.document_title(shown[0].document.id, answer.language)
            if shown and answer.focus is Focus.CONTENTS
            else "",
            choices=[
                self._choice(citation, answer.language, interface) for citation in answer.choices
            ],
            assumed=self.link(answer.assumed, answer.language, interface)
            if answer.assumed
            else None,
            named=[
                department_name(self.index, name, answer.language) for name in answer.departments
            ],
            also=self._also(answer, interface),
            nearest=self._links(
                (hit.clause for hit in answer.hits[:_ALSO]), answer.language, interface
            ),
            contacts=contacts(answer, self.index),
            documents=len(self.index.documents),
            clauses=int(self.index.numbered.sum()),
        )

    def link(
        self,
        clause: Clause,
        language: Language,
        interface: Language,
        gist: tuple[Piece, ...] = (),
        current: bool = False,
    ) -> Link:
        """A clause to open, its title in ``language`` where there is a translation."""
        translation = self._translation(clause, language)
        document = self._heading(clause.document_id)
        title = translation.title if translation else ""
        numeral = numeral_of(clause, interface)
        spoken = (
            numeral if _is_item(clause.number) else message(interface, "clause", number=numeral)
        )
        return Link(
            clause=clause.id,
            numeral=numeral,
            label=spoken if clause.number else "",
            path=clause.path,
            title=title or clause.title or f"{clause.text[:24].strip()}…",
            language=language if title else document.language,
            document=self.document_title(clause.document_id, language)
            if len(self.index.documents) > 1
            else "",
            gist=gist,
            current=current,
        )

    def count(self, document_id: str) -> int:
        """How many numbered clauses a document has."""
        return int(self.index.numbered[_slice(self._places(document_id))].sum())

    def outline(self, document_id: str, interface: Language) -> list[Link]:
        """The clauses of a document in its order."""
        places = self._places(document_id)
        return self._links(self.index.clauses[places.start : places.stop], interface, interface)

    def document_title(self, document_id: str, language: Language) -> str:
        """The title of a document in a language, else as printed, else its file name."""
        document = self._heading(document_id)
        return self.index.titles.get((document_id, language), "") or document.title or document_id

    def further_duties(
        self, printed: str, clause: Clause, language: Language, interface: Language
    ) -> str:
        """The clauses beside ``clause`` for which one of its departments is responsible, too."""
        positions = duties(printed, self.index)
        others = [
            other
            for other in (self.index.clauses[place] for place in positions[: _MOST_FURTHER + 1])
            if other.id != clause.id
        ]
        return render(
            "duties.html",
            interface,
            department=self._department(printed, clause, language),
            language=language,
            links=self._links(others[:_MOST_FURTHER], language, interface),
            left_out=max(0, len(positions) - 1 - _MOST_FURTHER),
        )

    # --- parts

    def _places(self, document_id: str) -> range:
        """The positions of the clauses of a document."""
        return self.index.clause_range(self.index.document_position(document_id))

    def _heading(self, document_id: str) -> Document:
        """A document without its text."""
        return self.index.documents.heading(self.index.document_position(document_id))

    def _card(self, citation: Citation, answer: Answer, interface: Language) -> Card:
        clause, document, language = citation.clause, citation.document, answer.language
        places, place = self._places(clause.document_id), self.index.position(clause.id)
        first, last = place - _NEIGHBOURS, place + _NEIGHBOURS + 1
        around = self.index.clauses[max(places.start, first) : min(places.stop, last)]
        original = Column("original", document.language, clause_pieces(clause, citation.quotes))
        columns: tuple[Column, ...] = (original,)
        if citation.translation and language != document.language:
            pieces = translation_pieces(citation.translation, citation.quotes)
            columns = (Column("translation", language, pieces), original)
        departments = tuple(self._department(name, clause, language) for name in clause.departments)
        heading = clause.text[: clause.body_start].strip()
        return Card(
            link=self.link(clause, language, interface),
            validity=badge(citation.validity, interface),
            printed=heading if len(columns) > 1 else "",
            printed_language=document.language,
            columns=columns,
            untranslated=len(columns) == 1 and language != document.language,
            long=len(clause.text) > _LONG,
            departments=departments,
            source=" · ".join([self.document_title(document.id, language), *imprint(document)]),
            position=int(self.index.numbered[places.start : place + 1].sum())
            if clause.number
            else 0,
            count=self.count(document.id),
            neighbours=tuple(
                self.link(other, language, interface, current=other.id == clause.id)
                for other in around
            ),
            starts=tuple(quote.start for quote in citation.quotes),
            plain=_plain(
                citation,
                departments,
                " · ".join([document.title or document.id, *imprint(document)]),
                interface,
            ),
        )

    def _choice(self, citation: Citation, language: Language, interface: Language) -> Link:
        """A clause to choose, told by the translation of its decisive sentence, else the sentence."""
        quote = citation.quotes[0]
        gist = (Piece(quote.translation or quote.text, "mark"),)
        return self.link(citation.clause, language, interface, gist=gist)

    def _also(self, answer: Answer, interface: Language) -> list[Link]:
        if answer.outcome is not Outcome.ANSWERED or answer.focus in _LISTS:
            return []
        cited = {citation.clause.id for citation in answer.citations}
        further = [hit for hit in answer.hits if hit.clause.id not in cited and _may_apply(hit)]
        return self._links((hit.clause for hit in further[:_ALSO]), answer.language, interface)

    def _links(
        self, clauses: Iterable[Clause], language: Language, interface: Language
    ) -> list[Link]:
        return [self.link(clause, language, interface) for clause in clauses]

    def _department(self, printed: str, clause: Clause, language: Language) -> Department:
        document = self._heading(clause.document_id)
        name = department_name(self.index, printed, language, document)
        known = party(printed, document, self.index)
        return Department(
            key=printed,
            name=name,
            printed=printed if name != printed else "",
            language=document.language,
            lead=printed in clause.lead,
            full=known.full if known.full != printed else "",
            telephone=known.telephone,
        )

    def _translation(self, clause: Clause, language: Language) -> Translation | None:
        return self.index.translation(clause, language)


def _slice(places: range) -> slice:
    return slice(places.start, places.stop)


def badge(validity: Validity, interface: Language) -> Badge:
    """The status of a policy, as a badge; what is not known says so."""
    text = message(interface, f"status.label.{validity.status}")
    return Badge(validity.status, text, validity_text(validity, interface))


def numeral_of(clause: Clause, interface: Language) -> str:
    """The number of a clause as readers of a language write it: 十一 for Chinese, 11 for others.

    Numbers of several parts (3.2) and letters stay as printed.
    """
    bare = clause.number.strip("第条條제조（）() .、．")
    if interface == "zh" or not re.fullmatch(r"[〇零一二三四五六七八九十百千两]+", bare):
        return bare
    return str(clause_number(bare) or bare)


def _is_item(number: str) -> bool:
    """Whether a number counts items within a clause, as （三） and 3.2 do."""
    return number[:1] in "（(" or bool(re.search(r"\d\.\d", number))


def _may_apply(hit: Hit) -> bool:
    return hit.probability >= _MAY_APPLY


def _plain(
    citation: Citation, departments: Sequence[Department], source: str, interface: Language
) -> str:
    """A citation for the clipboard: heading, text, translation, departments, source."""
    say = partial(message, interface)
    clause, translation = citation.clause, citation.translation
    names = "；".join(department.printed or department.name for department in departments)
    lines = [clause.text.strip()]
    if translation:
        lines += ["", f"{say('translation')}:", f"{translation.title}\n{translation.text}".strip()]
    if names:
        lines += ["", f"{say('departments')}: {names}"]
    return "\n".join([*lines, f"{say('source')}: {source}"])


def render(template: str, interface: Language, **values: Any) -> str:
    """A template of this package filled in, its labels in the language of the interface."""
    return (
        _environment()
        .get_template(template)
        .render(say=partial(message, interface), interface=interface, tags=TAGS, **values)
    )


@cache
def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,  # a sixth of an answer went into asking the disk whether they changed
    )
