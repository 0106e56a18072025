"""The nouns of the product: small frozen values that carry a policy from its file to people.

    Document ──split──▶ Clause ──▶ Passage ──index──▶ Hit ──decide──▶ Answer (with Citations)

This module imports nothing of ours. Offsets are always counted in characters of
``Document.text`` and half-open: ``document.text[start:end]``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, TypeAlias

Language: TypeAlias = Literal["zh", "en", "ko"]
"""The languages that the product speaks: Chinese, English, Korean."""

LANGUAGES: tuple[Language, ...] = ("zh", "en", "ko")


@dataclass(frozen=True, slots=True)
class Provision:
    """What is known of the clause with a printed number, where it is not what holds for the whole
    policy; the fields mean what those of ``Document`` do, empty ones say nothing."""

    clause: str
    effective: str = ""
    expires: str = ""
    repealed: str = ""
    replaced_by: str = ""
    doubt: str = ""


@dataclass(frozen=True, slots=True)
class Amendment:
    """That a policy ends or changes a clause of another.

    Attributes:
        policy: the other one, as written: a title, a number, or both.
        clause: the number of the clause, as written.
        day: the first day on which the clause no longer holds as it is, where it is named.
        changes: whether another wording takes its place.
        part: whether only a part of it is meant.
    """

    policy: str
    clause: str
    day: str = ""
    changes: bool = False
    part: bool = False


@dataclass(frozen=True, slots=True)
class Document:
    """One policy as it was published.

    ``text`` is NFC with ``\\n`` line ends and without a byte order mark; ``id`` is the name of the
    file without its ending; ``title`` is the first line that reads like one (may be empty).
    All that follows ``text`` is empty where neither the text nor the sidecar file says it. Dates are
    ``YYYY-MM-DD``.

    Attributes:
        number: the document number as printed: 国办发〔2020〕24号.
        issued: the date of the signature, or under the title.
        issuer: who issued it, as printed.
        region: the place in which it holds, by its Chinese name in ``glossary/places``.
        effective: the first day on which it holds.
        expires: the last day on which it holds.
        replaces: what it repeals or replaces: numbers, titles or ids, as written.
        replaced_by: the id (else number or title) of the policy that took its place.
        repealed: the first day on which it no longer holds; ``UNDATED`` where that is not known.
        doubt: the id of a policy that may have repealed this one: a title that fits several.
        source: the address that it was taken from.
        sources: the files that it was read from, where several were the same policy.
        provisions: what is known of single clauses beyond what holds for all of them.
        amends: the clauses of other policies that it ends or changes.
    """

    id: str
    language: Language
    title: str
    text: str
    number: str = ""
    issued: str = ""
    issuer: str = ""
    region: str = ""
    effective: str = ""
    expires: str = ""
    replaces: tuple[str, ...] = ()
    replaced_by: str = ""
    repealed: str = ""
    doubt: str = ""
    source: str = ""
    sources: tuple[str, ...] = ()
    provisions: tuple[Provision, ...] = ()
    amends: tuple[Amendment, ...] = ()


UNDATED = "undated"
"""In place of the date of a repeal that is known without its date."""


class Status(StrEnum):
    """Whether a policy holds on a day. What is not known is UNKNOWN, never valid."""

    IN_FORCE = "in_force"
    NOT_YET = "not_yet"
    EXPIRED = "expired"
    REPEALED = "repealed"
    REPLACED = "replaced"
    UNKNOWN = "unknown"

    @property
    def ended(self) -> bool:
        """Whether it held once and no longer does."""
        return self in (Status.EXPIRED, Status.REPEALED, Status.REPLACED)

    @property
    def lapsed(self) -> bool:
        """Whether it does not hold: it has ended, or has not begun yet."""
        return self.ended or self is Status.NOT_YET


@dataclass(frozen=True, slots=True)
class Validity:
    """The status of a policy on a day, and the date that decides it (empty where none is known):
    the first day of a policy not yet in force, the last day of one in force, the day on which one
    ended. ``since`` is the first day of one in force. ``successor`` is the id of the policy that
    took its place where the corpus has it, else ``""``; ``successor_name`` what it is called.
    """

    status: Status = Status.UNKNOWN
    date: str = ""
    since: str = ""
    successor: str = ""
    successor_name: str = ""


@dataclass(frozen=True, slots=True)
class Clause:
    """One numbered unit of a document, an exact slice of it.

    Holds: ``document.text[start:end] == text``, and ``text[title_start:title_end] == title``,
    ``body_start`` is where the wording after number and title begins (offsets within ``text``).

    ``number`` is the printed number without its punctuation (``一``, ``（三）``, ``第五条``, ``12``);
    empty for text that has no number (a preamble, an unnumbered notice).
    ``path`` holds the printed headings above the clause, outermost first.
    ``departments`` are the responsible departments as printed, in printed order; ``lead`` those
    of them that the text itself tells apart as leading. ``notes`` are the spans, within ``text``,
    of the notes that name the departments.
    """

    id: str
    document_id: str
    number: str
    path: tuple[str, ...]
    title: str
    start: int
    end: int
    text: str
    title_start: int = 0
    title_end: int = 0
    body_start: int = 0
    departments: tuple[str, ...] = ()
    lead: tuple[str, ...] = ()
    notes: tuple[tuple[int, int], ...] = ()

    def wording(self) -> str:
        """The text after number and title, without the notes that name the departments."""
        kept, position = [], self.body_start
        for start, end in self.notes:
            kept.append(self.text[position:start])
            position = max(position, end)
        return "".join([*kept, self.text[position:]]).strip()


def number_path(clause: Clause) -> str:
    """The printed numbers above a clause and its own, as in its id: ``一/（二）``."""
    return clause.id.partition("#")[2]


def number_chain(clause: Clause) -> list[str]:
    """The printed numbers above a clause and its own, without what tells repeated ones apart."""
    return [part.partition("~")[0] for part in number_path(clause).split("/")]


@dataclass(frozen=True, slots=True)
class Translation:
    """An unofficial translation of one clause, aligned with it sentence by sentence.

    ``sentences[i]`` renders the i-th sentence of the clause's wording when ``aligned``; else the
    translation holds for the clause as a whole only.
    """

    clause_id: str
    language: Language
    title: str
    sentences: tuple[str, ...]
    note: str = ""
    aligned: bool = True

    @property
    def text(self) -> str:
        """The translated wording as one paragraph, without the closing note."""
        return (" " if self.language != "zh" else "").join(self.sentences)


PassageKind: TypeAlias = Literal["title", "sentence", "clause", "wording"]

PASSAGE_KINDS: tuple[PassageKind, ...] = ("title", "sentence", "clause", "wording")


@dataclass(frozen=True, slots=True)
class Passage:
    """A stretch of text that is embedded and indexed: what a question is compared with.

    ``clause`` is the position of its clause in the index. ``sentence`` counts the sentences of
    the clause's wording from 0 for kind ``sentence`` (several passages where one was over-long).
    """

    clause: int
    kind: PassageKind
    language: Language
    text: str
    sentence: int = -1


class Outcome(StrEnum):
    """What became of a question; a family of outcomes, none of them an error."""

    ANSWERED = "answered"
    CLARIFY = "clarify"  # two or three clauses to choose from
    NO_CLAUSE = "no_clause"
    SMALL_TALK = "small_talk"
    INVALID = "invalid"


class Focus(StrEnum):
    """What the asker wants to see first."""

    CLAUSE = "clause"
    DEPARTMENTS = "departments"  # "which department handles …"
    DUTIES = "duties"  # "what does the tax bureau do here"
    CONTENTS = "contents"  # "what does that policy say"


@dataclass(frozen=True, slots=True)
class Hit:
    """A clause found for a question; ``probability`` in [0, 1] that it answers the question, and
    whether its policy holds on the day of the question."""

    clause: Clause
    probability: float
    rank: int
    validity: Validity = Validity()


@dataclass(frozen=True, slots=True)
class Quote:
    """A sentence of a clause, word for word (``clause.text[start:end]``), and its translation."""

    start: int
    end: int
    text: str
    translation: str = ""


@dataclass(frozen=True, slots=True)
class Citation:
    """A clause that answers, with the sentences of it that settle the question.

    ``translation`` is the whole clause in the asker's language, where there is one; ``validity``
    tells whether its policy holds on the day of the question.
    """

    clause: Clause
    document: Document
    quotes: tuple[Quote, ...]
    translation: Translation | None = None
    validity: Validity = Validity()


@dataclass(frozen=True, slots=True)
class NumberCheck:
    """A number of the question as asked, its normal form, and whether the cited clause has it."""

    text: str
    value: str
    found: bool


@dataclass(frozen=True, slots=True)
class Answer:
    """What may be said to a question: citations exactly when it is answered.

    ``hits`` are the best clauses in any case; ``choices`` those to choose from when the outcome
    is ``CLARIFY``; ``uncovered`` the words of the question that no clause covers;
    ``assumed`` the clause that a follow-up question was taken to refer to;
    ``context`` the questions before that it leans on, oldest first; ``total`` how many clauses
    there are in all, where the focus is on duties or contents and only the first are cited;
    ``reply`` the key of the fixed reply for small talk and invalid questions.
    """

    question: str
    language: Language
    outcome: Outcome
    hits: tuple[Hit, ...] = ()
    citations: tuple[Citation, ...] = ()
    choices: tuple[Citation, ...] = ()
    focus: Focus = Focus.CLAUSE
    departments: tuple[str, ...] = ()
    uncovered: tuple[str, ...] = ()
    numbers: tuple[NumberCheck, ...] = ()
    assumed: Clause | None = None
    context: tuple[str, ...] = ()
    total: int = 0
    reply: str = ""
